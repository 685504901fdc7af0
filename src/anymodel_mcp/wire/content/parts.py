"""Reads what a message or delta holds beside plain text: content parts, thoughts, pictures, sources."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from anymodel_mcp.types import Citation, Json, Picture
from anymodel_mcp.wire.content.sniff import sniff_picture
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, first_text, objects

_ADDRESS = re.compile(r"\s*<?(https?://[^\s)>]{1,4000})")
_EMBEDDED = re.compile(r"\s*(data:image/[\w.+-]{1,40};base64,[A-Za-z0-9+/=_-]*)")
_HEAD_CHARS = 200
"""The longest head of a data URL, before its data."""
_TITLE_CHARS = 500
_MAX_LINKED = 64
_MAX_SOURCES = 1000
_MAX_URL_CHARS = 8192
_THOUGHTS = ("thinking", "reasoning", "reasoning_content", "reasoning_text", "summary_text")
_WORDS = ("text", "output_text", "input_text")
_MAX_DEPTH = 4


def decode_base64(text: str) -> bytes | None:
    """Decodes base64 in either alphabet, with or without padding; `None` if it is not base64."""
    try:
        return binascii.a2b_base64(text, strict_mode=False) if "=" in text[-3:] or len(text) % 4 == 0 else _padded(text)
    except ValueError:
        return _padded(text)


def _padded(text: str) -> bytes | None:
    plain = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except ValueError:
        return None


def picture(source: str, *, revised_prompt: str | None = None) -> Picture | None:
    """A picture from a URL, a data URL or bare base64."""
    source = source.strip()
    if source[:8].lower().startswith(("http://", "https://")):
        return Picture(url=source, revised_prompt=revised_prompt)
    start = _data_start(source)
    content = decode_base64(source[start:])
    if not content:
        return None
    mime = sniff_picture(content)
    if mime is None and not start:
        return None
    return Picture(content=content, mime=mime, revised_prompt=revised_prompt)


def _data_start(source: str) -> int:
    """The start of the data in a base64 data URL; 0 for any other text."""
    comma = source.find(",", 0, _HEAD_CHARS)
    head = source[: comma + 1].lower()
    return comma + 1 if head.startswith("data:") and head.endswith(";base64,") else 0


def read_picture(item: Any) -> Picture | None:
    """Reads a picture from an element of `data` or `images` or a content part, under any field name."""
    if isinstance(item, str):
        return picture(item)
    source = as_object(item)
    prompt = as_text(source.get("revised_prompt")) or None
    inner = source.get("image_url", source.get("image"))
    address = first_text(source, "url") or as_text(inner) or first_text(as_object(inner), "url", "b64_json")
    coded = first_text(source, "b64_json", "base64", "b64", "image_base64", "bytesBase64Encoded", "result")
    found = picture(coded, revised_prompt=prompt) if coded else None
    link = picture(address, revised_prompt=prompt) if address else None
    if found and link and link.url:
        return Picture(content=found.content, mime=found.mime, url=link.url, revised_prompt=prompt)
    return found or link


def different(pictures: list[Picture]) -> list[Picture]:
    """The pictures without duplicates from another field or from a last frame that repeats all."""
    found: list[Picture] = []
    for image in pictures:
        if image not in found:
            found.append(image)
    return found


def linked_pictures(text: str) -> list[Picture]:
    """The pictures that a text links (`![..](https://..)`); none of them is downloaded here."""
    found = (_ADDRESS.match(text, target) for target in _picture_targets(text))
    addresses = dict.fromkeys(address.group(1) for address in found if address)
    return [Picture(url=url) for url in islice(addresses, _MAX_LINKED)]


def _picture_targets(text: str) -> Iterator[int]:
    """The start of each Markdown picture target (`![title](target)`), in one pass over the text."""
    before, at = 0, text.find("](")
    while at >= 0:
        start = text.rfind("![", max(before, at - _TITLE_CHARS - 2), at)
        before = at + 2
        if start >= 0 and not {"]", "\n"} & set(text[start + 2 : at]):
            yield before
        at = text.find("](", before)


def take_embedded(text: str) -> tuple[str, list[Picture]]:
    """Extracts pictures embedded in a text; each is replaced by a short name."""
    found: list[Picture] = []
    pieces: list[str] = []
    kept = 0
    for target in _picture_targets(text):
        data = _EMBEDDED.match(text, target)
        image = picture(data.group(1)) if data else None
        if data is None or image is None:
            continue
        found.append(image)
        pieces += [text[kept : data.start(1)], f"picture-{len(found)}"]
        kept = data.end()
    return "".join((*pieces, text[kept:])), found


class Content:
    """The content of a message or delta, by kind.

    Attributes:
        text: answer text.
        thoughts: reasoning text.
        refusal: refusal text.
        pictures: pictures among the parts.
    """

    __slots__ = ("notes", "pictures", "refusal", "text", "thoughts")

    def __init__(self, content: Any) -> None:
        self.text = self.thoughts = self.refusal = ""
        self.pictures: list[Picture] = []
        self.notes: list[Json] = []
        self._add(content, 0)

    def _add(self, content: Any, depth: int) -> None:
        if isinstance(content, str):
            self.text += content
        elif isinstance(content, list):
            for part in as_list(content):
                self._add(part, depth + 1) if depth < _MAX_DEPTH else None
        elif isinstance(content, dict):
            self._part(as_object(content))

    def _part(self, part: Json) -> None:
        kind = as_text(part.get("type"))
        if kind in _THOUGHTS:
            self.thoughts += _words(part, 0)
        elif kind == "refusal":
            self.refusal += as_text(part.get("refusal"))
        elif kind in ("image_url", "image", "output_image"):
            found = read_picture(part)
            self.pictures += [found] if found else []
        elif kind in _WORDS or (not kind and "text" in part):
            self.text += _words(part, 0)
            self.notes += objects(part.get("annotations"))


def _words(value: Any, depth: int) -> str:
    """The text in a part: a string, one of the usual fields, or nested parts."""
    if isinstance(value, str):
        return value
    if depth > _MAX_DEPTH:
        return ""
    if isinstance(value, list):
        return "".join(_words(v, depth + 1) for v in as_list(value))
    source = as_object(value)
    inner = next(
        (source[n] for n in ("text", "thinking", "reasoning", "summary", "content", "value") if source.get(n)), ""
    )
    return _words(inner, depth + 1) if inner else ""


def thought_text(value: Any) -> str:
    """The text of a reasoning field: a string, an object or a list of parts (`reasoning_details`)."""
    return _words(value, 0)


class Citations:
    """Sources in order of first appearance; a title may come later."""

    def __init__(self) -> None:
        self._titles: dict[str, str | None] = {}

    def add(self, entries: Iterable[Any]) -> None:
        """Adds URLs, or objects that contain one."""
        for entry in entries:
            source = as_object(entry)
            inner = as_object(source.get("url_citation")) or as_object(source.get("web")) or source
            url = as_text(entry) or first_text(inner, "url", "link", "uri", "source")
            if url and len(url) <= _MAX_URL_CHARS and len(self._titles) < _MAX_SOURCES:
                title = first_text(inner, "title", "name")[:_TITLE_CHARS] or None
                self._titles[url] = self._titles.get(url) or title

    def read(self, frame: Json) -> None:
        """Adds the sources in a body, chunk, message or delta."""
        for name in ("citations", "search_results", "web_search", "annotations", "references"):
            if frame.get(name):
                self.add(as_list(frame[name]))
        for tool in objects(frame.get("executed_tools")):  # https://console.groq.com/docs/web-search, 2026-11-28
            self.add(objects(as_object(tool.get("search_results")).get("results")))

    def listed(self) -> list[Citation]:
        """All sources."""
        return [Citation(url=url, title=title) for url, title in self._titles.items()]
