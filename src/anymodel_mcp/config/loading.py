"""Turns environment, file text and command line into `Settings`. Pure; imports TOML only if there is a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from anymodel_mcp.config.key_store import NO_KEYS, KeyStore
from anymodel_mcp.config.keys import clean_key
from anymodel_mcp.config.prompts import prompt_variables, read_prompts
from anymodel_mcp.config.providers import VARIABLE_KEYS, read_providers
from anymodel_mcp.config.settings import (
    Files,
    HttpSettings,
    Limits,
    PromptSettings,
    Secret,
    ServerSettings,
    Settings,
    StoreSettings,
    ToolSettings,
    ViewSettings,
)
from anymodel_mcp.config.values import TOP_KEYS, Found, Layers, Spec, closest_name, meant, split_list, variable_of
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.wire.decode.json_values import as_list

T = TypeVar("T")

_TEXT = Spec(kind="text")
_BESIDE_A_DOCUMENT = 32 * 2**20
_SECTIONS: Mapping[str, Mapping[str, Spec]] = {
    "limits": {
        "soft_deadline_s": Spec(kind="float", high=86_400),
        "max_output_bytes": Spec(kind="int", low=1000, high=100_000_000),
        "max_event_bytes": Spec(kind="int", low=1000),
        "max_concurrent_calls": Spec(kind="int", low=1, high=100_000),
        "max_line_bytes": Spec(kind="int", low=1000),
    },
    "files": {
        "allowed_dirs": Spec(kind="texts", wanted="a list of folders"),
        "output_dir": _TEXT,
        "max_file_mb": Spec(kind="int", low=1, high=1000),
        "keep_mb": Spec(kind="int", low=1, high=10_000_000),
    },
    "store": {
        "enabled": Spec(kind="bool"),
        "keep_days": Spec(kind="int", high=36_500),
        "max_mb": Spec(kind="int", low=1),
        "path": _TEXT,
    },
    "http": {
        "host": Spec(kind="text", form=re.compile(r"[^\s/]+"), wanted="a host name or address such as 127.0.0.1"),
        "port": Spec(kind="int", high=65_535),
        "path": Spec(kind="text", form=re.compile(r"/[^\s?#]*"), wanted="a path that begins with /, such as /mcp"),
        "token_env": Spec(kind="text", form=re.compile(r"[A-Za-z_]\w*"), wanted="the name of a variable"),
        "allowed_hosts": Spec(kind="texts"),
        "allowed_origins": Spec(kind="texts"),
        "max_body_bytes": Spec(kind="int", low=1000),
        "stateless": Spec(kind="bool"),
        "workers": Spec(kind="int", low=1, high=1000),
    },
    "server": {
        "preload": Spec(kind="text", form=re.compile("idle|call"), wanted='"idle" or "call"'),
    },
    "tools": {
        "enabled": Spec(kind="texts"),
        "prefix": Spec(
            kind="text",
            form=re.compile(r"[A-Za-z0-9_-]{0,32}"),
            wanted="at most 32 letters, digits, underscores and hyphens",
        ),
    },
    "views": {"enabled": Spec(kind="bool"), "chat": Spec(kind="bool")},
}
_SHORTEST_TOKEN = 8
_OTHER_VARIABLES = ("ANYMODEL_CONFIG", "ANYMODEL_PROVIDERS", "ANYMODEL_HTTP_TOKEN")


def load(
    environ: Mapping[str, str],
    *,
    file_text: str | None = None,
    file_name: str | None = None,
    overrides: Mapping[str, object] | None = None,
    read_file: Callable[[str], str] | None = None,
    stored: KeyStore = NO_KEYS,
) -> Settings:
    """Merges all sources into settings.

    Args:
        environ: variables.
        file_text: the configuration file, if there is one.
        file_name: its name in messages.
        overrides: values from the command line, by dotted name ("http.port").
        read_file: returns the text of an `api_key_file`.
        stored: the keys of the key store, for providers to which no other source gives one.

    Raises:
        ConfigError: one sentence that names the field, the place and the fix.
    """
    layers = Layers(
        environ=environ, file=_parse(file_text, file_name or ""), file_name=file_name or "", overrides=overrides or {}
    )
    layers.check_keys("", layers.file, (*TOP_KEYS, *_SECTIONS, "aliases", "prompts", "providers"))
    top = {key: layers.get("", key, _TEXT, layers.file, *variables) for key, variables in TOP_KEYS.items()}
    providers = read_providers(layers, read_file or _no_files, stored)
    files = _section(layers, "files", Files())
    prompts = read_prompts(layers)
    return Settings(
        default_model=top["default_model"],
        default_completion_model=top["default_completion_model"],
        default_embedding_model=top["default_embedding_model"],
        default_image_model=top["default_image_model"],
        default_media_model=top["default_media_model"],
        default_rerank_model=top["default_rerank_model"],
        default_transcription_model=top["default_transcription_model"],
        default_speech_model=top["default_speech_model"],
        default_voice=top["default_voice"],
        aliases=_resolved(layers, _aliases(layers), providers),
        providers=providers,
        limits=_section(layers, "limits", Limits()),
        files=files,
        store=_section(layers, "store", StoreSettings()),
        http=_http(layers, files),
        tools=_section(layers, "tools", ToolSettings()),
        prompts=prompts,
        server=_section(layers, "server", ServerSettings()),
        views=_section(layers, "views", ViewSettings()),
        origins=layers.origins,
        source=file_name if file_text is not None else None,
        warnings=_odd_variables(environ, providers, prompts),
    )


def _parse(text: str | None, name: str) -> Mapping[str, Any]:
    if text is None or not text.strip("\ufeff \t\r\n"):
        return {}
    import tomllib  # not needed without a file

    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        from anymodel_mcp.config.toml_mistakes import explain_toml  # needed only for a mistake

        raise ConfigError(f"file {name} is not valid TOML: {explain_toml(text, error)}") from error
    except RecursionError as error:
        raise ConfigError(f"file {name} is not valid TOML: it nests too deeply") from error


def _no_files(path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", path)


def _section(layers: Layers, name: str, defaults: T) -> T:
    table = layers.table(name, layers.file)
    specs = _SECTIONS[name]
    layers.check_keys(name, table, specs)
    values = {key: layers.get(name, key, spec, table) for key, spec in specs.items()}
    return replace(defaults, **{key: value for key, value in values.items() if value is not None})  # pyright: ignore[reportArgumentType, reportUnknownVariableType] a dataclass


def _http(layers: Layers, files: Files) -> HttpSettings:
    http = _section(layers, "http", HttpSettings())
    if "http.max_body_bytes" not in layers.origins:  # a document arrives as base64, with other arguments
        room = files.max_file_mb * 1_000_000 * 4 // 3 + _BESIDE_A_DOCUMENT
        http = replace(http, max_body_bytes=max(http.max_body_bytes, room))
    text = meant(layers.environ.get(http.token_env))
    if text is not None:
        origin = f"environment {http.token_env}"
        http = replace(http, token=_token(Found(name="http.token", origin=origin, value=text)))
        layers.origins["http.token"] = origin
    if http.workers > 1 and not http.stateless:  # workers share no memory, so a session would not be found again
        http = replace(http, stateless=True)
        layers.origins["http.stateless"] = layers.origins["http.workers"]
    return http


def _token(found: Found) -> Secret:
    token = clean_key(found)
    if len(token.reveal()) < _SHORTEST_TOKEN:
        raise found.wrong(f"is too short: use at least {_SHORTEST_TOKEN} characters (`openssl rand -hex 24`)")
    return token


def _aliases(layers: Layers) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, value in layers.table("aliases", layers.file).items():
        found[name] = _targets(Found(name=f"aliases.{name}", origin=layers.file_origin, value=value))
        layers.origins[f"aliases.{name}"] = layers.file_origin
    for variable, text in layers.environ.items():
        name = variable.removeprefix("ANYMODEL_ALIASES_").lower()
        value = meant(text)
        if variable.startswith("ANYMODEL_ALIASES_") and name and value is not None:
            origin = f"environment {variable}"
            found[name] = _targets(Found(name=f"aliases.{name}", origin=origin, value=split_list(value)))
            layers.origins[f"aliases.{name}"] = origin
    return found


def _resolved(
    layers: Layers, aliases: Mapping[str, tuple[str, ...]], providers: Mapping[str, Any]
) -> dict[str, tuple[str, ...]]:
    """Resolves aliases of aliases: each alias to its models, in order, each model once."""
    return {name: tuple(_models(layers, name, aliases, providers)) for name in aliases}


def _models(
    layers: Layers, name: str, aliases: Mapping[str, tuple[str, ...]], providers: Mapping[str, Any]
) -> dict[str, None]:
    """Returns the models of one alias. An alias may have the name of a model and list that model itself.

    Raises:
        ConfigError: the alias refers to itself.
    """
    models: dict[str, None] = {}
    path, done = {name: iter(aliases[name])}, set[str]()  # no recursion: a long chain must not exceed the stack
    while path:
        last = next(reversed(path))
        entry = next(path[last], None)
        if entry is None:
            done.add(last)
            del path[last]
        elif entry not in aliases or (entry in path and _is_model(entry, providers)):
            models[entry] = None
        elif entry in path:
            circle = [*list(path)[list(path).index(entry) :], entry]
            label = f"aliases.{entry}"
            raise ConfigError(
                f"{label} ({layers.origins[label]}) refers to itself ({' -> '.join(circle)}): let one "
                "of them name a model, written as provider/id",
                param=label,
            )
        elif entry not in done:
            path[entry] = iter(aliases[entry])
    return models


def _is_model(name: str, providers: Mapping[str, Any]) -> bool:
    provider, _, model = name.partition("/")
    return bool(model) and provider in providers


def _targets(found: Found) -> tuple[str, ...]:
    value: Any = found.value
    targets = [value] if isinstance(value, str) else as_list(value)
    texts = tuple(t.strip() for t in targets if isinstance(t, str) and t.strip())
    if not texts or len(texts) != len(targets) or not found.name.removeprefix("aliases.").strip():
        raise found.wrong('must be a model such as "openai/gpt-5-mini", or a list of models to try in order', show=True)
    return texts


def _odd_variables(
    environ: Mapping[str, str], providers: Mapping[str, Any], prompts: PromptSettings
) -> tuple[str, ...]:
    """Warnings for variables with our prefix that are not read: a misspelt one would be ignored silently."""
    known = {variable_of("", key) for key in TOP_KEYS} | {v for names in TOP_KEYS.values() for v in names}
    known |= {variable_of(section, key) for section, specs in _SECTIONS.items() for key in specs}
    known |= {*_OTHER_VARIABLES, *prompt_variables(prompts)}
    starts = {variable_of("providers", name) + "_": name for name in providers}
    known |= {start + key.upper() for start in starts for key in VARIABLE_KEYS}
    odd: list[str] = []
    for name in sorted(environ):
        ours = name.startswith("ANYMODEL_") and not name.startswith("ANYMODEL_ALIASES_")
        if not ours or name in known or meant(environ[name]) is None:
            continue
        start = max((start for start in starts if name.startswith(start)), key=len, default="")
        hint = _of_provider(name, start, starts[start]) if start else _of_all(name, known, tuple(starts))
        if hint:
            odd.append(f"environment {name} is not read: {hint}")
    return tuple(odd)


def _of_all(name: str, known: Iterable[str], starts: tuple[str, ...]) -> str:
    general = {key.lower(): key for key in known if not key.startswith(starts)}
    close = closest_name(name, general, likeness=0.8)
    return f"did you mean {general[close]}?" if close else ""


def _of_provider(name: str, start: str, provider: str) -> str:
    """Compares only the part after the provider's name: with the long prefix, all names look alike."""
    close = closest_name(name.removeprefix(start), VARIABLE_KEYS)
    return f"did you mean {start}{close.upper()}?" if close else f"no field of providers.{provider} has this variable"
