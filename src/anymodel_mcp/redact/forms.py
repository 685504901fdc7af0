"""The strings to search for: a secret plain, in base64 at any offset, and in hex.

A key is ASCII. Short or word-like ones ("ollama", "EMPTY") occur in ordinary sentences: those are only searched for
where the text mentions a key, and short ones only as a separate word.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

ENDING = 6
"""Characters needed to recognize the truncated start of a secret."""

_LEAST = 6
_SURE = 8
_WORD = re.compile(r"[a-z]{1,8}|[A-Z][a-z]{0,7}|[A-Z]{1,8}")
_PLACEHOLDERS = frozenset({"not-needed", "not-used", "no-key", "no-key-required", "sk-no-key-required", "lm-studio"})
"""Placeholders that the guides of local servers recommend where no key is needed."""

_LEAST_BASE64 = 8
_LEAST_IN_CONTEXT = 3


@dataclass(slots=True)
class Forms:
    """All strings that are searched for.

    Attributes:
        texts: found anywhere: plain secrets and their base64.
        hexes: found among hex digits.
        words: short and word-like secrets, each with where it counts as one; group 1 is the secret.
        beginnings: every beginning of a text form, whatever its length.
        endings: the last characters of each beginning that has `ENDING` or more: what most texts do not end with.
        hex_beginnings: every beginning of a hex form.
        longest: characters of the longest form.
    """

    texts: set[str] = field(default_factory=set[str])
    hexes: set[str] = field(default_factory=set[str])
    words: dict[str, re.Pattern[str]] = field(default_factory=dict[str, re.Pattern[str]])
    beginnings: set[str] = field(default_factory=set[str])
    endings: set[str] = field(default_factory=set[str])
    hex_beginnings: set[str] = field(default_factory=set[str])
    longest: int = 0

    def __bool__(self) -> bool:
        return bool(self.texts or self.words)

    def add(self, secret: str) -> None:
        """Adds a secret."""
        encoded = len(secret) >= _LEAST
        texts = set(base64_forms(secret)) if encoded else set[str]()
        if is_word_like(secret):
            if len(secret) >= _LEAST_IN_CONTEXT:
                self.words[secret] = _in_context(secret)
        elif len(secret) < _SURE:
            self.words[secret] = re.compile(rf"(?<![\w-])({re.escape(secret)})(?![\w-])")
            self.beginnings |= _beginnings(secret)
        else:
            texts.add(secret)
        hexes = {secret.encode().hex()} if encoded else set[str]()
        self.texts |= texts
        self.hexes |= hexes
        self.longest = max(self.longest, len(secret), *map(len, texts), *map(len, hexes))
        for form in texts:
            self.beginnings |= _beginnings(form)
            self.endings |= {form[n - ENDING : n] for n in range(ENDING, len(form))}
        for form in hexes:
            self.hex_beginnings |= _beginnings(form)


def _beginnings(form: str) -> set[str]:
    return {form[:n] for n in range(1, len(form))}


def is_word_like(secret: str) -> bool:
    """Whether a secret looks like a word: too short, one plain word such as "ollama", or a placeholder."""
    return len(secret) < _LEAST or _WORD.fullmatch(secret) is not None or secret in _PLACEHOLDERS


def _in_context(secret: str) -> re.Pattern[str]:
    return re.compile(
        r"(?i:\b(?:[\w-]{0,20}key|token|secret|password|bearer|authorization)\b"
        r"(?:[ \t]{1,4}[A-Za-z]{1,20}){0,3}"
        r"(?:[\"'`]?[ \t]{0,4}[:=][ \t]{0,4}|[ \t]{1,4}(?=[\"'`])|(?<=bearer)[ \t]{1,4}))"
        rf"[\"'`]?({re.escape(secret)})(?![\w-])"
    )


def base64_forms(secret: str) -> set[str]:
    """The base64 of a secret inside a longer text: three offsets, two alphabets, whole digits only."""
    found: set[str] = set()
    for lead in range(3):
        raw = b"\0" * lead + secret.encode()
        start, end = (lead * 8 + 5) // 6, len(raw) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            core = encode(raw).decode()[start:end]
            if len(core) >= _LEAST_BASE64:
                found.add(core)
    return found
