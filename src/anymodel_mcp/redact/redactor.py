"""The redactor: finds secrets in every form and masks them. Linear in the length of the text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from anymodel_mcp.redact.cleaning import CUT, clean_text, unfinished
from anymodel_mcp.redact.forms import Forms
from anymodel_mcp.redact.search import Span, complete, cut_off

MASK = "[key removed]"

_SHAPES = re.compile(
    r"(?:\bsk-[A-Za-z0-9_\-]{16,}|\bAIza[0-9A-Za-z_\-]{30,}|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{40,}"
    r"|\bhf_[A-Za-z0-9]{30,}|\bgsk_[A-Za-z0-9]{30,}|\bxai-[A-Za-z0-9]{30,}|\bnvapi-[A-Za-z0-9_\-]{30,}"
    r"|(?<![A-Za-z0-9_\-])eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]*"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/\-]{12,}=*|(?<=://)[^/\s:@]+:[^/\s@]+(?=@))"
)
_RECOGNISED = 6
"""How many characters of a secret at the end of a text distinguish it from an ordinary word."""

_MOST_CUTS = 100
_CONTEXT = 3
_NO_BEGINNING = "\u200c\u200d\ufe0e\ufe0f"
_CUT_WINDOW = 2000
_REPEATED_CHARS = 64
_MOST_REPEATED = 1000
"""Strings of one value that are remembered with their cleaned form, and how long they may be."""


class Redactor:
    """Removes keys from text and from JSON values.

    Args:
        secrets: the live values; shorter than three characters are not searched for.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms = Forms()
        self._seen: set[str] = set()
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Adds secrets to remove."""
        for secret in secrets:
            if secret and secret not in self._seen:
                self._seen.add(secret)
                self._forms.add(secret)

    def keys(self, text: str) -> str:
        """Removes live secrets, including one that the end of the text cuts off; the rest is unchanged."""
        if not self._forms:
            return text
        spans = complete(self._forms, text)
        start = cut_off(self._forms, text, least=_RECOGNISED)
        return _masked(text, [*spans, (start, len(text))])

    def text(self, text: str) -> str:
        """Removes live secrets and unsafe characters from a model's answer; the rest is unchanged."""
        if "\x1b" in text:
            text = self.keys(text)
        text = self.keys(clean_text(text))
        return self._shortened(text) if CUT in text and self._forms else text

    def _shortened(self, text: str) -> str:
        """Removes parts of secrets before a mark of shortened text."""
        *parts, last = text.split(CUT, _MOST_CUTS)
        return CUT.join([*(self._end_removed(part) for part in parts), last])

    def _end_removed(self, part: str) -> str:
        before, window = part[:-_CUT_WINDOW], part[-_CUT_WINDOW:]
        start = cut_off(self._forms, window, least=_RECOGNISED)
        return f"{before}{window[:start]}{MASK}" if start < len(window) else part

    def clean(self, text: str) -> str:
        """Removes secrets, everything shaped like a key, and unsafe characters."""
        return _SHAPES.sub(MASK, self.text(text))

    def split(self, text: str) -> tuple[str, str]:
        """Splits a streamed text: what may be shown now, cleaned, and the end that may be the start of a key.

        The second part goes in front of the text that comes next.
        """
        waiting = unfinished(text)
        ready = clean_text(text[: len(text) - len(waiting)])
        if not self._forms:
            return ready, waiting
        start = cut_off(self._forms, ready, least=1)
        spans = [span for span in complete(self._forms, ready) if span[0] < start]
        start = max([start, *(end for _, end in spans)])
        if spans and start == len(ready) and (last := max(spans)) not in complete(self._forms, f"{ready}0"):
            spans.remove(last)  # a short key that more letters would make another word
            start = last[0]
        return _masked(ready[:start], spans), ready[start:] + waiting

    def value(self, value: Any) -> Any:
        """Cleans every string in a JSON value, including field names, as `text` does."""
        return self._value(value, {})

    def _value(self, value: Any, cleaned: dict[str, str]) -> Any:
        """`cleaned` holds short strings: a list of thousands of entries repeats field names and many values."""
        if isinstance(value, str):
            return self._short(value, cleaned)
        if isinstance(value, dict):
            return {self._short(str(k), cleaned): self._value(v, cleaned) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] a JSON value
        if isinstance(value, list | tuple):
            return [self._value(v, cleaned) for v in value]  # pyright: ignore[reportUnknownVariableType] a JSON value
        return value

    def _short(self, text: str, cleaned: dict[str, str]) -> str:
        if (known := cleaned.get(text)) is not None:
            return known
        fresh = self.text(text)
        if len(text) <= _REPEATED_CHARS and len(cleaned) < _MOST_REPEATED:
            cleaned[text] = fresh
        return fresh

    def holds_key(self, value: Any) -> bool:
        """Whether a string in a JSON value holds a live secret, or the beginning of one at its end."""
        if isinstance(value, str):
            return self.keys(value) != value
        if isinstance(value, dict):
            return any(self.holds_key(v) for v in value.values())  # pyright: ignore[reportUnknownVariableType] a JSON value
        return isinstance(value, list | tuple) and any(self.holds_key(v) for v in value)  # pyright: ignore[reportUnknownVariableType] a JSON value


class RunningText:
    """Text that is shown while it arrives: no key is shown, not even one that spans several pieces.

    Args:
        redactor: holds the keys.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._before = ""
        self._held = ""

    def add(self, text: str) -> str:
        """Adds a piece; returns what may be shown now."""
        shown, self._held = self._redactor.split(self._before + self._held + text)
        return self._after_before(shown)

    def _after_before(self, shown: str) -> str:
        """Cleans the next part in the context of what was shown before it."""
        new = shown[len(self._before) :]
        if new:
            self._before = shown[-_CONTEXT:].lstrip(_NO_BEGINNING)
        return new

    @property
    def waiting(self) -> str:
        """The text held back, cleaned as if it were the end."""
        return self._redactor.text(self._before + self._held)[len(self._before) :]

    def rest(self) -> str:
        """Ends the text; returns what was held back."""
        held, self._held = self._held, ""
        return self._after_before(self._redactor.text(self._before + held))


def _masked(text: str, spans: Iterable[Span]) -> str:
    out: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if end <= done or start == end:
            continue
        if start > done or not out:
            out += (text[done:start], MASK)
        done = end
    return "".join((*out, text[done:])) if out else text
