"""The values of variables as they come: what counts as set, and how lists are written. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}|\{\{[^{}]*\}\}|%[A-Za-z_]\w*%")

TOP_KEYS: Mapping[str, tuple[str, ...]] = {
    "default_model": ("ANYMODEL_MODEL",),
    "default_completion_model": ("ANYMODEL_COMPLETION_MODEL",),
    "default_embedding_model": ("ANYMODEL_EMBEDDING_MODEL",),
    "default_image_model": ("ANYMODEL_IMAGE_MODEL",),
    "default_media_model": ("ANYMODEL_MEDIA_MODEL",),
    "default_rerank_model": ("ANYMODEL_RERANK_MODEL",),
    "default_transcription_model": ("ANYMODEL_TRANSCRIPTION_MODEL",),
    "default_speech_model": ("ANYMODEL_SPEECH_MODEL",),
    "default_voice": ("ANYMODEL_VOICE",),
}
"""The settings above all sections, each with its short variable."""


def meant(text: str | None) -> str | None:
    """Returns the stripped text; `None` if it is missing, empty, or a placeholder that a host did not replace.

    An MCPB bundle may pass the literal "${user_config.x}" for an empty field (seen 2026-11-20).
    """
    stripped = (text or "").strip()
    return None if not stripped or _PLACEHOLDER.fullmatch(stripped) else stripped


def split_list(text: str) -> Any:
    """Splits the list in a variable: JSON, or values separated by commas, with or without brackets and quotes."""
    text = text.strip()
    if text.startswith(("[", '"')):
        try:
            value: Any = json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, list | str):
            return [value] if isinstance(value, str) else value  # pyright: ignore[reportUnknownVariableType] from JSON
    if text.startswith("["):
        if not text.endswith("]"):
            return text
        text = text[1:-1]
    return [part for part in (_unquoted(part) for part in text.split(",")) if part]


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def variable_of(section: str, key: str) -> str:
    """Returns the regular name of a field's variable."""
    parts = [part for part in (section, key) if part]
    return "ANYMODEL_" + re.sub(r"[^A-Z0-9]", "_", "_".join(parts).upper())
