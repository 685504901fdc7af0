"""Reads the input files of a media job: by URL if the service downloads URLs, else as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from anymodel_mcp.dialects.jobs import JobRow
from anymodel_mcp.errors import ArgumentError, excerpt
from anymodel_mcp.media.inputs import Inputs
from anymodel_mcp.wire.audio.formats import ENDINGS
from anymodel_mcp.wire.jobs.request import JobFile

Kind = Literal["image", "audio", "video"]

_KINDS: Mapping[str, Kind] = {
    **{ending: "video" if mime.startswith("video/") else "audio" for mime, ending in ENDINGS.items()},
    "m4v": "video",
    "mkv": "video",
    "opus": "audio",
    "oga": "audio",
}


async def read_files(inputs: Inputs, references: Sequence[str], row: JobRow) -> list[JobFile]:
    """Returns the files in order.

    Args:
        inputs: reads them under the file policy.
        references: https URLs, data URLs or allowed paths.
        row: the service that gets them.

    Raises:
        ArgumentError: refused by the file policy, or neither picture, sound nor video.
        ProviderError: a download failed.
    """
    return [await _read(inputs, reference, row) for reference in references]


async def _read(inputs: Inputs, reference: str, row: JobRow) -> JobFile:
    start = reference[:8].lower()
    if start.startswith("http://"):
        raise ArgumentError(f"{excerpt(reference)!r} is not https", param="files", fix="Give an https URL.")
    if start == "https://" and not (row.form or row.bytes_only):
        return JobFile(kind=_kind_of_url(reference), url=reference)
    part = await inputs.read(reference)
    kind = part.mime.partition("/")[0]
    if kind not in ("image", "audio", "video"):
        raise ArgumentError(f"{part.name!r} is {part.mime}, neither a picture nor a sound nor a video", param="files")
    return JobFile(kind=kind, part=part)


def _kind_of_url(url: str) -> Kind:
    """The kind by the extension of the path; a picture if unknown."""
    return _KINDS.get(PurePosixPath(urlsplit(url).path).suffix.lstrip(".").lower(), "image")
