"""Bytes to JSON-RPC messages and back, without I/O.

A message is one line. `LineSplitter` cuts pieces of any size into lines and never holds more than one
line of `max_bytes`. `parse_line` returns a message, or a `Refusal` that says how to answer: a peer that waits for an
answer to a broken line would wait for ever otherwise. `encode` always returns a line: text that UTF-8 cannot carry
(lone surrogates, which models do stream) is replaced on the way out as on the way in.

Codes: https://www.jsonrpc.org/specification section 5.1 (read 2026-11-21).
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    RequestId,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json

from anymodel_mcp.record import positional_record

_EDGE_BYTES = 4096
_ID = rb'"id"\s*:\s*(-?\d{1,30}|"[^"\\]{0,200}")'
# where serialisers put the id: Python and Go before the parameters, the JavaScript SDK after them
_ID_AHEAD = re.compile(rb'\s*\{\s*(?:"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*,\s*){0,2}' + _ID)
_ID_BEHIND = re.compile(_ID + rb'\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$')


@positional_record
class Oversized:
    """A line that was too long to keep; its start or end may still contain the request id."""

    size: int
    head: bytes
    tail: bytes


@positional_record
class Refusal:
    """The error for an invalid message; `id` is `None` if it could not be read."""

    code: int
    message: str
    id: RequestId | None = None

    def as_error(self) -> JSONRPCError:
        """The error as a JSON-RPC message."""
        return JSONRPCError(jsonrpc="2.0", id=self.id, error=ErrorData(code=self.code, message=self.message))


_MAX_DEPTH = 190
"""The limits of pydantic_core 2.50 are 200 when it reads and 255 when it writes; a message wraps its value."""


class LineSplitter:
    """Cuts lines out of pieces of bytes.

    Args:
        max_bytes: a longer line is skipped and returned as `Oversized`.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes
        self._partial = bytearray()
        self._skipped = 0
        self._head = b""
        self._tail = b""

    def feed(self, data: bytes) -> list[bytes | Oversized]:
        """Returns the lines that `data` completes, in order, without line ends."""
        found: list[bytes | Oversized] = []
        *ends, rest = data.split(b"\n")
        for end in ends:
            self._take(end)
            found.append(self._cut())
        self._take(rest)
        return found

    def finish(self) -> list[bytes | Oversized]:
        """Returns the last line if the peer closed the pipe without a line end."""
        return [self._cut()] if self._partial or self._skipped else []

    def _take(self, piece: bytes) -> None:
        if self._skipped:
            self._skipped += len(piece)
            self._tail = (self._tail + piece)[-_EDGE_BYTES:]
            return
        self._partial += piece
        if len(self._partial) > self._max:
            self._skipped = len(self._partial)
            self._head = bytes(self._partial[:_EDGE_BYTES])
            self._tail = bytes(self._partial[-_EDGE_BYTES:])
            self._partial = bytearray()

    def _cut(self) -> bytes | Oversized:
        if self._skipped:
            line = Oversized(self._skipped, self._head, self._tail)
            self._skipped, self._head, self._tail = 0, b"", b""
            return line
        whole = bytes(self._partial)
        self._partial.clear()
        return whole


def refuse_oversized(line: Oversized, max_bytes: int) -> Refusal:
    """The error for a skipped line, under the id found at its edges."""
    match = _ID_AHEAD.match(line.head) or _ID_BEHIND.search(line.tail)
    text = (
        f"Message refused: {line.size:,} bytes, more than the {max_bytes:,} allowed on one line. "
        "Send less, or raise limits.max_line_bytes."
    )
    return Refusal(INVALID_REQUEST, text, _read_id(json.loads(match[1].decode("utf-8", "replace"))) if match else None)


def parse_line(line: bytes) -> JSONRPCMessage | Refusal | None:
    """Parses a line; `None` for an empty line and for an invalid response."""
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        return _parse_with_care(line)
    # An id of a wrong kind makes the SDK's reader see a notification, and the peer waits for ever.
    if isinstance(message, JSONRPCNotification) and b'"id"' in line:
        return _parse_with_care(line)
    return message


def _parse_with_care(line: bytes) -> JSONRPCMessage | Refusal | None:
    try:
        text = line.decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError:
        text = line.decode("utf-8-sig", "replace")
    if not text.strip():
        return None
    try:
        value = replace_surrogates(json.loads(text))
    except (ValueError, RecursionError):  # beside bad syntax: a number of thousands of digits, nesting without end
        return Refusal(PARSE_ERROR, "Parse error: the line is not valid JSON. Send one JSON-RPC message on each line.")
    return _judge(value)


def _judge(value: Any) -> JSONRPCMessage | Refusal | None:
    if isinstance(value, list):
        return Refusal(INVALID_REQUEST, "Batches are not served: send one JSON-RPC message on each line.")
    if not isinstance(value, dict):
        return Refusal(INVALID_REQUEST, "Invalid request: a JSON-RPC message is an object.")
    fields = cast("dict[str, Any]", value)
    if "method" not in fields and ("result" in fields or "error" in fields):
        # Responses are never answered. A valid one passes; an invalid one cannot be matched to a request.
        return None if _is_deep(value) else _validated(fields)
    known = _read_id(fields.get("id"))
    if _is_deep(value):
        return Refusal(INVALID_REQUEST, f"Invalid request: nested more than {_MAX_DEPTH} levels deep.", known)
    if "id" in fields and known is None and not _is_notification(fields):
        return Refusal(INVALID_REQUEST, "Invalid request: `id` must be a string or an integer.")
    if known is None:
        fields = {name: field for name, field in fields.items() if name != "id"}
    message = _validated(fields)
    if message is None:
        text = 'Invalid request: `jsonrpc` must be "2.0", `method` a string and `params` an object.'
        return Refusal(INVALID_REQUEST, text, known)
    return message


def _is_deep(value: Any) -> bool:
    """Whether a value is nested deeper than pydantic reads and writes JSON."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (cast("dict[str, Any]", item).values() if isinstance(item, dict) else cast("list[Any]", item))
        ]
        if not level:
            return False
    return True


def _is_notification(fields: dict[str, Any]) -> bool:
    """Whether a message with a null id is a notification: some clients serialise the empty field."""
    method = fields.get("method")
    return fields["id"] is None and isinstance(method, str) and method.startswith("notifications/")


def _validated(fields: dict[str, Any]) -> JSONRPCMessage | None:
    try:
        return jsonrpc_message_adapter.validate_python(fields, by_name=False)
    except ValidationError:
        return None


def _read_id(value: Any) -> RequestId | None:
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None


def encode(message: JSONRPCMessage) -> bytes:
    """Encodes a message as a line, with its line end."""
    try:
        text = message.model_dump_json(by_alias=True, exclude_unset=True)
    except PydanticSerializationError:
        return (
            to_json(replace_surrogates(message.model_dump(by_alias=True, exclude_unset=True)), inf_nan_mode="null")
            + b"\n"
        )
    return text.encode() + b"\n"


def replace_surrogates(value: Any) -> Any:
    """Makes the strings of a JSON value valid UTF-8: surrogate pairs are joined, lone surrogates become U+FFFD."""
    if isinstance(value, str):
        return value if value.isascii() else _replace_in_text(value)
    if isinstance(value, dict):
        return {
            replace_surrogates(name): replace_surrogates(field) for name, field in cast("dict[str, Any]", value).items()
        }
    if isinstance(value, list):
        return [replace_surrogates(item) for item in cast("list[Any]", value)]
    return value


def _replace_in_text(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
