"""Resolves a name to the models that may answer: aliases, providers, model lists, closest names. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from itertools import islice
from typing import Literal

from anymodel_mcp.errors import ConfigError
from anymodel_mcp.record import positional_record, record
from anymodel_mcp.types import ModelRecord

Purpose = Literal["chat", "completion", "embedding", "image", "media", "rerank", "transcription", "speech"]

NOTHING_CONFIGURED = (
    "no provider is configured. Run `anymodel-mcp setup` in a terminal, or set OPENAI_API_KEY (and OPENAI_BASE_URL for "
    "any other OpenAI-compatible address), or ANYMODEL_PROVIDERS=deepseek with DEEPSEEK_API_KEY, in the `env` of this "
    "server's entry in your host's configuration; `anymodel-mcp doctor` shows what is seen"
)


@positional_record
class Target:
    """One model of one provider; `model` is the provider's own id."""

    provider: str
    model: str

    @property
    def name(self) -> str:
        """The name that resolves to this target; a media service may need no model."""
        return f"{self.provider}/{self.model}" if self.model else self.provider


@record
class ModelNames:
    """The configured names.

    Attributes:
        providers: in the order in which they were configured.
        aliases: name -> model names, tried in order.
        defaults: purpose -> name.
        addresses: provider -> base URL.
        services: provider -> what it sells besides chat and pictures.
        lacks: provider -> features that it is known to lack ("images", "image_edits", ...).
        voice: the default voice.
    """

    providers: Sequence[str] = ()
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    defaults: Mapping[Purpose, str] = field(default_factory=dict["Purpose", str])
    addresses: Mapping[str, str] = field(default_factory=dict[str, str])
    services: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    lacks: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    voice: str | None = None

    def default_for(self, purpose: Purpose) -> str | None:
        """The default model for a purpose; a completion falls back to the chat model."""
        chat = self.defaults.get("chat") if purpose == "completion" else None
        return self.defaults.get(purpose) or chat

    def check_configured(self) -> None:
        """Checks that a provider is configured.

        Raises:
            ConfigError: says what to set.
        """
        if not self.providers:
            raise ConfigError(NOTHING_CONFIGURED)


def needs_lists(names: ModelNames, name: str) -> bool:
    """Whether the model lists are needed to resolve this name."""
    if len(names.providers) < 2 or name in names.aliases:
        return False
    return name.partition("/")[0] not in names.providers or "/" not in name


def route(names: ModelNames, name: str, lists: Mapping[str, Sequence[str]]) -> tuple[Target, ...]:
    """The targets of a name, in the order in which to try them.

    Args:
        names: aliases, providers, defaults.
        name: an alias, `provider/id`, or a bare id.
        lists: provider -> the ids in its known list.

    Raises:
        ConfigError: no provider is configured.
    """
    names.check_configured()
    entries = names.aliases.get(name)
    if entries is None:
        return (_target(names, name, lists),)
    return tuple(dict.fromkeys(_target(names, entry, lists) for entry in entries))


def _target(names: ModelNames, name: str, lists: Mapping[str, Sequence[str]]) -> Target:
    provider, slash, model = name.partition("/")
    if slash and model and provider in names.providers:
        return Target(provider, model)
    for listed, ids in lists.items():
        if name in ids and listed in names.providers:
            return Target(listed, name)
    return Target(_default_provider(names), name)


def _default_provider(names: ModelNames) -> str:
    name = names.defaults.get("chat", "")
    first = names.aliases.get(name, (name,))[0] if name else ""
    provider = first.partition("/")[0]
    return provider if provider in names.providers else next(iter(names.providers))


_SPLIT = re.compile(r"[^a-z0-9]+")


def _words(text: str) -> str:
    return " ".join(_SPLIT.split(text.lower())).strip()


_LIKE = 0.55
_COMPARED, _COMPARED_CHARS = 10_000, 120
"""The most names, and characters of each, that are compared."""


def closest(name: str, known: Iterable[str], *, count: int = 5) -> list[str]:
    """The known names most like `name`, best first: spelling, then shared words ("gpt mini" finds "gpt-5-mini")."""
    wanted = _words(name[:_COMPARED_CHARS])
    wanted_words = set(wanted.split())
    spelling = difflib.SequenceMatcher(None, "", wanted)
    scored: list[tuple[float, str]] = []
    for candidate in islice(dict.fromkeys(known), _COMPARED):
        words = _words(candidate)
        ratio = _likeness(spelling, words)
        shared = len(wanted_words & set(words.split())) / max(len(wanted_words), 1)
        score = max(ratio, shared * 0.9)
        if score >= _LIKE:
            scored.append((-score, candidate))
    return [candidate for _, candidate in sorted(scored)[:count]]


def _likeness(spelling: difflib.SequenceMatcher[str], words: str) -> float:
    """The similarity of two spellings, 0 to 1; cheap upper bounds are checked first."""
    spelling.set_seq1(words[:_COMPARED_CHARS])
    if spelling.real_quick_ratio() < _LIKE or spelling.quick_ratio() < _LIKE:
        return 0.0
    return spelling.ratio()


def suits(record: ModelRecord, purpose: Purpose) -> bool:
    """Whether a model can serve a purpose, as far as its record says; unknown types suit chat."""
    if purpose in ("chat", "completion"):
        return record.type in (None, "chat") or "chat" in record.capabilities
    if purpose in ("transcription", "speech"):
        return record.type == "audio" and _AUDIO_SIDE[purpose](record)
    return record.type == purpose or purpose in record.capabilities


_AUDIO_SIDE: Mapping[str, Callable[[ModelRecord], bool]] = {
    "transcription": lambda record: "audio" in record.input_modalities,
    "speech": lambda record: bool({"audio", "speech"} & {*record.output_modalities}),
}
"""Distinguishes the two kinds of sound models, because "audio" also includes music."""
