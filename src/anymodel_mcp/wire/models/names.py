"""Guesses the type of a model from its name."""

from __future__ import annotations

import re

from anymodel_mcp.types import Capability
from anymodel_mcp.wire.patterns import LazyPattern

_RERANK = LazyPattern(r"re-?rank|cross-encoder|(?:^|[/-])ms-marco-", re.IGNORECASE)
_EMBEDDING = LazyPattern(r"embed|(?:^|[/-])(?:bge|e5|gte|m2-bert|jina-clip|voyage|nomic-embed)-", re.IGNORECASE)
_SOUND = LazyPattern(
    r"whisper|(?:^|[/_-])tts|transcri|(?:^|[/_-])asr(?:[/_-]|$)|paraformer|sensevoice|cosyvoice|elevenlabs|eleven_"
    r"|kokoro|orpheus|parler-|voxtral-\S*(?:transcribe|tts)|(?:^|[/_-])speech-\d|speech-to-text|text-to-speech",
    re.IGNORECASE,
)
_LIVE = LazyPattern(r"realtime|gpt-audio|omni", re.IGNORECASE)
_MUSIC = LazyPattern(r"suno|chirp|(?:^|[/_-])udio|music|lyria|riffusion|lyrics", re.IGNORECASE)
_VIDEO = LazyPattern(
    r"(?:^|[/_-])(?:sora|veo|kling|luma|ray|pika|vidu|viggle|runway|gen[34])(?:[/_.-]|\d|$)|hailuo|seedance|cogvideo"
    r"|pixverse|video(?!-?(?:llava|llama|chat))|(?:^|[/_-])(?:t2v|i2v|s2v)|(?:^|[/_.-])[tis]2v(?:[/_.-]|$)"
    r"|(?:^|[/_-])svd",
    re.IGNORECASE,
)
# what is no chat, embedding, picture, sound or video, or cannot be told by its name
_OTHER = LazyPattern(
    r"moderation|realtime|speech|audio|guard|davinci-002|babbage-002|parler|voice|video", re.IGNORECASE
)
_IMAGE = LazyPattern(
    r"dall-e|gpt-image|chatgpt-image|stable-(?:diffusion|image|cascade)|(?:^|/)sd[x3]|(?:^|[/_-])flux|seedream|seededit"
    r"|cogview|imagen-|recraft|ideogram|qwen-image|z-image|kolors|grok-\S*image|midjourney|(?:^|[/_-])mj[_-]|niji"
    r"|nano-banana|jimeng|hidream|playground-v|wanx|[ti]2i|text-to-image|photon|firefly|-image(?:-|$)",
    re.IGNORECASE,
)


def guess_type(id_: str) -> Capability | None:
    """The type by the name; `None` for models that are none of ours (moderation), or that do several things."""
    if _RERANK.search(id_):
        return "rerank"
    if _SOUND.search(id_) and not _LIVE.search(id_):
        return "audio"
    if _EMBEDDING.search(id_):
        return "embedding"
    if _MUSIC.search(id_):
        return "audio"
    if _VIDEO.search(id_):
        return "video"
    if _OTHER.search(id_):
        return None
    return "image" if _IMAGE.search(id_) else "chat"


_HEARS = LazyPattern(r"whisper|transcri|asr|stt|paraformer|sensevoice|speech-to-text|recognition|scribe", re.IGNORECASE)


def audio_modalities(words: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The input and output modalities of a sound model by its name and kind: it makes music, transcribes, or speaks."""
    if _MUSIC.search(words):
        return ("text",), ("music",)
    return (("audio",), ("text",)) if _HEARS.search(words) else (("text",), ("audio",))
