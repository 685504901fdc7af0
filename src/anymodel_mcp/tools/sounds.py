"""Saves the sounds that a provider made, bytes unchanged, and lists them as records.

Nothing here fails a call, because its sounds are paid for. A failed download or save becomes a warning; bytes that
cannot be saved are kept in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.media import fetch_public
from anymodel_mcp.media.artifacts import Artifacts
from anymodel_mcp.tasks import uninterrupted
from anymodel_mcp.tools.records import sparse
from anymodel_mcp.types import Json, Sound

_DOWNLOADS = 3
_MOST_DOWNLOADED = 100_000_000


@dataclass(slots=True)
class SavedSounds:
    """Sounds in order.

    Attributes:
        records: one for each sound.
        names: of those that were saved or kept in memory.
        warnings: what could not be downloaded or saved.
    """

    records: list[Json] = field(default_factory=list["Json"])
    names: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])


def sound_record(sound: Sound) -> Json:
    """The record of a sound that is not saved yet."""
    return sparse(
        {"mime": sound.mime, "url": sound.url, "duration_s": sound.duration_s, "sample_rate": sound.sample_rate}
    )


async def save_sounds(artifacts: Artifacts, sounds: Sequence[Sound], *, title: str = "") -> SavedSounds:
    """Saves the sounds that came as bytes; the others keep their URL."""
    saved = SavedSounds()
    for sound in sounds:
        record = sound_record(sound)
        if sound.content is not None:
            record = await _save(artifacts, sound.content, title, saved) | record
        saved.records.append(record)
    return saved


async def download_sounds(
    artifacts: Artifacts, sounds: Sequence[Sound], earlier: SavedSounds, *, title: str = ""
) -> SavedSounds:
    """Downloads and saves the sounds that came as URLs."""
    saved = SavedSounds(names=list(earlier.names), warnings=list(earlier.warnings))
    for sound, record in zip(sounds, earlier.records, strict=True):
        content = await _download(sound.url, saved.warnings) if sound.content is None and sound.url else None
        more: Json = {}
        if content is not None:
            with uninterrupted():  # the URL may work only once
                more = await _save(artifacts, content, title, saved)
        saved.records.append(more | record)
    return saved


def describe_sound(record: Json) -> str:
    """A line with the place, length and type of a sound."""
    length = f"{record['duration_s']:g} s, " if record.get("duration_s") else ""
    if record.get("path"):
        return f"{record['path']} ({length}{record.get('mime', '')}, {record.get('bytes')} bytes)"
    return str(record.get("url") or f"a sound that is not saved ({length}{record.get('mime', '')})")


async def _save(artifacts: Artifacts, content: bytes, title: str, saved: SavedSounds) -> Json:
    try:
        file = await artifacts.save_picture(content, title=title)
    except AnyModelError as error:
        file = artifacts.hold(content, title=title)
        saved.warnings.append(
            f"{error.failure.message}. {error.failure.fix} The sound is kept as anymodel://files/{file.name} until "
            "this server ends."
        )
    saved.names.append(file.name)
    return sparse(
        {
            "mime": file.mime,
            "path": None if file.held else str(file.path),
            "bytes": file.bytes,
            "duration_s": file.duration_s,
            "sample_rate": file.sample_rate,
        }
    )


async def _download(url: str, warnings: list[str]) -> bytes | None:
    reason = ""
    for _ in range(_DOWNLOADS):
        try:
            return await fetch_public(url, max_bytes=_MOST_DOWNLOADED, timeout_s=60)
        except AnyModelError as error:
            reason = error.failure.message
            if not error.failure.retryable:
                break
    warnings.append(f"download failed ({reason}): download the sound from its URL soon")
    return None
