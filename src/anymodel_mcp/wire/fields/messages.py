"""Transforms messages before they are sent: roles, an added instruction, the size of files.

Messages are never modified in place, and unknown keys pass through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, objects

MAX_FILE_BYTES = 50_000_000  # for one file and in total: https://docs.leapx-hub.com, read 2026-11-20

_INSTRUCTING = ("system", "developer")
_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*,", re.IGNORECASE)
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/=_\-\s]")


def with_system_role(messages: Sequence[Json], role: Literal["system", "developer", "user"]) -> list[Json]:
    """The messages with instructions under the supported role; "user" merges them into a user message."""
    if role == "user":
        return _folded(messages)
    if role == "developer":
        return [{**m, "role": role} if m.get("role") == "system" else m for m in messages]
    return list(messages)


def with_sound_form(messages: Sequence[Json], form: Literal["openai", "data_url", "string"]) -> list[Json]:
    """The messages with their sounds in the form that is known here; what is in another form already stays as it is.

    "data_url": https://www.alibabacloud.com/help/en/model-studio/qwen-omni; "string":
    https://docs.mistral.ai/capabilities/audio (read 2026-11-28).
    """
    if form == "openai":
        return list(messages)
    return [
        {**message, "content": [_sound(part, form) for part in as_list(message["content"])]}
        if any(part.get("type") == "input_audio" for part in objects(message.get("content")))
        else message
        for message in messages
    ]


def _sound(part: Any, form: Literal["data_url", "string"]) -> Any:
    fields = as_object(part)
    sound = as_object(fields.get("input_audio"))
    data = as_text(sound.get("data"))
    if fields.get("type") != "input_audio" or not data:
        return part
    if form == "string":
        return {**fields, "input_audio": data}
    bare = not data[:8].lower().startswith(("data:", "http:", "https:"))
    return {**fields, "input_audio": {**sound, "data": f"data:;base64,{data}" if bare else data}}


def _folded(messages: Sequence[Json]) -> list[Json]:
    instructions = [text_of(m.get("content")) for m in messages if m.get("role") in _INSTRUCTING]
    rest = [m for m in messages if m.get("role") not in _INSTRUCTING]
    text = "\n\n".join(t for t in instructions if t)
    if not text:
        return rest
    for at, message in enumerate(rest):
        if message.get("role") == "user":
            return [*rest[:at], _with_text(message, text, before=True), *rest[at + 1 :]]
    return [{"role": "user", "content": text}, *rest]


def joined_neighbours(messages: Sequence[Json]) -> list[Json]:
    """Merges adjacent plain messages of the same role; tool calls and their results are unchanged."""
    joined: list[Json] = []
    for message in messages:
        last = joined[-1] if joined else {}
        if last.get("role") == message.get("role") and _is_plain(last) and _is_plain(message):
            joined[-1] = {**last, "content": _both(last.get("content"), message.get("content"))}
        else:
            joined.append(message)
    return joined


def _is_plain(message: Json) -> bool:
    return message.get("role") in ("user", "assistant") and not message.get("tool_calls")


def _both(one: Any, other: Any) -> Any:
    """Joins two contents: texts with an empty line between, parts in order."""
    if isinstance(one, str) and isinstance(other, str):
        return "\n\n".join(t for t in (one, other) if t)
    parts = [*as_list(one), *as_list(other)]
    kind = _text_type(parts)
    halves = [as_list(c) or ([{"type": kind, "text": c}] if isinstance(c, str) and c else []) for c in (one, other)]
    return [*halves[0], *halves[1]]


def with_instruction(messages: Sequence[Json], text: str) -> list[Json]:
    """The messages with an instruction at the end of the last user message, where every provider accepts it."""
    for at in range(len(messages) - 1, -1, -1):
        if messages[at].get("role") == "user":
            return [*messages[:at], _with_text(messages[at], text, before=False), *messages[at + 1 :]]
    return [*messages, {"role": "user", "content": text}]


def _with_text(message: Json, text: str, *, before: bool) -> Json:
    content = message.get("content")
    parts = as_list(content)
    if parts:
        part = {"type": _text_type(parts), "text": text}
        return {**message, "content": [part, *parts] if before else [*parts, part]}
    both = [text, as_text(content)] if before else [as_text(content), text]
    return {**message, "content": "\n\n".join(t for t in both if t)}


def _text_type(parts: list[Any]) -> str:
    return "input_text" if any(as_text(p.get("type")).startswith("input_") for p in objects(parts)) else "text"


def text_of(content: Any) -> str:
    """The text of a message's content, its parts joined."""
    return as_text(content) or "\n".join(p["text"] for p in objects(content) if isinstance(p.get("text"), str))


def split_data_url(address: str) -> tuple[str, str] | None:
    """Media type in lower case ("" = none) and data of a data URL; `None` for any other URL."""
    found = _DATA_URL.match(address)
    return (found[1].lower(), address[found.end() :]) if found else None


def check_file_bytes(messages: Sequence[Json]) -> None:
    """Checks the total size of files, because providers would refuse them only after a long upload.

    Raises:
        ArgumentError: files and pictures of the messages are larger than 50 MB together.
    """
    total = sum(_encoded_bytes(data) for message in messages for data in _carried(message.get("content")))
    if total > MAX_FILE_BYTES:
        raise ArgumentError(
            f"the files of this request hold {total / 1e6:.1f} MB; providers take at most 50 MB in all",
            fix="Send fewer or smaller files, or give them by URL.",
        )


def _carried(content: Any) -> Iterator[str]:
    """The strings in the parts of a message that may hold a file: `file_data`, data URLs."""
    for part in objects(content):
        for holder in (part, *(as_object(part.get(name)) for name in ("file", "image_url", "input_audio"))):
            yield from (as_text(holder.get(name)) for name in ("file_data", "url", "image_url", "data"))


def _encoded_bytes(data: str) -> int:
    """The number of bytes in a data URL or base64 text; 0 for a link."""
    if data[:5].lower() == "data:":
        data = data[data.find(",", 0, 500) + 1 :]
    elif data[:8].lower().startswith(("http://", "https://")):
        return 0
    if not data:
        return 0
    if len(data) % 4 or _NO_BASE64.search(data[:1000]):
        return len(data)
    return len(data) // 4 * 3 - data[-2:].count("=")
