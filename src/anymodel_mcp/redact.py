"""What may leave the process: the one redactor for every sink, and the one cleaner of foreign text.

A sink (stderr, a result, an error, progress, a file, a record) never sees a key: `Redactor.clean` removes every known
secret, plain and in the escapes that an upstream may echo it in, and whatever has the shape of a key.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "[key removed]"

_SHAPES = re.compile(
    r"(?:\bsk-[A-Za-z0-9_\-]{16,}|\bAIza[0-9A-Za-z_\-]{30,}|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{40,}"
    r"|\bhf_[A-Za-z0-9]{30,}|\bgsk_[A-Za-z0-9]{30,}|\bxai-[A-Za-z0-9]{30,}|\bnvapi-[A-Za-z0-9_\-]{30,}"
    r"|\beyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]*"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/\-]{12,}=*|(?<=://)[^/\s:@]+:[^/\s@]+(?=@))"
)
_MIN_SECRET = 6

# C0 but tab and line ends, DEL and C1 but NEL (U+0085), bidi controls, zero-width and tag characters, lone surrogates
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c\ufeff"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|[@-Z\\-_])")


def clean_text(text: str) -> str:
    """Foreign text without escape sequences, control, bidi and tag characters and lone surrogates.

    Tabs, line ends and U+0085 stay; a surrogate pair written as two escapes becomes its character.
    """
    if not _UNSAFE.search(text):
        return text
    text = _ANSI.sub("", text)
    text = _PAIR.sub(lambda m: m.group().encode("utf-16", "surrogatepass").decode("utf-16"), text)
    return _UNSAFE.sub("", text)


_TOKEN_AT_END = re.compile(r"[A-Za-z0-9+/=_.%~\-]{4,}\Z")


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, never cut inside what may be a key: half of one is found no more."""
    if len(text) <= limit:
        return text
    return _TOKEN_AT_END.sub("", text[: limit - 1]).rstrip() + "…"


def _variants(secret: str) -> set[str]:
    found = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    found.add(json.dumps(secret, ensure_ascii=False)[1:-1])
    # some gateways escape what needs no escape: all but letters and digits, or every byte
    found.add("".join(chr(b) if chr(b).isalnum() and b < 128 else f"%{b:02X}" for b in secret.encode()))
    found.add("".join(f"%{b:02X}" for b in secret.encode()))
    found |= {re.sub("%..", lambda escape: escape.group().lower(), form) for form in found if "%" in form}
    for scheme in ("", "Bearer ", ":"):
        for lead in range(3):  # a secret inside a longer encoded text starts at any of three offsets
            raw = ("x" * lead + scheme + secret).encode()
            for codec in (base64.b64encode, base64.urlsafe_b64encode):
                text = codec(raw).decode().rstrip("=")
                cut = (lead * 8 + 5) // 6 if lead else 0
                core = text[cut : len(raw) * 8 // 6]
                if len(core) >= 8:
                    found.add(core)
    return found


class Redactor:
    """Removes keys from text and from JSON values.

    Args:
        secrets: the live values; shorter than six characters are not searched for.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._pattern: re.Pattern[str] | None = None
        self._known: set[str] = set()
        self._heads: set[str] = set()
        self._longest = 0
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Also removes these from now on."""
        for secret in secrets:
            if len(secret) >= _MIN_SECRET:
                self._known |= _variants(secret)
        if self._known:
            self._pattern = re.compile("|".join(re.escape(s) for s in sorted(self._known, key=len, reverse=True)))
            self._heads = {s[:_MIN_SECRET] for s in self._known}
            self._longest = max(map(len, self._known))

    def keys(self, text: str) -> str:
        """`text` without live secrets, a last one that was cut off included; the rest stays as it is."""
        if self._pattern is None:
            return text
        text = self._pattern.sub(MASK, text)
        tail = text[-self._longest :]
        if any(head in tail for head in self._heads):
            for start in range(len(tail) - _MIN_SECRET + 1):
                rest = tail[start:]
                if rest[:_MIN_SECRET] in self._heads and any(s.startswith(rest) for s in self._known):
                    return text[: len(text) - len(rest)] + MASK
        return text

    def text(self, text: str) -> str:
        """A model's answer: live secrets and control characters removed, all else as it came."""
        return self.keys(clean_text(text))

    def clean(self, text: str) -> str:
        """`text` without secrets, without what has the shape of a key, and without control characters."""
        return _SHAPES.sub(MASK, self.keys(clean_text(text)))

    def value(self, value: Any) -> Any:
        """A JSON value with every string in it cleaned of live secrets and control characters."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.keys(str(k)): self.value(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] a JSON value
        if isinstance(value, list | tuple):
            return [self.value(v) for v in value]  # pyright: ignore[reportUnknownVariableType] a JSON value
        return value
