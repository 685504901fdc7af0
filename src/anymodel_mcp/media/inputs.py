"""Pictures and files of one call, as the parts of a message that a dialect takes.

A reference is an https URL, a data URL, a local path, or `anymodel://files/{name}` (what this server saved). It is read
once for a call, however many models are asked.
"""

from __future__ import annotations

import base64
import contextlib
import os.path
import re
from collections.abc import Awaitable, Callable
from dataclasses import field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import anyio
import anyio.to_thread

from anymodel_mcp.config import Files
from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ArgumentError, excerpt
from anymodel_mcp.media.decoding import scale_isolated
from anymodel_mcp.media.encodings import TEXT_ENDINGS, read_text
from anymodel_mcp.media.fetch import fetch_public
from anymodel_mcp.media.local_files import read_local
from anymodel_mcp.media.sizes import in_mb
from anymodel_mcp.media.sniff import decode_text, extension, parse_data_url, sniff
from anymodel_mcp.record import record
from anymodel_mcp.redact import clean_text
from anymodel_mcp.types import FilePart, Json
from anymodel_mcp.wire.audio.formats import is_sound_name, named_sound
from anymodel_mcp.wire.audio.transcription import check_sound_size, input_audio

Fetch = Callable[[str], Awaitable[bytes]]
OpenSaved = Callable[[str], Awaitable[tuple[bytes, str]]]

MAX_TOTAL_BYTES = 50_000_000
MAX_READ_PICTURE_BYTES = 20_000_000
MAX_EDGE = 2048
MAX_PICTURE_BYTES = 5_000_000
SAVED_PREFIX = "anymodel://files/"

# What every vision endpoint takes: https://platform.openai.com/docs/guides/images-vision (read 2026-11-21)
_VISION = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
_WEB = re.compile(r"https?://", re.IGNORECASE)
_SOUND_ENDINGS = (".m4a", ".m4b", ".weba")
_TICKS = re.compile(r"`{3,}")


@record
class Part:
    """One content part of a message.

    Attributes:
        content: in the form of chat; an `input_file` if the dialect takes documents only through the Responses API.
        note: what was changed; "" = nothing.
    """

    content: Json = field(repr=False)
    note: str = ""


class Inputs:
    """The files and URLs of one call; created for that call.

    Args:
        settings: section [files].
        open_saved: opens a file that this server saved, by name.
        saved_in: where it saved them: their paths, which it gave out itself, are references too.
        fetch: downloads an https URL.
    """

    def __init__(
        self,
        settings: Files,
        *,
        open_saved: OpenSaved | None = None,
        saved_in: Path | None = None,
        fetch: Fetch = fetch_public,
    ) -> None:
        self._settings = settings
        self._max_bytes = settings.max_file_mb * 1_000_000
        self._open_saved = open_saved
        self._saved_in = saved_in
        self._fetch = fetch
        self._read: dict[str, FilePart] = {}
        self._scaled: dict[str, tuple[FilePart, str]] = {}
        self._lock = anyio.Lock()

    async def image_part(self, ref: str, dialect: Dialect) -> Part:
        """A picture as an `image_url` part: by URL where the dialect takes URLs, else its bytes, scaled if too large.

        Raises:
            ArgumentError: refused by the file policy, or not a picture that a model can read.
            ProviderError: the download failed.
        """
        if _WEB.match(ref) and dialect.vision_urls:
            _check_https(ref)
            return Part(content=_image(ref))
        picture, note = await self._fitting(ref)
        url = await anyio.to_thread.run_sync(_data_url, picture.mime, picture.content)
        return Part(content=_image(url), note=note)

    async def file_part(self, ref: str, dialect: Dialect) -> Part:
        """A file: text inlined with its name, a picture or a sound as such, anything else as a document part.

        Raises:
            ArgumentError: refused by the file policy, empty, too large in sum, or no form that the dialect takes.
            ProviderError: the download failed.
        """
        if _WEB.match(ref) and dialect.file_parts == "responses" and not is_sound_name(urlsplit(ref).path):
            _check_https(ref)
            return Part(content={"type": "input_file", "file_url": ref})
        file = await self.read(ref)
        if file.mime in _VISION:
            return await self.image_part(ref, replace(dialect, vision_urls=False))
        if _is_sound(file):
            check_sound_size(file, dialect.audio_max_mb)
            sound = await anyio.to_thread.run_sync(input_audio, file)
            return Part(content={"type": "input_audio", "input_audio": sound})
        if file.mime in {"text/plain", "application/octet-stream"} and file.name.lower().endswith(TEXT_ENDINGS):
            return await anyio.to_thread.run_sync(_text_part, file)
        text = await anyio.to_thread.run_sync(decode_text, file.content)
        if text is not None and file.mime in {"text/plain", "image/svg+xml"}:
            return Part(content={"type": "text", "text": _inlined(file.name, text)})
        if dialect.file_parts == "none":
            raise ArgumentError(
                f"{file.name!r} is {file.mime}, and this provider takes no documents",
                fix="Give its text, or name a model of a provider that takes documents.",
                param="files",
            )
        url = await anyio.to_thread.run_sync(_data_url, file.mime, file.content)
        document = {"filename": file.name, "file_data": url}
        if dialect.file_parts == "responses":
            return Part(content={"type": "input_file", **document})
        return Part(content={"type": "file", "file": document})

    async def picture(self, ref: str) -> FilePart:
        """The bytes of a picture, unchanged: for edits and masks.

        Raises:
            ArgumentError: refused by the file policy, or no picture.
            ProviderError: the download failed.
        """
        file = await self.read(ref)
        if not file.mime.startswith("image/"):
            raise _no_picture(file)
        if file.name.lower().endswith(f".{extension(file.mime)}"):
            return file
        return replace(file, name=f"{PurePosixPath(file.name).stem or 'picture'}.{extension(file.mime)}")

    async def sound(self, ref: str) -> FilePart:
        """The bytes of a sound, or of a video for its sound track, under a name whose extension matches the type.

        Raises:
            ArgumentError: refused by the file policy, or no sound.
            ProviderError: the download failed.
        """
        file = await self.read(ref)
        if not file.mime.startswith(("audio/", "video/")):
            raise ArgumentError(
                f"{file.name!r} is {file.mime}, not a sound",
                fix="Give a WAV, MP3, Ogg, FLAC, M4A, MP4 or WebM file.",
                param="file",
            )
        return named_sound(file)

    async def read(self, ref: str) -> FilePart:
        """Reads a reference; repeated reads come from memory.

        Raises:
            ArgumentError: refused by the file policy, empty, or more than 50 MB with what was read before.
            ProviderError: the download failed.
        """
        async with self._lock:
            if ref not in self._read:
                file = await self._load(ref)
                total = len(file.content) + sum(len(f.content) for f in self._read.values())
                if not file.content:
                    raise ArgumentError(f"{file.name!r} is empty", fix="Give a file with content.")
                most = max(MAX_TOTAL_BYTES, self._max_bytes)
                if file.mime.startswith("image/") and len(file.content) > MAX_READ_PICTURE_BYTES:
                    raise ArgumentError(
                        f"the picture {file.name!r} has {in_mb(len(file.content))}; at most "
                        f"{in_mb(MAX_READ_PICTURE_BYTES)} are read",
                        fix="Give a smaller picture, or its https URL.",
                    )
                if total > most:
                    raise ArgumentError(
                        f"the files of this call hold {in_mb(total)}; at most {in_mb(most)} in all are sent",
                        fix="Send fewer or smaller files, or give them by URL.",
                    )
                self._read[ref] = file
            return self._read[ref]

    async def _load(self, ref: str) -> FilePart:
        start = ref[:20].lstrip().lower()
        if start.startswith("data:"):
            return await anyio.to_thread.run_sync(partial(parse_data_url, ref, max_bytes=self._max_bytes))
        if start.startswith(("https://", "http://")):
            _check_https(ref)
            content = await self._fetch(ref)
            mime = await anyio.to_thread.run_sync(sniff, content)
            return FilePart(name=_url_name(ref, mime), mime=mime, content=content)
        if ref.startswith(SAVED_PREFIX) and self._open_saved:
            return await _saved(self._open_saved, ref.removeprefix(SAVED_PREFIX))
        name = self._saved_name(ref)
        if self._open_saved and name:
            with contextlib.suppress(ArgumentError):  # not a file that this server saved: allowed_dirs decides
                return await _saved(self._open_saved, name)
        return await read_local(ref, self._settings.allowed_dirs, max_bytes=self._max_bytes)

    def _saved_name(self, ref: str) -> str:
        """The name of a file in the folder of saved ones; "" = the path leads elsewhere."""
        folder, name = os.path.split(os.path.expanduser(ref))
        return name if self._saved_in is not None and folder == str(self._saved_in) else ""

    async def _fitting(self, ref: str) -> tuple[FilePart, str]:
        file = await self.read(ref)
        if not file.mime.startswith("image/"):
            raise _no_picture(file)
        if ref not in self._scaled:
            self._scaled[ref] = await _fit(file)
        return self._scaled[ref]


async def _saved(open_saved: OpenSaved, name: str) -> FilePart:
    content, _ = await open_saved(name)
    return FilePart(name=name, mime=sniff(content), content=content)


async def _fit(file: FilePart) -> tuple[FilePart, str]:
    scaled = await scale_isolated(file.content, max_edge=MAX_EDGE, max_bytes=MAX_PICTURE_BYTES)
    if scaled.content is not None:
        note = f"{file.name}: {scaled.note}" if scaled.note else ""
        return FilePart(name=file.name, mime=scaled.mime, content=scaled.content), note
    if file.mime in _VISION and len(file.content) <= MAX_PICTURE_BYTES:
        return file, f"{file.name}: {scaled.note}; sent as it is"  # the provider's decoder may be more forgiving
    raise ArgumentError(
        f"{file.name!r} cannot be shown to a model: {scaled.note}",
        fix="Convert it to PNG or JPEG of at most 5 MB.",
        param="images",
    )


def _is_sound(file: FilePart) -> bool:
    """Whether a file is a sound: by its bytes, or by its name where the container may hold a video too."""
    named = file.name.lower().endswith(_SOUND_ENDINGS)
    return file.mime.startswith("audio/") or (file.mime.startswith("video/") and named)


def _text_part(file: FilePart) -> Part:
    """A file that is text by its name, in whatever encoding it is."""
    found = read_text(file.content)
    if found is None:
        raise ArgumentError(f"{file.name!r} is in an unknown encoding", fix="Save it as UTF-8.", param="files")
    text, encoding = found
    note = f"{file.name}: read as {encoding}; save it as UTF-8 if that is wrong" if encoding else ""
    return Part(content={"type": "text", "text": _inlined(file.name, text)}, note=note)


def _no_picture(file: FilePart) -> ArgumentError:
    return ArgumentError(
        f"{file.name!r} is {file.mime}, not a picture", fix="Give a PNG, JPEG, WebP or GIF.", param="images"
    )


def _check_https(url: str) -> None:
    if not url.lower().startswith("https://"):
        raise ArgumentError(f"{excerpt(url)!r} is not https", fix="Give an https URL, a data URL or a local path.")


def _image(url: str) -> Json:
    return {"type": "image_url", "image_url": {"url": url}}


def _data_url(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def _inlined(name: str, text: str) -> str:
    """The text unchanged, in a code fence that it cannot close itself."""
    fence = "`" * max((len(run) + 1 for run in _TICKS.findall(text)), default=3)
    return f"File {clean_text(name)!r}:\n{fence}\n{text}\n{fence}"


def _url_name(url: str, mime: str) -> str:
    name = PurePosixPath(unquote(urlsplit(url).path, errors="replace")).name
    return name[-100:] if "." in name else f"{name[:80] or 'download'}.{extension(mime)}"
