"""Measures the length of a sound from its headers."""

from __future__ import annotations

import io
import logging

from anymodel_mcp.record import record
from anymodel_mcp.wire.content.sniff import sniff_sound

_MEASURED = frozenset({"audio/wav", "audio/mpeg", "audio/ogg", "audio/flac", "audio/mp4", "audio/aac", "audio/aiff"})


@record
class SoundLength:
    """Length in seconds and samples per second, as far as the headers contain them."""

    duration_s: float | None
    sample_rate: int | None


def measure_sound(content: bytes) -> SoundLength | None:
    """Length and sample rate; `None` = no sound, or its headers lack them."""
    if sniff_sound(content) not in _MEASURED:
        return None
    logging.getLogger("tinytag").setLevel(logging.CRITICAL)  # its warnings quote the file
    try:
        from tinytag import TinyTag  # imported only when a sound is saved

        tag = TinyTag.get(file_obj=io.BytesIO(_with_size(content)), tags=False)
    except Exception:  # parsers raise anything on bad bytes: struct.error, IndexError, MemoryError
        return None
    duration, rate = tag.duration, tag.samplerate
    if not duration or not 0 < duration < 10_000_000:
        return SoundLength(duration_s=None, sample_rate=rate or None)
    return SoundLength(duration_s=round(duration, 3), sample_rate=rate or None)


def _with_size(content: bytes) -> bytes:
    """The sound with its data length filled in, which a streamed WAV leaves open."""
    at = content.find(b"data", 12, 4096) if content[:4] == b"RIFF" else -1
    if at < 0 or int.from_bytes(content[at + 4 : at + 8], "little") <= len(content):
        return content
    return content[: at + 4] + (len(content) - at - 8).to_bytes(4, "little") + content[at + 8 :]
