"""Downloads the results of media jobs to disk, bytes unchanged, and lists them as records.

Nothing here fails a call, because its results are paid for. A failed download or save becomes a warning beside the
URL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import urljoin, urlsplit

import anyio

from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.media import parse_data_url
from anymodel_mcp.media.artifacts import Artifacts, SavedFile
from anymodel_mcp.media.downloads import Opener, PartFile, download
from anymodel_mcp.tasks import uninterrupted
from anymodel_mcp.tools.records import sparse
from anymodel_mcp.types import Json
from anymodel_mcp.wire.audio.formats import ENDINGS
from anymodel_mcp.wire.urls import same_origin

_MOST_INLINE_BYTES = 200_000_000
_KINDS = {ending: mime.partition("/")[0] for mime, ending in ENDINGS.items()} | dict.fromkeys(
    ("png", "jpg", "jpeg", "webp", "gif", "avif", "svg"), "image"
)


@dataclass(slots=True)
class SavedMedia:
    """Results in order.

    Attributes:
        records: one for each.
        names: of the files that are saved.
        warnings: what could not be downloaded or saved.
    """

    records: list[Json] = field(default_factory=list["Json"])
    names: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])


def unsaved(urls: Sequence[str]) -> SavedMedia:
    """The records of results that are not saved yet."""
    return SavedMedia(records=[_record(url) for url in urls])


def _record(url: str) -> Json:
    ending = PurePosixPath(urlsplit(url).path).suffix.lstrip(".").lower()
    inline = url.startswith("data:")
    kind = url[5:40].partition("/")[0] if inline else _KINDS.get(ending)
    return sparse({"kind": kind, "url": "" if inline else url})


async def save_media(
    artifacts: Artifacts,
    urls: Sequence[str],
    *,
    title: str,
    base_url: str,
    open_own: Opener,
    ends: float,
    on_file: Callable[[int], None],
) -> SavedMedia:
    """Downloads and saves results, one after the other.

    Args:
        artifacts: where they are saved.
        urls: as the service returned them; relative ones are resolved against `base_url`.
        title: words for the files' names.
        base_url: files at its own origin are fetched with the key, others from public addresses only.
        open_own: opens a file with the key.
        ends: when to stop, by the event loop's clock.
        on_file: is called with the number of each file before it is fetched.
    """
    saved = SavedMedia()
    for number, url in enumerate(urls, 1):
        on_file(number)
        whole = urljoin(base_url, url) if url.startswith("/") else url
        own = open_own if same_origin(whole, base_url) else None
        try:
            with anyio.fail_after(max(0.0, ends - anyio.current_time())):
                file = await _save_one(artifacts, whole, title, own)
        except TimeoutError:
            saved.warnings.append(f"result {number} was not downloaded within total_timeout_s")
            saved.records.append(_record(url))
        except AnyModelError as error:
            how = "" if url.startswith("data:") else ": download it from its URL soon"
            saved.warnings.append(f"download of result {number} failed ({error.failure.message}){how}")
            saved.records.append(_record(url))
        else:
            saved.names.append(file.name)
            saved.records.append(_record(url) | _saved_record(file))
    return saved


def _saved_record(file: SavedFile) -> Json:
    kind = file.mime.partition("/")[0]
    return sparse(
        {
            "kind": kind if kind in ("image", "audio", "video") else None,
            "mime": file.mime,
            "path": str(file.path),
            "bytes": file.bytes,
            "width": file.width,
            "height": file.height,
        }
    )


async def _save_one(artifacts: Artifacts, url: str, title: str, own: Opener | None) -> SavedFile:
    content = parse_data_url(url, max_bytes=_MOST_INLINE_BYTES) if url.startswith("data:") else None
    part = await artifacts.begin(title)
    try:
        if content is None:
            mime = await download(url, part, own=own)
        else:
            await part.write(content.content)
            mime = content.mime
        with uninterrupted():
            file = await artifacts.complete(part, mime)
    except BaseException:
        _discard(part)
        raise
    return file


def _discard(part: PartFile) -> None:
    try:
        part.discard()
    except OSError:  # the folder was deleted: nothing is left to remove
        return
