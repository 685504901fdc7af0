"""Sound formats: extensions and format names by media type, a WAV header for raw samples, advice for large files."""

from __future__ import annotations

import re
import shlex
from typing import Final

from anymodel_mcp.types import FilePart

ENDINGS: Final = {
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/aac": "aac",
    "audio/mp4": "m4a",
    "audio/amr": "amr",
    "audio/aiff": "aiff",
    "audio/x-caf": "caf",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "video/x-msvideo": "avi",
}
"""File name extensions; `input_audio.format` takes the same values."""

SAMPLE_RATE: Final = 24_000
"""The default rate of raw samples: https://platform.openai.com/docs/guides/text-to-speech (read 2026-11-21)."""

_OTHER_ENDINGS = {"audio/mpeg": ("mpga", "mpeg"), "audio/ogg": ("oga", "opus"), "video/webm": ("weba", "mkv"),
                  "audio/mp4": ("mp4", "m4b"), "video/mp4": ("m4a", "mov")}  # fmt: skip
_RATE = re.compile(r";\s*(?:rate|sample_?rate)\s*=\s*\"?(\d{4,6})", re.IGNORECASE)
_CHANNELS = re.compile(r";\s*channels\s*=\s*\"?([1-8])\b", re.IGNORECASE)
_UNKNOWN_SIZE = 0xFFFFFFFF


def named_sound(file: FilePart) -> FilePart:
    """Renames the file so that its extension matches its type, because providers refuse other names."""
    ending = ENDINGS.get(file.mime)
    stem, _, suffix = file.name.rpartition(".")
    if ending is None or suffix.lower() in (ending, *_OTHER_ENDINGS.get(file.mime, ())):
        return file
    return FilePart(name=f"{stem or suffix or 'sound'}.{ending}", mime=file.mime, content=file.content)


def wav_header(size: int, rate: int = SAMPLE_RATE, channels: int = 1) -> bytes:
    """The WAV header for raw 16-bit samples of `size` bytes.

    Format: http://soundfile.sapp.org/doc/WaveFormat/ (read 2026-11-28).
    """
    whole = min(size + 36, _UNKNOWN_SIZE)
    fields = (16, 2), (1, 2), (channels, 2), (rate, 4), (rate * channels * 2, 4), (channels * 2, 2), (16, 2)
    head = b"".join(value.to_bytes(width, "little") for value, width in ((fields[0][0], 4), *fields[1:]))
    return (
        b"RIFF"
        + whole.to_bytes(4, "little")
        + b"WAVEfmt "
        + head
        + b"data"
        + min(size, _UNKNOWN_SIZE).to_bytes(4, "little")
    )


def samples_of(content_type: str) -> tuple[int, int]:
    """Sample rate and channels of raw samples, from the header `content-type`."""
    rate, channels = _RATE.search(content_type), _CHANNELS.search(content_type)
    return int(rate[1]) if rate else SAMPLE_RATE, int(channels[1]) if channels else 1


def is_raw(content_type: str) -> bool:
    """Whether a media type is that of raw 16-bit samples."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind in ("audio/pcm", "audio/x-pcm", "audio/pcm_s16le", "audio/l16", "audio/raw", "audio/x-raw")


def shrink_line(name: str) -> str:
    """A command that shrinks a recording: an hour of speech to 14 MB."""
    stem = name.rpartition(".")[0] or name
    return f"ffmpeg -i {shlex.quote(name)} -vn -ac 1 -ar 16000 -b:a 32k {shlex.quote(f'{stem}-small.mp3')}"


def is_sound_name(name: str) -> bool:
    """Whether a file name has the extension of a recording."""
    endings = {*ENDINGS.values(), *(e for many in _OTHER_ENDINGS.values() for e in many)}
    return name.rpartition(".")[2].lower() in endings
