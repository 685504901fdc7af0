"""Normalizes the forms in which callers write pictures and files.

Models fill `images` with bare base64, OpenAI's and Anthropic's parts, MCP's image blocks or `{url}`.
Each becomes a URL, a data URL or a path: the forms that `media.inputs` reads.
"""

from __future__ import annotations

import re
from typing import Any, cast

from anymodel_mcp.types import Json
from anymodel_mcp.wire.content.parts import decode_base64
from anymodel_mcp.wire.content.sniff import sniff_media
from anymodel_mcp.wire.decode.json_values import as_object, first_text

MAX_REFERENCE_CHARS = 70_000_000
"""A document of 50 MB in base64, or 20 MB with three characters for each byte."""
_FORMS = "an https URL, a data URL or a path"
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/=_\-\s]")
_LEAST_BASE64 = 60
"""Shorter texts are names, not base64."""
_SNIFFED_CHARS = 4096
_MOST_CHARS = 8192
"""The longest URL or path."""
_MAX_DEPTH = 3
_LINKS = ("url", "uri", "image_url", "file_url", "path", "file_path")
_DATA = ("data", "b64_json", "base64", "file_data")
_HOLDERS = (
    "image_url",
    "file",
    "input_audio",
    "audio",
    "source",
    "image",
    "resource",
    "input_image",
    "inline_data",
    "inlineData",
)
_TYPES = ("mimeType", "media_type", "mime_type", "mimetype")


def as_references(value: Any) -> Any:
    """A list of references; a single object is a list of one."""
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return value
    return [as_reference(item) for item in cast("list[Any]", value)]


def as_reference(value: Any) -> Any:
    """Converts a reference to text; unknown values are returned unchanged.

    Raises:
        ValueError: an object without a reference.
    """
    if isinstance(value, dict):
        value = _from_object(as_object(value), 0)
        if not value:
            raise ValueError(f"must be {_FORMS}")
    if not isinstance(value, str):
        return value
    reference = _from_text(value)
    if len(reference) > _MOST_CHARS and reference[:20].lstrip()[:5].lower() != "data:":
        raise ValueError(f"is longer than {_MOST_CHARS} characters and not a data URL; give {_FORMS}")
    return reference


def _from_text(text: str) -> str:
    """Bare base64 of a picture or a sound as a data URL; any other text as it is."""
    if len(text) < _LEAST_BASE64 or _NO_BASE64.search(text[:_SNIFFED_CHARS]):
        return text
    head = "".join(text[:_SNIFFED_CHARS].split())
    start = decode_base64(head[: len(head) // 4 * 4]) or b""
    mime = sniff_media(start)
    return f"data:{mime};base64,{text}" if mime else text


def _from_object(source: Json, depth: int) -> str:
    """The reference in an object; "" = none."""
    data = first_text(source, *_DATA)
    if data:
        mime = first_text(source, *_TYPES) or "application/octet-stream"
        return data if data[:5].lower() == "data:" else f"data:{mime};base64,{data}"
    link = first_text(source, *_LINKS)
    if link:
        return link
    inner = (as_object(source.get(name)) for name in _HOLDERS if depth < _MAX_DEPTH)
    return next((found for holder in inner if holder and (found := _from_object(holder, depth + 1))), "")
