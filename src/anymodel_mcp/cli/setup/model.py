"""Chooses the default model."""

from __future__ import annotations

from collections.abc import Sequence

from anymodel_mcp.cli.dialog import Dialog
from anymodel_mcp.cli.doctor.probes import chat_model
from anymodel_mcp.cli.setup.flags import Flags
from anymodel_mcp.cli.setup.menu import Option, choose
from anymodel_mcp.config import Settings
from anymodel_mcp.types import ModelRecord


def bare_model(name: str, model: str) -> str:
    """The provider's own id, without a leading "provider/"."""
    return model.strip().removeprefix(f"{name}/")


def find_model(
    dialog: Dialog, flags: Flags, name: str, settings: Settings, models: Sequence[ModelRecord], *, again: bool = False
) -> str | None:
    """The provider's own id of the model to use by default; `None` = the default stays, or there is no chat model.

    Args:
        dialog: the user.
        flags: may name the model.
        name: the provider's.
        settings: contain the current default model, if any.
        models: the provider's list.
        again: the model named by the flags did not answer, so the user is asked.
    """
    if flags.model and not again:
        return bare_model(name, flags.model)
    usable = usable_models(models)
    suggested = suggest_model(name, settings, usable)
    current = settings.default_model
    if not dialog.attended:
        return None if current else suggested
    if not usable:
        kept = f" (Enter keeps {current})" if current else " (Enter for none)"
        return bare_model(name, dialog.answer(f"Default model of {name}{kept}: ")) or None
    preset = current or f"{name}/{suggested}"
    dialog.write("Which model answers when none is named?")
    answer = choose(
        dialog,
        f"Number, id, or a part of it [{preset}]: ",
        [_option(m) for m in usable],
        first=sorted((_option(m) for m in usable), key=lambda o: o.value != suggested),
        default="",
    )
    return answer or (None if current else suggested)


def usable_models(models: Sequence[ModelRecord]) -> list[ModelRecord]:
    """The models that chat, as far as their records say."""
    return [m for m in models if m.type in (None, "chat")]


def suggest_model(name: str, settings: Settings, usable: Sequence[ModelRecord]) -> str | None:
    """The model to suggest: the current default if it belongs to this provider, else the cheapest, else the first."""
    found = chat_model(settings, settings.providers[name], usable)
    return found or (usable[0].id if usable else None)


def _option(model: ModelRecord) -> Option:
    price = model.price_per_million
    words = [model.name or ""] if model.name != model.id else []
    if price and price.input is not None and price.output is not None:
        words.append(f"${price.input:g} in, ${price.output:g} out per million tokens")
    return Option(value=model.id, words=", ".join(filter(None, words)))
