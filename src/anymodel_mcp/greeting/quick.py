"""Reads what clients see from a simple configuration, without reading the rest of it. Pure.

Whatever is not certain gives `None`, and then the whole configuration is read (`config.load`): a section or a variable
that this module does not know, an address that needs correction, a name with unusual characters. A test compares the
two over many configurations: where this module gives a value, `Settings.visible` is the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from anymodel_mcp.greeting.raw import TOP_KEYS, meant, split_list, variable_of
from anymodel_mcp.greeting.visible import DEFAULT_SET, Visible, instructions, listed_tools

TYPE_CHECKING = False  # the module `typing` would take as long as all others here
if TYPE_CHECKING:
    from typing import Any

Row = Sequence["Any"]
"""What matters of a provider's row: base URL, key variable, what it does with sound, whether it sells media."""

_NAME = re.compile(r"[!-$&-z|~]+(?: [!-$&-z|~]+){0,10}")  # printable, no braces and percent signs
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
_PREFIX = re.compile(r"[A-Za-z0-9_-]{0,32}")
_KEY = re.compile(r"[A-Za-z0-9_+/=:~-]{1,400}")
_VARIABLE = re.compile(r"[A-Za-z_]\w*")
_URL = re.compile(r"(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*)(:[1-9][0-9]{1,4})?((?:/[a-z0-9_.-]+)*)/?")
_ENDPOINTS = ("completions", "embeddings", "generations", "edits", "speech", "transcriptions", "responses", "messages")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{2,5})?")
_NEVER_HIDDEN = 2
"""The redactor does not look for a shorter key."""

_PROMPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TEXT = re.compile(r"[ -~\n]{1,20000}")
_LINE = re.compile(r"(?=.{1,100}\Z)[!-~]+(?: [!-~]+)*")
_MOST_PROMPTS = 100
_LOOPBACK = ("localhost", "127.0.0.1")
_KEY_SHAPES = re.compile(
    r"sk-|AIza|gh[pousr]_|github_pat_|hf_|gsk_|xai-|nvapi-|eyJ|://|(?i:key|token|secret|password|bearer|authorization)"
)
"""What the redactor may take for a key, and the words near which it looks for short ones."""

_GRAM = 6
"""With so many letters and digits in a row in common with the text, a key may change how the text is shown."""


class UnsureError(Exception):
    """The configuration is not simple."""


def read_quickly(
    environ: Mapping[str, str],
    file: Mapping[str, Any],
    keys: str | None,
    rows: Mapping[str, Row],
    tools: Mapping[str, str],
) -> Visible | None:
    """Returns what clients see, or `None` where only the whole configuration can tell.

    Args:
        environ: variables.
        file: the configuration file; empty = there is none.
        keys: the text of the key store; `None` = there is none.
        rows: the known providers.
        tools: every tool with what it needs, as `listed_tools` takes them.
    """
    try:
        visible, secrets = _Reader(environ, file, rows, tools).read(_stored(keys))
    except UnsureError:
        return None
    shown = "\n".join([instructions(visible, listed_tools(tools, visible)), *(visible.prompts or {}).values()])
    return None if _KEY_SHAPES.search(shown) or any(_is_like(key, _letters(shown)) for key in secrets) else visible


def _is_like(key: str, shown: str) -> bool:
    """Whether the redactor may find a key, or a part of it, in a text of letters and digits."""
    letters = _letters(key)
    return len(key) > _NEVER_HIDDEN and any(
        letters[i : i + _GRAM] in shown for i in range(max(1, len(letters) - _GRAM + 1))
    )


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())


class _Reader:
    """One configuration."""

    def __init__(
        self,
        environ: Mapping[str, str],
        file: Mapping[str, Any],
        rows: Mapping[str, Row],
        tools: Mapping[str, str],
    ) -> None:
        self.environ = {name: text for name, given in environ.items() if (text := meant(given)) is not None}
        self.file = file
        self.rows = rows
        self.tools = tools
        self.secrets: list[str] = []
        self._read = {"ANYMODEL_CONFIG", "ANYMODEL_PROVIDERS"}

    def read(self, stored: Mapping[str, tuple[str, str]]) -> tuple[Visible, list[str]]:
        """Returns what clients see, and the keys."""
        _known(self.file, (*TOP_KEYS, "aliases", "prompts", "providers", "tools", "server"))
        top = {key: self._text("", key, self.file, *variables) for key, variables in TOP_KEYS.items()}
        tools, server = _table(self.file, "tools"), _table(self.file, "server")
        _known(tools, ("enabled", "prefix"))
        _known(server, ("preload",))
        providers = self._providers(stored)
        visible = Visible(
            prefix=self._text("tools", "prefix", tools, form=_PREFIX) or "",
            enabled=self._enabled(tools),
            defaults={key[8:-6] or "chat": name for key, name in top.items() if name and key in _SHOWN},
            aliases=self._aliases(),
            providers=tuple(providers),
            offers=[*_offers(providers, top)],
            prompts=self._prompts(_table(self.file, "prompts")),
            preload=self._text("server", "preload", server, form=re.compile("idle|call")) or "idle",
        )
        for name in self.environ:
            if name.startswith("ANYMODEL_") and name not in self._read:
                raise UnsureError
        return visible, self.secrets

    def _text(
        self, section: str, key: str, table: Mapping[str, Any], *variables: str, form: re.Pattern[str] = _NAME
    ) -> str | None:
        names = (variable_of(section, key), *variables)
        self._read.update(names)
        value = next((self.environ[name] for name in names if name in self.environ), table.get(key))
        if value is None or (isinstance(value, str) and meant(value) is None):
            return None
        return _matching(value, form)

    def _enabled(self, tools: Mapping[str, Any]) -> Sequence[str]:
        variable = variable_of("tools", "enabled")
        self._read.add(variable)
        text = self.environ.get(variable)
        names = _listed_names(tools.get("enabled", []) if text is None else split_list(text))
        if any(name != DEFAULT_SET and name not in self.tools for name in names):
            raise UnsureError
        return names

    def _aliases(self) -> dict[str, Sequence[str]]:
        found: dict[str, Sequence[str]] = {name: _models(value) for name, value in _table(self.file, "aliases").items()}
        for variable, text in self.environ.items():
            name = variable.removeprefix("ANYMODEL_ALIASES_")
            if name and name != variable:
                self._read.add(variable)
                found[name.lower()] = _models(split_list(text))
        for name, models in found.items():
            _matching(name, _NAME)
            if len({*models}) < len(models) or any(model in found for model in models):
                raise UnsureError  # it refers to another alias
        return found

    def _prompts(self, table: Mapping[str, Any]) -> dict[str, str] | None:
        enabled = table.get("enabled", True)
        variable = variable_of("prompts", "enabled")
        if type(enabled) is not bool or variable in self.environ or len(table) > _MOST_PROMPTS:
            raise UnsureError
        own = {name: _description(name, _table(table, name)) for name in table if name != "enabled"}
        return own if enabled else None

    def _providers(self, stored: Mapping[str, tuple[str, str]]) -> dict[str, Row]:
        tables = _table(self.file, "providers")
        names = [*tables]
        turned_on = self.environ.get("ANYMODEL_PROVIDERS")
        if turned_on is not None:
            names += [name.lower() for name in _listed_names(split_list(turned_on))]
            if any(name not in self.rows for name in names[len(tables) :]):
                raise UnsureError
        if not tables and ("OPENAI_API_KEY" in self.environ or "OPENAI_BASE_URL" in self.environ):
            names.append("openai")
        return {name: self._provider(name, _table(tables, name), stored.get(name)) for name in names}

    def _provider(self, name: str, table: Mapping[str, Any], stored: tuple[str, str] | None) -> Row:
        """Returns the row with what this provider offers at its address."""
        _matching(name, _PROVIDER)
        _known(table, ("base_url", "api_key", "api_key_env"))
        own = self.rows.get(name)
        base_url, host, origin = self._address(name, table, own)
        row = own if own is not None and name != "openai" else self._row_of_host(base_url, host)
        self._key(table, own, from_environment=name == "openai" and "OPENAI_BASE_URL" in self.environ)
        if stored is not None:
            if stored[0] != origin:
                raise UnsureError
            self.secrets.append(stored[1])
        return row if row[0] in (None, base_url) else (row[0], row[1], (), False)

    def _address(self, name: str, table: Mapping[str, Any], own: Row | None) -> tuple[str, str, str]:
        """Returns the base URL, its host with the port, and its origin."""
        given = table.get("base_url")
        if given is None and name == "openai":
            given = self.environ.get("OPENAI_BASE_URL")
        if given is None and own is not None:
            given = own[0]
        found = _URL.fullmatch(given) if isinstance(given, str) else None
        if found is None or found[4].rpartition("/")[2] in (*_ENDPOINTS, "models"):
            raise UnsureError
        scheme, host, port, path = found[1], found[2], found[3] or "", found[4]
        if port in (":80", ":443") or int(port[1:] or 0) > 65_535:
            raise UnsureError
        return f"{scheme}://{host}{port}{path}", f"{host}{port}", f"{scheme}://{host}{port}"

    def _row_of_host(self, base_url: str, host: str) -> Row:
        """The row with this host, else OpenAI's; a loopback port can belong to any server."""
        if host.partition(":")[0] not in _LOOPBACK:
            for row in self.rows.values():
                home = _URL.fullmatch(row[0] or "")
                if home is not None and f"{home[2]}{home[3] or ''}" == host:
                    if home[1] != base_url.partition(":")[0]:
                        raise UnsureError
                    return row
        return self.rows["openai"]

    def _key(self, table: Mapping[str, Any], own: Row | None, *, from_environment: bool) -> None:
        """Notes the key; it need not be known whether it is used."""
        given, variable = table.get("api_key"), table.get("api_key_env")
        if given is not None:
            if variable is not None or from_environment:
                raise UnsureError
            self.secrets.append(_matching(given, _KEY))
        if variable is not None:
            if from_environment:
                raise UnsureError
            _matching(variable, _VARIABLE)
        for name in (variable, own[1] if own is not None else None):
            if name in self.environ:
                self.secrets.append(_matching(self.environ[name], _KEY))


_SHOWN = ("default_model", "default_completion_model", "default_embedding_model", "default_image_model")


def _offers(providers: Mapping[str, Row], top: Mapping[str, str | None]) -> Iterator[str]:
    for _, _, audio, media in providers.values():
        yield from audio
        if media:
            yield "media"
    if providers:
        yield from ("transcription",) if top["default_transcription_model"] else ()
        yield from ("speech",) if top["default_speech_model"] else ()


def _matching(value: Any, form: re.Pattern[str]) -> str:
    """Returns the value if it is a text that stands for itself."""
    if not isinstance(value, str) or len(value) > 500 or not form.fullmatch(value) or meant(value) != value:
        raise UnsureError
    return value


def _models(value: Any) -> tuple[str, ...]:
    models = (_matching(value, _NAME),) if isinstance(value, str) else _listed_names(value)
    if not models:
        raise UnsureError
    return models


def _listed_names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise UnsureError
    entries: list[Any] = value  # pyright: ignore[reportUnknownVariableType] as TOML has it
    return tuple(_matching(entry, _NAME) for entry in entries)


def _table(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = holder.get(name, {})
    if not isinstance(table, dict):
        raise UnsureError
    return table  # pyright: ignore[reportUnknownVariableType] as TOML has it


def _description(name: str, prompt: Mapping[str, Any]) -> str:
    """Returns what is shown for one of the user's own prompts: its description, or the first line of its text."""
    _matching(name, _PROMPT)
    _known(prompt, ("text", "description"))
    text = prompt.get("text")
    if not isinstance(text, str) or not _TEXT.fullmatch(text) or not meant(text):
        raise UnsureError
    description = prompt.get("description")
    if description is not None:
        return _matching(description, _NAME)
    return _matching(text.strip().partition("\n")[0], _LINE)


def _known(table: Mapping[str, Any], names: Sequence[str]) -> None:
    if not table.keys() <= {*names}:
        raise UnsureError


def _stored(text: str | None) -> dict[str, tuple[str, str]]:
    """The stored keys by provider, each with its origin; "" = it is in the system keyring."""
    if text is None or not text.strip():
        return {}
    try:
        entries: Any = json.loads(text)
        return {name: _stored_key(entry) for name, entry in entries.items()}
    except (ValueError, RecursionError, AttributeError) as error:
        raise UnsureError from error


def _stored_key(entry: Any) -> tuple[str, str]:
    """Returns the origin and the key."""
    origin = _matching(entry.get("origin"), _ORIGIN)
    if origin.endswith((":80", ":443")):
        raise UnsureError
    if entry.keys() == {"origin", "key"}:
        return origin, _matching(entry["key"], _KEY)
    if entry != {"origin": origin, "keyring": True}:
        raise UnsureError
    return origin, ""
