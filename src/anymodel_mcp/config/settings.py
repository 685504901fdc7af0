"""The settings, as frozen values; a key is wrapped in `Secret`, whose repr hides it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from fnmatch import fnmatchcase

from anymodel_mcp.config.credentials import secrets_of_header, secrets_of_url
from anymodel_mcp.dialects.fields import ApiName, AudioService, Auth, Quirks
from anymodel_mcp.dialects.jobs import AUDIO
from anymodel_mcp.greeting.visible import Visible
from anymodel_mcp.record import record
from anymodel_mcp.redact import clean_text, one_line, shorten

_DESCRIPTION_CHARS = 100


class Secret:
    """A key whose repr and str hide it; `reveal()` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Returns the key, for the request header and the redactor."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@record
class ProviderSettings:
    """A configured provider; all times are in seconds.

    Attributes:
        name: the part before the slash in `provider/model`.
        dialect: the known provider that it behaves like.
        base_url: without a trailing slash and without an endpoint's path; a query is kept.
        auth: how the key is sent; "" = as the API of the request requires.
        api_urls: the addresses of this provider's other APIs, if not at `base_url`.
        quirks: the user's own; they override those of the row and the model family.
        overrides: the user's quirks for models whose id matches a pattern; later ones win.
        key_command: the command that prints the key; it runs with the first call.
        key_hint: what to set when there is no key, for messages ("set DEEPSEEK_API_KEY").
        max_parallel: concurrent calls, the others wait in order; 0 = no limit.
        services: what it sells besides chat and pictures: names of media services, "audio".
        media_url: root of the paths of media services, at the host of `base_url`; `None` = derived from it.
        audio: what it does with sound.
        warnings: what was corrected while reading, such as a pasted endpoint path.
    """

    name: str
    base_url: str
    dialect: str = "openai"
    api_key: Secret | None = None
    key_command: tuple[str, ...] = ()
    key_hint: str = ""
    auth: Auth = ""
    api: ApiName = "chat"
    api_urls: Mapping[ApiName, str] = field(default_factory=dict[ApiName, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    models: tuple[str, ...] = ()
    models_url: str | None = None
    max_parallel: int = 0
    services: tuple[str, ...] = ()
    media_url: str | None = None
    audio: tuple[AudioService, ...] = ()
    quirks: Quirks = field(default_factory=Quirks)
    overrides: tuple[tuple[str, Quirks], ...] = ()
    max_attempts: int = 3
    max_retry_wait_s: float = 20
    connect_timeout_s: float = 10
    first_byte_timeout_s: float = 600
    idle_timeout_s: float = 120
    total_timeout_s: float = 1800
    warnings: tuple[str, ...] = ()

    def quirks_of(self, model: str) -> Quirks:
        """Returns the user's quirks for one model."""
        merged: Quirks = {**self.quirks}
        for pattern, quirks in self.overrides:
            if fnmatchcase(model.lower(), pattern.lower()):
                merged.update(quirks)
        return merged


@record
class Limits:
    """Section [limits]."""

    soft_deadline_s: float | None = None  # None: depends on the host; 0: never
    max_output_bytes: int | None = None  # None: depends on the host
    max_event_bytes: int = 33_554_432
    max_concurrent_calls: int = 64
    max_line_bytes: int = 104_857_600


@record
class Files:
    """Section [files], sizes in millions of bytes.

    Attributes:
        max_file_mb: of a document or a sound that is read.
        keep_mb: of all saved files together.
    """

    allowed_dirs: tuple[str, ...] = ()
    output_dir: str = ""
    max_file_mb: int = 50
    keep_mb: int = 5000


@record
class StoreSettings:
    """Section [store]; `path` is the database file, "" = the user's data folder."""

    enabled: bool = True
    keep_days: int = 30
    max_mb: int = 500
    path: str = ""


@record
class HttpSettings:
    """Section [http]."""

    host: str = "127.0.0.1"
    port: int = 8765
    path: str = "/mcp"
    token: Secret | None = None
    token_env: str = "ANYMODEL_HTTP_TOKEN"
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    max_body_bytes: int = 100_663_296  # room for a document of `Files.max_file_mb` as base64
    stateless: bool = False
    workers: int = 1


@record
class ToolSettings:
    """Section [tools]."""

    enabled: tuple[str, ...] = ()
    prefix: str = ""


@record
class OwnPrompt:
    """Section [prompts.NAME].

    Attributes:
        text: what the host's model reads; `{request}` stands for the words typed after the command.
        description: what hosts show beside the command; "" = the first line of the text.
    """

    text: str
    description: str = ""

    @property
    def shown(self) -> str:
        """The description, or its default."""
        first = clean_text(self.text).strip().partition("\n")[0]
        return one_line(self.description) or shorten(one_line(first), _DESCRIPTION_CHARS)


@record
class PromptSettings:
    """Section [prompts].

    Attributes:
        own: the user's own prompts by name; one with the name of a built-in prompt replaces it.
    """

    enabled: bool = True
    own: Mapping[str, OwnPrompt] = field(default_factory=dict[str, OwnPrompt])


@record
class ServerSettings:
    """Section [server].

    Attributes:
        preload: when the server is imported over stdio: "idle" = when the client has been silent for a second after
            its greeting, "call" = with the first call.
    """

    preload: str = "idle"


@record
class ViewSettings:
    """Section [views].

    Attributes:
        chat: answers of `chat` are shown in the view too; hosts then tell their model not to repeat them.
    """

    enabled: bool = True
    chat: bool = False


@record
class Settings:
    """The whole configuration.

    Attributes:
        aliases: name -> model names, tried in order.
        providers: in the order in which they were configured.
        origins: "section.key" -> where its value comes from ("environment ANYMODEL_MODEL", "file ~/...", "default").
        source: the configuration file that was read, if any.
        warnings: what is probably a mistake, such as a variable with a misspelt name.
    """

    default_model: str | None = None
    default_completion_model: str | None = None
    default_embedding_model: str | None = None
    default_image_model: str | None = None
    default_media_model: str | None = None
    default_rerank_model: str | None = None
    default_transcription_model: str | None = None
    default_speech_model: str | None = None
    default_voice: str | None = None
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict[str, ProviderSettings])
    limits: Limits = Limits()
    files: Files = Files()
    store: StoreSettings = StoreSettings()
    http: HttpSettings = HttpSettings()
    tools: ToolSettings = ToolSettings()
    prompts: PromptSettings = PromptSettings()
    server: ServerSettings = ServerSettings()
    views: ViewSettings = ViewSettings()
    origins: Mapping[str, str] = field(default_factory=dict[str, str])
    source: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def audio(self) -> frozenset[AudioService]:
        """What the configured providers do with sound."""
        if not self.providers:
            return frozenset()
        found: set[AudioService] = {service for provider in self.providers.values() for service in provider.audio}
        if self.default_transcription_model:
            found.add("transcription")
        if self.default_speech_model:
            found.add("speech")
        return frozenset(found)

    @property
    def visible(self) -> Visible:
        """What clients see of these settings."""
        media = any(service != AUDIO for provider in self.providers.values() for service in provider.services)
        return Visible(
            prefix=self.tools.prefix,
            enabled=self.tools.enabled,
            defaults={purpose: name for purpose, name in self._defaults() if name},
            aliases=self.aliases,
            providers=tuple(self.providers),
            offers=[*self.audio, *(["media"] if media else [])],
            prompts={name: prompt.shown for name, prompt in self.prompts.own.items()} if self.prompts.enabled else None,
            views=self.views == ViewSettings(),
            preload=self.server.preload,
        )

    def _defaults(self) -> Iterator[tuple[str, str | None]]:
        yield "chat", self.default_model
        yield "completion", self.default_completion_model
        yield "embedding", self.default_embedding_model
        yield "image", self.default_image_model

    def secrets(self) -> tuple[str, ...]:
        """Returns every key and header value that must never be shown."""
        found = [p.api_key.reveal() for p in self.providers.values() if p.api_key]
        for provider in self.providers.values():
            for name, value in provider.headers.items():
                found += secrets_of_header(name, value)
            found += secrets_of_url(provider.base_url)
            found += secrets_of_url(provider.models_url)
            found += secrets_of_url(provider.media_url)
        if self.http.token:
            found.append(self.http.token.reveal())
        return tuple(found)
