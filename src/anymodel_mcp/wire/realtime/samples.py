"""Converts sounds to and from the raw samples of the Realtime API: 24 kHz, 16 bit, mono; or G.711.

Resampling is linear: enough for speech, which is all that these models hear.
"""

from __future__ import annotations

import base64
import io
import sys
import wave
from array import array
from math import gcd
from typing import Final

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.types import Json, Sound
from anymodel_mcp.wire.audio.formats import wav_header
from anymodel_mcp.wire.audio.sound import decode_sound
from anymodel_mcp.wire.content.sniff import sniff_sound
from anymodel_mcp.wire.decode.json_values import as_count, as_text

RATE: Final = 24_000
MOST_SECONDS: Final = 1800
"""Longer sounds do not fit a session, which ends after an hour, the answer included."""
_G711_RATE: Final = 8000
_LEAST_RATE, _MOST_RATE = 4000, 192_000
_CONVERT = "Convert it first: ffmpeg -i SOUND -ac 1 -ar 24000 -c:a pcm_s16le sound.wav"


def to_samples(data: str) -> str:
    """Converts a sound in base64 or a data URL to raw samples in base64.

    Raises:
        ArgumentError: it is not a WAV file with 16-bit samples, or too long.
    """
    content = decode_sound(data)
    kind = sniff_sound(content) if content else None
    if not content or kind != "audio/wav":
        what = kind or "not a known sound format"
        raise ArgumentError(f"a realtime model takes sound as WAV, and this one is {what}", param="files", fix=_CONVERT)
    try:
        with wave.open(io.BytesIO(content)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            frames = file.readframes(MOST_SECONDS * _MOST_RATE)
    except (wave.Error, EOFError, ValueError) as error:
        raise _refused(f"it cannot be read ({error})") from error
    if width != 2:
        raise _refused(f"its samples have {8 * width} bits")
    if not channels or not _LEAST_RATE <= rate <= _MOST_RATE:
        raise _refused(f"it has {channels} channels and {rate} samples per second")
    samples = _native(frames[: len(frames) // (2 * channels) * 2 * channels])
    if len(samples) > MOST_SECONDS * rate * channels:
        raise _refused(f"it is longer than {MOST_SECONDS // 60} minutes")
    mono = samples if channels == 1 else _mixed(samples, channels)
    return base64.b64encode(_bytes(_resampled(mono, rate))).decode()


def _refused(why: str) -> ArgumentError:
    return ArgumentError(f"this WAV file cannot be sent to a realtime model: {why}", param="files", fix=_CONVERT)


def _native(data: bytes) -> array[int]:
    samples = array("h", data)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _bytes(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples = samples[:]
        samples.byteswap()
    return samples.tobytes()


def _mixed(samples: array[int], channels: int) -> array[int]:
    """The mean of the channels."""
    parts = [samples[number::channels] for number in range(channels)]
    return array("h", [sum(values) // channels for values in zip(*parts, strict=True)])


def _resampled(samples: array[int], rate: int) -> array[int]:
    """The samples at the API's rate.

    After `before` samples that come, and `after` that go, the places between samples repeat: each of them is one pass.
    """
    if rate == RATE or not samples:
        return samples
    common = gcd(rate, RATE)
    before, after = rate // common, RATE // common
    made = array("h", bytes(2 * max(1, len(samples) * after // before)))
    samples.extend([samples[-1]] * (before + 1))
    for place in range(min(after, len(made))):
        start, rest = divmod(place * before, after)
        count = (len(made) - place + after - 1) // after
        ones = samples[start : start + count * before : before]
        others = samples[start + 1 : start + 1 + count * before : before] if rest else ones
        between = (
            [one + (other - one) * rest // after for one, other in zip(ones, others, strict=True)] if rest else ones
        )
        made[place::after] = array("h", between)
    return made


def as_sound(samples: bytes, form: Json) -> Sound:
    """Converts the samples of a response to a WAV file.

    Args:
        samples: raw samples.
        form: the session's format of output: `audio/pcm` with its rate, `audio/pcmu`, `audio/pcma`.
    """
    kind, rate = as_text(form.get("type")), as_count(form.get("rate")) or RATE
    if kind in _TABLES:
        table = _TABLES[kind]
        samples, rate = _bytes(array("h", [table[value] for value in samples])), _G711_RATE
    samples = samples[: len(samples) // 2 * 2]
    length = round(len(samples) / (2 * rate), 3)
    content = wav_header(len(samples), rate) + samples
    return Sound(content=content, mime="audio/wav", duration_s=length, sample_rate=rate)


def _mu_law(code: int) -> int:
    """One sample: ITU-T G.711, table 2a."""
    code = ~code & 0xFF
    value = ((((code & 0x0F) << 3) + 0x84) << (code >> 4 & 7)) - 0x84
    return -value if code & 0x80 else value


def _a_law(code: int) -> int:
    """One sample: ITU-T G.711, table 1a."""
    code ^= 0x55
    segment, value = code >> 4 & 7, ((code & 0x0F) << 4) + 8
    value = value if segment == 0 else (value + 0x100) << (segment - 1)
    return value if code & 0x80 else -value


_TABLES: Final = {
    "audio/pcmu": [_mu_law(code) for code in range(256)],
    "audio/pcma": [_a_law(code) for code in range(256)],
}
