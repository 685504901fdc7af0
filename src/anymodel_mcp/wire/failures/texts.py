"""Error messages that are not a single string: lists, maps from field to texts, JSON inside a sentence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, cast

from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import BAD_JSON, as_list, as_object, as_text, first_text, scan_json

_MOST = 20
_MOST_PYTHON = 4000
_DEEPEST_PYTHON = 60
_MAX_DEPTH = 8
_LONGEST_NAME = 80
_WORDS = (
    "msg",
    "message",
    "description",
    "issue",
    "reason",
    "detail",
    "title",
    "text",
    "error_message",
    "errorMessage",
)
_PLACES = ("loc", "path", "field", "param", "property", "name", "pointer")
_NO_FIELDS = frozenset(
    {*_WORDS, "error", "code", "type", "status", "param", "request_id", "trace_id", "errors", "metadata", "retrydelay"}
    | {
        "retry_after",
        "error_code",
        "statuscode",
        "status_code",
        "innererror",
        "@type",
        "requestid",
        "traceid",
        "instance",
    }
)


def listed_texts(values: list[Any]) -> tuple[list[str], list[str]]:
    """The texts of a list of texts, or of objects with a location; and the fields that they name."""
    texts: list[str] = []
    params: list[str] = []
    for value in values[:_MOST]:
        entry = as_object(value)
        place = next((p for name in _PLACES if (p := _place(entry.get(name)))), "")
        words = as_text(value) or first_text(entry, *_WORDS) or "; ".join(_inner_texts(entry))
        if not words and not place:
            return [], []
        params += [place] if place else []
        texts.append(": ".join(p for p in (place, words.strip()) if p) if place not in words else words.strip())
    return list(dict.fromkeys(texts)), params


def _inner_texts(entry: Json) -> list[str]:
    """The texts in a nested list or map of a list entry."""
    return [text for name in ("errors", "messages", "constraints") for text in as_list_of_text(entry.get(name))]


def _place(value: Any) -> str:
    """A field's name: a text, or a path of names and numbers."""
    if isinstance(value, str):
        return value if 0 < len(value) <= _LONGEST_NAME and " " not in value else ""
    path = list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else as_list(value)
    steps = [str(p) for p in path if isinstance(p, str | int) and p != "body"]
    return ".".join(steps)[:_LONGEST_NAME]


def as_list_of_text(value: Any) -> list[str]:
    """The texts in a text, a list of texts or the values of an object."""
    if isinstance(value, str):
        return [value] if value.strip() else []
    values = list(as_object(value).values()) or as_list(value)
    return [v.strip() for v in values[:_MOST] if isinstance(v, str) and v.strip()]


def field_texts(value: Any) -> tuple[list[str], list[str]]:
    """The texts of a map from field to text or texts, each with its field; empty if it is not such a map."""
    entries = as_object(value)
    if not entries or any(name.lower() in _NO_FIELDS for name in entries):
        return [], []
    texts: list[str] = []
    for name, said in list(entries.items())[:_MOST]:
        words = as_list_of_text(said)
        if not words:
            return [], []
        texts.append(f"{name}: {', '.join(words)}" if name else ", ".join(words))
    return texts, list(entries)


def text_before_json(text: str) -> tuple[str, Any]:
    """The text before a JSON object or array at its end, and that value; `None` = there is none."""
    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    for at in sorted(starts):
        value = _structure(text[at:])
        if value:
            return text[:at].strip(" \n\t-:"), value
    return "", None


def _structure(text: str) -> Any:
    """Parses a text that is an object or array in JSON or Python syntax; `None` = neither."""
    try:
        value, end = scan_json(text, 0)
    except BAD_JSON:
        return _python_structure(text)
    whole = isinstance(value, dict | list) and not text[end:].strip(" \n.\"'")
    return cast("Any", value) if whole else None


def _python_structure(text: str) -> Any:
    """Parses a body printed by a Python program: {'error': {'message': '...'}}."""
    text = text.rstrip(' \n."')
    deep = text.count("{") + text.count("[") + text.count("(")
    if len(text) > _MOST_PYTHON or deep > _DEEPEST_PYTHON or text[-1:] not in ("}", "]"):
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return cast("Any", value) if isinstance(value, dict | list) else None


def loose_words(value: Any) -> str:
    """The sentences in a JSON value of unknown shape, each with its field's name; "" = none."""
    found = list(_leaves(value, "", 0))
    sentences = [pair for pair in found if " " in pair[1].strip()] or found
    return "; ".join(f"{name}: {words}" if name else words for name, words in sentences[:5])


def _leaves(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        if value.strip():
            yield name, value.strip()
    elif isinstance(value, list):
        for element in as_list(value)[:_MOST]:
            yield from _leaves(element, name, depth + 1)
    else:
        entries: Json = as_object(value)
        for key, inner in list(entries.items())[:_MOST]:
            yield from _leaves(inner, key, depth + 1)
