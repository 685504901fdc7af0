"""Sound in a chat answer: pieces of base64 with the words that are spoken, as a message or its deltas bring them.

OpenAI streams raw samples, each piece base64 of its own or a part of one text; Qwen streams samples without a header
whatever format was asked for. https://github.com/openai/openai-openapi 2.3.0 (ChatCompletionResponseMessage.audio),
https://openrouter.ai/docs/guides/overview/multimodal/audio, 2026-11-28.
"""

from __future__ import annotations

import re
from typing import Any, Final

from anymodel_mcp.types import Json, Sound
from anymodel_mcp.wire.audio.sound import sound_of
from anymodel_mcp.wire.content.parts import decode_base64
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, first_text

_PADDED = re.compile(r"[^=]+={0,2}")
_RAW = "audio/pcm"


def asks_for_samples(body: Json) -> bool:
    """Whether a request asks for raw samples."""
    return as_text(as_object(body.get("audio")).get("format")).lower().startswith("pcm")


class Spoken:
    """Collects the sound of one choice.

    Args:
        samples: raw samples were asked for.
    """

    def __init__(self, *, samples: bool = False) -> None:
        self._samples: Final = samples
        self._pieces: list[str] = []
        self._kind = ""
        self.size = 0
        """Characters held."""

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, value: Any) -> str:
        """Takes a field `audio`; returns the words that it holds."""
        source = as_object(value)
        self._kind = self._kind or first_text(source, "mime_type", "mimeType")
        for piece in (source.get("data"), *as_list(source.get("data"))):
            if text := as_text(piece):
                text = text[text.find(",", 0, 200) + 1 :] if text[:5].lower() == "data:" else text
                self._pieces.append(text)
                self.size += len(text)
        return as_text(source.get("transcript"))

    def sound(self) -> Sound | None:
        """The whole sound; `None` = none was received, or it cannot be decoded."""
        parts = [decode_base64(part) for part in _PADDED.findall("".join(self._pieces))]
        content = b"".join(part or b"" for part in parts)
        if not content:
            return None
        return sound_of(content, self._kind or (_RAW if self._samples else ""), sniffed=not self._samples)
