"""Chooses the provider and its address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from anymodel_mcp.cli.dialog import Dialog
from anymodel_mcp.cli.key import checked_name, looks_like_key
from anymodel_mcp.cli.setup.discovery import Found, row_words
from anymodel_mcp.cli.setup.flags import Flags
from anymodel_mcp.cli.setup.menu import Option, choose
from anymodel_mcp.config import Settings
from anymodel_mcp.config.providers import LOCAL, row_of_host
from anymodel_mcp.config.values import meant, suggest
from anymodel_mcp.dialects.fields import ProviderRow
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.record import record
from anymodel_mcp.wire.urls import clean_base_url

_OPENAI = "openai"
_POPULAR = ("openai", "openrouter", "anthropic", "gemini", "deepseek", "groq", "mistral", "xai")


@record
class Address:
    """A provider and its base URL.

    Attributes:
        row: its row; `None` = the user's own provider.
        base_url: its address.
    """

    name: str
    row: ProviderRow | None
    base_url: str

    @property
    def key_needed(self) -> bool:
        """Whether the provider refuses requests without a key."""
        row = self.row
        return row is not None and row.key_env is not None and not row.key_optional and row.base_url == self.base_url


def find_address(dialog: Dialog, flags: Flags, environ: Mapping[str, str], found: Found, settings: Settings) -> Address:
    """The provider and its address: from the flags, the environment and the file, else from the user.

    Raises:
        ConfigError: it is not known and there is nobody to ask, or it cannot be used.
    """
    given = flags.base_url or meant(environ.get("OPENAI_BASE_URL")) if _takes_url(flags, environ) else None
    base_url = _clean(given, "--base-url" if flags.base_url else "OPENAI_BASE_URL") if given else None
    if flags.provider:
        name = checked_name(flags.provider)
    elif base_url:
        name = _name_of(base_url)
    elif dialog.attended:
        name, base_url = _ask(dialog, found, settings)
    else:
        raise ConfigError(
            "no provider is named",
            fix="Add --provider NAME, such as --provider openai, or --base-url https://HOST/v1.",
        )
    row = PROVIDERS.get(name)
    return Address(name=name, row=row, base_url=base_url or _known_address(dialog, name, row, settings))


def _takes_url(flags: Flags, environ: Mapping[str, str]) -> bool:
    """Whether an address from outside is for this provider: `OPENAI_BASE_URL` belongs to `openai` only."""
    return bool(flags.base_url) or (flags.provider or _OPENAI).strip().lower() == _OPENAI


def _clean(text: str, source: str) -> str:
    try:
        return clean_base_url(text)[0]
    except ConfigError as error:
        raise ConfigError(f"{source} {error.failure.message}") from error


def _name_of(base_url: str) -> str:
    """The row at an address; `openai` where there is none, as for `OPENAI_BASE_URL`."""
    exact = next((row for row in PROVIDERS.values() if row.base_url == base_url), None)
    row = exact or row_of_host(base_url)
    return row.name if row else _OPENAI


def _known_address(dialog: Dialog, name: str, row: ProviderRow | None, settings: Settings) -> str:
    if name in settings.providers:
        return settings.providers[name].base_url
    if row is not None and row.base_url is not None:
        return row.base_url
    if name == LOCAL.rstrip(":"):
        return LOCAL
    form = row.url_hint if row else "https://HOST/v1"
    if dialog.attended:
        return _clean(dialog.answer(f"Base URL of {name} ({form}): "), "the base URL")
    hint = "" if row else suggest(name, PROVIDERS, likeness=0.75)
    near = f"{hint[0].upper()}{hint[1:]} Else add" if hint.startswith("did") else "Add"
    raise ConfigError(f"the base URL of {name!r} is not known", fix=f"{near} --base-url {form}.")


def _ask(dialog: Dialog, found: Found, settings: Settings) -> tuple[str, str | None]:
    """The provider that the user chooses, and its address where the user types one."""
    options = [Option(value=row.name, words=row_words(row, found)) for row in PROVIDERS.values()]
    options += [
        Option(value=name, words=f"yours, at {provider.base_url}")
        for name, provider in settings.providers.items()
        if name not in PROVIDERS
    ]
    near = [*settings.providers, *found.engines, *found.variables, *_POPULAR]
    first = [o for name in dict.fromkeys(near) for o in options if o.value == name]
    dialog.write("Which provider?")
    answer = choose(
        dialog,
        "Number, name, a part of a name, or the URL of any OpenAI-compatible API: ",
        options,
        first=first,
        other=lambda text: text if "://" in text else None,
    )
    if "://" not in answer:
        return answer, None
    base_url = _clean(answer, "the base URL")
    row = row_of_host(base_url)
    if row is not None:
        return row.name, base_url
    suggested = _suggested_name(base_url)
    name = dialog.answer(f"A name for it [{suggested}]: ") or suggested
    while looks_like_key(name):
        dialog.write("That looks like a key, and it is on the screen now. The key is asked for next, without echo.")
        name = dialog.answer(f"A name for it [{suggested}]: ") or suggested
    return checked_name(name), base_url


def _suggested_name(base_url: str) -> str:
    """A name made of the host: "gateway" for https://api.gateway.example/v1."""
    labels = [label for label in (urlsplit(base_url).hostname or "").lower().split(".") if label not in ("api", "www")]
    name = re.sub(r"[^a-z0-9_-]", "", labels[-2] if len(labels) > 1 else labels[0] if labels else "")
    return name if re.match(r"[a-z]", name) and name not in PROVIDERS else "custom"
