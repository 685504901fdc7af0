"""Pictures and files of a chat: added to the question in the form of its endpoint, stored in threads by reference."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

import anyio.to_thread

from anymodel_mcp.errors import AnyModelError, ArgumentError
from anymodel_mcp.media import SAVED_PREFIX, Inputs, parse_data_url, sniff
from anymodel_mcp.media.artifacts import Artifacts
from anymodel_mcp.record import record
from anymodel_mcp.types import Json
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.wire.fields.messages import MAX_FILE_BYTES

_WEB = ("https://", "http://")
_GONE = "[a file that has been deleted]"


@record
class Attachments:
    """The files of one question, read once for all models that are asked."""

    inputs: Inputs
    images: Sequence[str] = ()
    files: Sequence[str] = ()

    @classmethod
    async def read(cls, inputs: Inputs, images: Sequence[str], files: Sequence[str]) -> Attachments:
        """Reads the local files, so that a refusal precedes any request.

        Raises:
            ArgumentError: a file is refused.
        """
        for ref in (*images, *files):
            if not ref.lower().startswith(_WEB):
                await inputs.read(ref)
        return cls(inputs=inputs, images=images, files=files)

    async def join(self, turns: Sequence[Json], endpoint: Endpoint, notes: list[str]) -> list[Json]:
        """The turns, with pictures and files added to the user's last one; changes are added to `notes`.

        Raises:
            AnyModelError: this endpoint takes no such file, or a download failed.
        """
        if not self.images and not self.files:
            return list(turns)
        dialect = endpoint.dialect
        if endpoint.chat.file_parts:
            dialect = replace(dialect, file_parts=endpoint.chat.file_parts)
        made = [await self.inputs.image_part(ref, dialect) for ref in self.images]
        made += [await self.inputs.file_part(ref, dialect) for ref in self.files]
        notes += [part.note for part in made if part.note and part.note not in notes]
        parts = [part.content for part in made]
        last = max((i for i, turn in enumerate(turns) if turn.get("role") == "user"), default=None)
        if last is None:
            return [*turns, {"role": "user", "content": parts}]
        joined = [dict(turn) for turn in turns]
        joined[last]["content"] = [*_as_parts(joined[last].get("content")), *parts]
        return joined


def route(endpoint: Endpoint, messages: Sequence[Json]) -> Endpoint:
    """The endpoint with the API that takes the files in these messages, including earlier turns."""
    if endpoint.chat.file_parts:
        return endpoint
    parts = [part for message in messages for part in _as_parts(message.get("content"))]
    kinds = {"input_file"} | ({"file"} if endpoint.dialect.file_parts == "responses" else set[str]())
    holds_files = any(isinstance(part, dict) and part.get("type") in kinds for part in parts)  # pyright: ignore[reportUnnecessaryIsInstance] parts of a caller's own message may be anything
    return endpoint.through("responses") if holds_files else endpoint


def _as_parts(content: object) -> list[Json]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content) if isinstance(content, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] parts of a JSON message


async def store_files(outputs: Artifacts, turns: Sequence[Json]) -> list[Json]:
    """Turns for storage: data in them is saved as files and replaced by references."""

    async def save(url: str) -> str:
        if not url.startswith("data:"):
            return url
        try:
            file = await anyio.to_thread.run_sync(partial(parse_data_url, url, max_bytes=MAX_FILE_BYTES))
            return SAVED_PREFIX + (await outputs.save_picture(file.content)).name
        except AnyModelError:
            return url

    return await _with_urls(turns, save)


async def load_files(outputs: Artifacts, turns: Sequence[Json]) -> list[Json]:
    """Stored turns as they were sent: references become data again; deleted files become a note."""

    async def load(url: str) -> str:
        if not url.startswith(SAVED_PREFIX):
            return url
        try:
            content, mime = await outputs.open_saved(url.removeprefix(SAVED_PREFIX))
        except ArgumentError:
            return ""
        kind = mime if mime.startswith("image/") else sniff(content)
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"

    return await _with_urls(turns, load)


async def _with_urls(turns: Sequence[Json], change: Callable[[str], Awaitable[str]]) -> list[Json]:
    changed: list[Json] = []
    for turn in turns:
        content = turn.get("content")
        if isinstance(content, list):
            parts = [await _changed(part, change) for part in _as_parts(content)]  # pyright: ignore[reportUnknownArgumentType] parts of a JSON message
            changed.append({**turn, "content": parts})
        else:
            changed.append(turn)
    return changed


_BARE = "data:;base64,"
_PLACES = (("image_url", "url"), ("file", "file_data"))


async def _changed(part: Json, change: Callable[[str], Awaitable[str]]) -> Json:
    for outer, inner in _PLACES:
        holder = part.get(outer)
        if isinstance(holder, dict) and isinstance(holder.get(inner), str):  # pyright: ignore[reportUnknownMemberType] a JSON object
            url = await change(holder[inner])  # pyright: ignore[reportUnknownArgumentType] a string, seen above
            return {**part, outer: {**holder, inner: url}} if url else {"type": "text", "text": _GONE}
    sound = part.get("input_audio")
    if isinstance(sound, dict) and isinstance(sound.get("data"), str):  # pyright: ignore[reportUnknownMemberType] a JSON object
        return await _changed_sound(part, sound, change)  # pyright: ignore[reportUnknownArgumentType] a JSON object
    if isinstance(part.get("file_data"), str):
        url = await change(part["file_data"])
        return {**part, "file_data": url} if url else {"type": "text", "text": _GONE}
    return part


async def _changed_sound(part: Json, sound: Json, change: Callable[[str], Awaitable[str]]) -> Json:
    """A sound, whose data is bare base64 unless its sender wrote a URL."""
    data: str = sound["data"]
    url = await change(data if ":" in data[:20] else _BARE + data)
    if not url:
        return {"type": "text", "text": _GONE}
    kept = url if url.startswith(SAVED_PREFIX) else url[url.find(",") + 1 :] if url.startswith("data:") else url
    return {**part, "input_audio": {**sound, "data": kept}}
