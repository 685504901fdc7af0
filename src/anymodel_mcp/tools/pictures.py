"""Pictures that came back: saved with their bytes unchanged, told as records."""

from __future__ import annotations

from collections.abc import Sequence

from anymodel_mcp.app import App
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.media import fetch_public
from anymodel_mcp.tools.records import sparse
from anymodel_mcp.types import Json, Picture

_DOWNLOADS = 3


async def save_pictures(
    app: App, pictures: Sequence[Picture], *, fetch: bool, title: str = ""
) -> tuple[list[Json], list[str], list[str]]:
    """Records of pictures, the names of the saved ones, and warnings.

    Args:
        app: where they are saved.
        pictures: bytes, or a URL.
        fetch: whether a picture given by URL is downloaded; a failed download is a warning, never a new request.
        title: words for the files' names.

    Raises:
        ConfigError: the output folder cannot be written.
    """
    records: list[Json] = []
    names: list[str] = []
    warnings: list[str] = []
    for picture in pictures:
        content = picture.content
        if content is None and fetch and picture.url:
            content = await _download(app, picture.url, warnings)
        record: Json = {"mime": picture.mime, "url": picture.url}
        if content is not None:
            saved = await app.outputs.save_picture(content, title=title)
            names.append(saved.name)
            record |= {"mime": saved.mime, "path": str(saved.path), "bytes": saved.bytes}
            record |= {"width": saved.width, "height": saved.height}
        records.append(sparse(record))
    return records, names, warnings


async def _download(app: App, url: str, warnings: list[str]) -> bytes | None:
    """The bytes behind a URL that a provider gave; tried a few times, because the picture is paid for."""
    reason = ""
    for _ in range(_DOWNLOADS):
        try:
            return await fetch_public(url)
        except AnyModelError as error:
            reason = error.failure.message
            if not error.failure.retryable:
                break
    warnings.append(f"download failed ({reason}): the picture is at its URL, fetch it soon")
    return None
