"""Reads and checks single values: what a field accepts, and how to convert variables and file values."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from anymodel_mcp.errors import ConfigError
from anymodel_mcp.greeting.raw import TOP_KEYS, meant, split_list, variable_of
from anymodel_mcp.record import record
from anymodel_mcp.wire.decode.json_values import as_list

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


@record
class Spec:
    """What one field accepts.

    Attributes:
        kind: text, integer, number, boolean, or a list of strings.
        low: the smallest accepted number.
        high: the largest accepted number.
        form: what the whole text must match.
        wanted: a description of the form, after "must be".
        lines: the text may have several lines, and tabs.
    """

    kind: Literal["text", "int", "float", "bool", "texts"]
    low: float = 0
    high: float = math.inf
    form: re.Pattern[str] | None = None
    wanted: str = ""
    lines: bool = False

    def words(self) -> str:
        """Describes the accepted values."""
        if self.wanted:
            return self.wanted
        if self.kind in ("int", "float"):
            name = "a whole number" if self.kind == "int" else "a number"
            return (
                f"{name} from {self.low:g} to {self.high:g}"
                if self.high < math.inf
                else f"{name}, at least {self.low:g}"
            )
        return {"text": "a string", "bool": "true or false", "texts": "a list of strings"}[self.kind]


@record
class Found:
    """A value with its dotted name and its origin."""

    name: str
    origin: str
    value: Any

    def wrong(self, problem: str, *, show: bool = False) -> ConfigError:
        """The error for this value: field, place, problem and fix."""
        shown = f", not {shorten(self.value)}" if show else ""
        return ConfigError(f"{self.name} ({self.origin}) {problem}{shown}", param=self.name)


def shorten(value: Any) -> str:
    """Shortens a value for a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def parse(found: Found, spec: Spec) -> Any:
    """Checks a value from the file or the command line.

    Raises:
        ConfigError: it is not valid.
    """
    given: Any = found.value
    control = _CONTROL_BUT_LINES if spec.lines else _CONTROL
    for text in as_list(given) or [given]:
        if isinstance(text, str) and control.search(text):
            raise found.wrong(
                "contains a control character: in double quotes a backslash starts an escape (\\t is a tab): write the "
                "value in single quotes, or use /"
            )
    value = _PARSERS[spec.kind](found.value, spec)
    if value is None:
        quoted = spec.kind in ("int", "float", "bool") and isinstance(found.value, str)
        raise found.wrong(f"must be {spec.words()}{', without quotes' if quoted else ''}", show=True)
    return value


def parse_text(found: Found, spec: Spec) -> Any:
    """Converts and checks a value from a variable.

    Raises:
        ConfigError: it is not valid.
    """
    text = str(found.value)
    typed: Any = text
    if spec.kind in ("int", "float"):
        typed = _number(text)
    elif spec.kind == "bool":
        typed = True if text.lower() in _TRUE else False if text.lower() in _FALSE else text
    elif spec.kind == "texts":
        typed = split_list(text)
    value = _PARSERS[spec.kind](typed, spec)
    if value is None:
        raise found.wrong(f"must be {spec.words()}", show=True)
    return value


def _number(text: str) -> int | float | str:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _as_text(value: Any, spec: Spec) -> str | None:
    if not isinstance(value, str):
        return None
    return value if spec.form is None or spec.form.fullmatch(value) else None


def _as_int(value: Any, spec: Spec) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if spec.low <= value <= spec.high else None


def _as_float(value: Any, spec: Spec) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value if spec.low <= value <= spec.high else None


def _as_bool(value: Any, _: Spec) -> bool | None:
    return value if isinstance(value, bool) else None


def _as_texts(value: Any, spec: Spec) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple):
        return None
    texts = [_as_text(item, spec) for item in value]  # pyright: ignore[reportUnknownVariableType] from TOML or JSON
    good = tuple(text.strip() for text in texts if text is not None and text.strip())
    return good if len(good) == len(texts) else None


_PARSERS: Mapping[str, Callable[[Any, Spec], Any]] = {
    "text": _as_text,
    "int": _as_int,
    "float": _as_float,
    "bool": _as_bool,
    "texts": _as_texts,
}


def closest_name(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str:
    """Returns the known name that is closest in spelling, in lower case; "" = none is close."""
    return next(iter(difflib.get_close_matches(name.lower(), sorted(known), n=1, cutoff=likeness)), "")


def suggest(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str:
    """Returns a hint for the end of a message: "did you mean port?", or all known names."""
    names = sorted(known)
    if close := closest_name(name, names, likeness=likeness):
        return f"did you mean {close}?"
    return f"known are {', '.join(names)}" if len(names) <= 30 else ""


@dataclass(slots=True)
class Layers:
    """Command line, environment and file, in this order; records where each value comes from.

    Attributes:
        environ: variables.
        file: the parsed file.
        file_name: for messages; "" without a file.
        overrides: dotted name -> value from the command line.
        origins: dotted name -> origin; filled while reading.
    """

    environ: Mapping[str, str]
    file: Mapping[str, Any]
    file_name: str
    overrides: Mapping[str, object]
    origins: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def file_origin(self) -> str:
        """The name of the file in messages and origins."""
        return f"file {self.file_name}" if self.file_name else "file"

    def get(self, section: str, key: str, spec: Spec, table: Mapping[str, Any], *variables: str) -> Any:
        """Returns the value of a field; `None` = it is not set.

        Args:
            section: dotted; "" = the top of the file.
            key: the field's own name.
            spec: what it accepts.
            table: the section of the file.
            variables: more names of its variable, after the regular one.
        """
        name = f"{section}.{key}" if section else key
        if self.overrides.get(name) is not None:
            return self._checked(Found(name=name, origin="command line", value=self.overrides[name]), spec, parse)
        for variable in (variable_of(section, key), *variables):
            text = meant(self.environ.get(variable))
            if text is not None:
                found = Found(name=name, origin=f"environment {variable}", value=text)
                return self._checked(found, spec, parse_text)
        if key not in table:
            return None
        found = Found(name=name, origin=self.file_origin, value=table[key])
        if isinstance(found.value, str) and meant(found.value) is None:
            return None
        return self._checked(found, spec, parse)

    def _checked(self, found: Found, spec: Spec, read: Callable[[Found, Spec], Any]) -> Any:
        value = read(found, spec)
        self.origins[found.name] = found.origin
        return value

    def table(self, name: str, holder: Mapping[str, Any], prefix: str = "") -> Mapping[str, Any]:
        """Returns a table of the file, empty if it is missing.

        Raises:
            ConfigError: it is not a table.
        """
        value = holder.get(name, {})
        if not isinstance(value, dict):
            raise ConfigError(
                f"{prefix}{name} ({self.file_origin}) must be a table: write [{prefix}{name}] on its own line",
                param=f"{prefix}{name}",
            )
        return value  # pyright: ignore[reportUnknownVariableType] as TOML has it

    def check_keys(self, section: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
        """Refuses unknown keys.

        Raises:
            ConfigError: with the closest name.
        """
        names = set(known)
        for key in table:
            if key not in names:
                where = f"[{section}]" if section else "the top of the file"
                hint = suggest(key, names)
                if section and key in TOP_KEYS:
                    hint = "it belongs at the top of the file, above the first [section]"
                raise ConfigError(
                    f"{key!r} in {where} ({self.file_origin}) is not known: {hint}",
                    param=f"{section}.{key}" if section else key,
                )
