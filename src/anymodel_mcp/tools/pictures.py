"""Saves the pictures that a provider made, bytes unchanged, and lists them as records.

Nothing here fails a call, because its pictures are paid for. A failed download or save becomes a warning beside
the picture's URL; bytes that cannot be saved are kept in memory for the preview and the resource.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.media import fetch_public
from anymodel_mcp.media.artifacts import Artifacts
from anymodel_mcp.tasks import uninterrupted
from anymodel_mcp.tools.records import sparse
from anymodel_mcp.types import Json, Picture

_DOWNLOADS = 3


@dataclass(slots=True)
class SavedPictures:
    """Pictures in order.

    Attributes:
        records: one for each picture.
        names: of those that were saved or kept in memory.
        warnings: what could not be downloaded or saved.
    """

    records: list[Json] = field(default_factory=list["Json"])
    names: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])


def unsaved_records(pictures: Sequence[Picture]) -> list[Json]:
    """The records of pictures that are not saved yet."""
    return [_record(picture) for picture in pictures]


async def save_pictures(outputs: Artifacts, pictures: Sequence[Picture], *, title: str = "") -> SavedPictures:
    """Saves the pictures that came as bytes; the others keep their URL.

    Args:
        outputs: where they are saved.
        pictures: bytes, or a URL.
        title: words for the files' names.
    """
    saved = SavedPictures()
    for picture in pictures:
        record = _record(picture)
        if picture.content is not None:
            record |= await _save(outputs, picture.content, title, saved)
        saved.records.append(record)
    return saved


async def download_pictures(
    outputs: Artifacts, pictures: Sequence[Picture], earlier: SavedPictures, *, title: str = ""
) -> SavedPictures:
    """Downloads and saves the pictures that came as URLs; a failed download causes no new request.

    Args:
        outputs: where they are saved.
        pictures: bytes, or a URL.
        earlier: the result of `save_pictures` for them.
        title: words for the files' names.
    """
    saved = SavedPictures(names=list(earlier.names), warnings=list(earlier.warnings))
    for picture, record in zip(pictures, earlier.records, strict=True):
        content = await _download(picture.url, saved.warnings) if picture.content is None and picture.url else None
        more: Json = {}
        if content is not None:
            with uninterrupted():  # the URL may work only once
                more = await _save(outputs, content, title, saved)
        saved.records.append(record | more)
    return saved


def _record(picture: Picture) -> Json:
    return sparse({"mime": picture.mime, "url": picture.url})


async def _save(outputs: Artifacts, content: bytes, title: str, saved: SavedPictures) -> Json:
    """Saves one picture, or keeps it in memory; returns the fields for its record."""
    try:
        file = await outputs.save_picture(content, title=title)
    except AnyModelError as error:
        file = outputs.hold(content, title=title)
        saved.warnings.append(
            f"{error.failure.message}. {error.failure.fix} The picture is kept as anymodel://files/{file.name} until "
            "this server ends."
        )
    saved.names.append(file.name)
    path = None if file.held else str(file.path)
    return sparse({"mime": file.mime, "path": path, "bytes": file.bytes, "width": file.width, "height": file.height})


async def _download(url: str, warnings: list[str]) -> bytes | None:
    """Downloads a picture from the provider's URL; retried a few times, because it is paid for."""
    reason = ""
    for _ in range(_DOWNLOADS):
        try:
            return await fetch_public(url)
        except AnyModelError as error:
            reason = error.failure.message
            if not error.failure.retryable:
                break
    warnings.append(f"download failed ({reason}): download the picture from its URL soon")
    return None
