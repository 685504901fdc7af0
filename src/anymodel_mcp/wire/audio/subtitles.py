"""Subtitles from segments: SubRip and WebVTT.

Formats: https://en.wikipedia.org/wiki/SubRip and https://www.w3.org/TR/webvtt1/ (read 2026-11-28).
"""

from __future__ import annotations

from collections.abc import Sequence

from anymodel_mcp.wire.audio.values import Segment

_LONGEST_S = 360_000 - 1


def srt(segments: Sequence[Segment]) -> str:
    """The segments as SubRip."""
    cues = [
        f"{number}\n{_clock(s.start, ',')} --> {_clock(s.end, ',')}\n{_words(s)}\n"
        for number, s in enumerate(segments, 1)
    ]
    return "\n".join(cues)


def vtt(segments: Sequence[Segment]) -> str:
    """The segments as WebVTT."""
    cues = [f"{_clock(s.start, '.')} --> {_clock(s.end, '.')}\n{_escaped(s)}\n" for s in segments]
    return "\n".join(["WEBVTT\n", *cues])


def listed(segments: Sequence[Segment]) -> str:
    """The segments as a readable list: times, speaker, text."""
    return "\n".join(f"{s.start:.2f}-{s.end:.2f} {_words(s)}" for s in segments)


def _words(segment: Segment) -> str:
    """Speaker and text without empty lines, which would end the cue."""
    text = "\n".join(line.strip() for line in segment.text.splitlines() if line.strip())
    return f"{' '.join(segment.speaker.split())}: {text}" if segment.speaker else text


def _escaped(segment: Segment) -> str:
    return _words(segment).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    millis = round(min(max(seconds, 0.0), _LONGEST_S) * 1000)
    minutes, millis = divmod(millis, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{millis // 1000:02}{point}{millis % 1000:03}"
