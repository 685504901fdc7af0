"""`config show`: prints every value and where it comes from, but never a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from anymodel_mcp.cli.screen import Terminal, bare_url, remark, write_json
from anymodel_mcp.cli.tables import show_table
from anymodel_mcp.config import Secret, Settings
from anymodel_mcp.record import record
from anymodel_mcp.redact import one_line

HIDDEN = "(set, hidden)"
DEFAULT = "default"
_META = ("origins", "source", "warnings")
_INNER = ("name", "key_hint", "warnings")


@record
class Entry:
    """One configuration value, ready to print."""

    key: str
    value: Any
    origin: str


def entries(settings: Settings) -> list[Entry]:
    """Returns all values by dotted name, in the order of the file."""
    return [
        Entry(key=key, value=_shown(key, value), origin=find_origin(settings, key))
        for key, value in _flat("", settings)
        if value is not None or key.startswith("default_")
    ]


def find_origin(settings: Settings, key: str) -> str:
    """Returns the origin of a value; for a table, the origins of its parts."""
    if key in settings.origins:
        return settings.origins[key]
    parts = [origin for name, origin in settings.origins.items() if name.startswith(f"{key}.")]
    return ", ".join(dict.fromkeys(parts)) or DEFAULT


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    for field in fields(value):
        if field.name in (_INNER if prefix.startswith("providers.") else _META):
            continue
        inner = getattr(value, field.name)
        key = f"{prefix}{field.name}"
        if is_dataclass(inner):
            yield from _flat(f"{key}.", inner)
        elif field.name == "providers":
            for name, provider in inner.items():
                yield from _flat(f"providers.{name}.", provider)
        elif field.name == "own":
            for name, prompt in inner.items():
                yield from _flat(f"{prefix}{name}.", prompt)
        elif field.name == "aliases":
            yield from ((f"aliases.{name}", list(targets)) for name, targets in inner.items())
        else:
            yield key, inner


def _shown(key: str, value: Any) -> Any:
    if isinstance(value, Secret):
        return HIDDEN
    if key.endswith(".headers"):
        return dict.fromkeys(value, HIDDEN)
    if key.endswith(".quirks"):
        return {name: _plain(quirk) for name, quirk in value.items()}
    if key.endswith(("base_url", "models_url")) and isinstance(value, str):
        return bare_url(value)
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(map(str, value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] shown as text
    return [*value] if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType] shown as text


def show_config(terminal: Terminal, settings: Settings, *, as_json: bool, everything: bool) -> int:
    """Prints the configuration; without `everything`, only values that are not the default."""
    found = entries(settings)
    if as_json:
        values = {e.key: {"value": e.value, "origin": e.origin} for e in found}
        write_json(terminal, {"file": settings.source, "values": values, "warnings": list(settings.warnings)})
        return 0
    chosen = [e for e in found if everything or e.origin != DEFAULT or e.key.endswith(".base_url")]
    if chosen:
        show_table(terminal, ("name", "value", "from"), [(e.key, _text(e.value), e.origin) for e in chosen])
    else:
        remark(terminal, "nothing is configured; every value is the default")
    for warning in settings.warnings:
        remark(terminal, warning, "yellow")
    if not everything:
        remark(terminal, f"{len(found) - len(chosen)} values are defaults: --all shows them")
    return 0


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        table: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType] shown as text
        return ", ".join(f"{k} = {_text(v)}" for k, v in table.items())
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType] shown as text
        return ", ".join(map(_text, items)) or "(none)"
    if isinstance(value, str) and "\n" in value:
        value = one_line(value)
    return "(none)" if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)
