from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from anymodel_mcp.config import HttpSettings, Limits, ProviderSettings, Secret, Settings, load
from anymodel_mcp.dialects.fields import QUIRK_NAMES, Quirks
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import ConfigError

WORK = '[providers.work]\nbase_url = "https://gw.example/v1"\n'
EVERYTHING = """
default_model = "deepseek/deepseek-chat"
default_completion_model = "a"
default_embedding_model = "b"
default_image_model = "c"
default_media_model = "d"
default_rerank_model = "e"
default_transcription_model = "f"
default_speech_model = "g"
default_voice = "alloy"
[aliases]
fast  = "openai/gpt-5-mini"
smart = ["openai/gpt-5.2", "openrouter/openai/gpt-5.2"]
[providers.deepseek]
api_key_env = "DEEPSEEK_API_KEY"
[providers.work]
base_url = "https://gateway.example/v1"
dialect = "azure"
api = "responses"
auth = "header:x-key"
api_key = "work-key-1"
headers = { "X-Title" = "my team", "X-Empty" = "" }
models = ["m1"]
models_url = "https://gateway.example/catalog"
services = ["suno", "audio"]
media_url = "https://gateway.example/media"
rerank_url = "https://gateway.example/rank"
audio_max_mb = 100
max_attempts = 5
max_retry_wait_s = 20.5
connect_timeout_s = 1
first_byte_timeout_s = 2
idle_timeout_s = 3
total_timeout_s = 4
quirks = { token_param = "max_tokens", embed_batch = 10, drop_params = ["n"], lacks = ["images"], embed_encoding = "float", max_temperature = 1 }
[limits]
soft_deadline_s = 0
max_output_bytes = 40000
max_event_bytes = 33554432
max_concurrent_calls = 64
max_line_bytes = 104857600
[files]
allowed_dirs = ["/data"]
output_dir = ""
keep_mb = 7
[store]
enabled = true
keep_days = 30
max_mb = 500
[http]
host = "127.0.0.1"
port = 8765
path = "/mcp"
token_env = "MY_TOKEN"
allowed_hosts = []
allowed_origins = ["https://a.example"]
max_body_bytes = 100663296
stateless = false
[tools]
enabled = []
prefix = "any_"
"""  # noqa: E501


def key_of(provider: ProviderSettings) -> str | None:
    return provider.api_key.reveal() if provider.api_key else None


def test_nothing_configured_is_a_server_without_providers() -> None:
    assert load({}) == Settings()
    assert load({"PATH": "/bin", "DEEPSEEK_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}).providers == {}
    assert load({}, file_text="\ufeff \n", file_name="c").source == "c"


def test_every_field_of_the_contract_is_read() -> None:
    found = load({"DEEPSEEK_API_KEY": " dk-123456 ", "MY_TOKEN": "t-123456"}, file_text=EVERYTHING, file_name="/c.toml")
    assert found.default_model == "deepseek/deepseek-chat"
    assert (found.default_completion_model, found.default_embedding_model, found.default_image_model) == ("a", "b", "c")
    assert found.aliases == {
        "fast": ("openai/gpt-5-mini",),
        "smart": ("openai/gpt-5.2", "openrouter/openai/gpt-5.2"),
    }
    assert list(found.providers) == ["deepseek", "work"]
    assert key_of(found.providers["deepseek"]) == "dk-123456"
    assert found.providers["work"] == ProviderSettings(
        name="work",
        base_url="https://gateway.example/v1",
        dialect="azure",
        api="responses",
        auth="header:x-key",
        api_key=Secret("work-key-1"),
        headers={"X-Title": "my team"},
        models=("m1",),
        models_url="https://gateway.example/catalog",
        services=("suno", "audio"),
        media_url="https://gateway.example/media",
        audio=("transcription", "speech"),
        max_attempts=5,
        max_retry_wait_s=20.5,
        connect_timeout_s=1,
        first_byte_timeout_s=2,
        idle_timeout_s=3,
        total_timeout_s=4,
        quirks={
            "token_param": "max_tokens",
            "embed_batch": 10,
            "drop_params": frozenset({"n"}),
            "lacks": frozenset({"images"}),
            "embed_encoding": "float",
            "max_temperature": 1.0,
            "rerank_url": "https://gateway.example/rank",
            "audio_max_mb": 100,
        },
    )
    assert (found.default_rerank_model, found.default_transcription_model) == ("e", "f")
    assert (found.default_speech_model, found.default_voice) == ("g", "alloy")
    assert found.audio == {"transcription", "speech"}
    assert found.limits == Limits(soft_deadline_s=0, max_output_bytes=40000)
    assert (found.files.allowed_dirs, found.files.keep_mb) == (("/data",), 7)
    assert found.default_media_model == "d"
    assert found.http == HttpSettings(
        token=Secret("t-123456"), token_env="MY_TOKEN", allowed_origins=("https://a.example",)
    )
    assert found.tools.prefix == "any_"
    assert found.source == "/c.toml"
    assert set(found.secrets()) == {"dk-123456", "work-key-1", "t-123456"}
    assert "work-key-1" not in repr(found)
    assert "t-123456" not in repr(found)


def test_the_order_is_command_line_environment_file_defaults() -> None:
    text = "[http]\nport = 3\nhost = 'file'\npath = '/file'\n"
    environ = {"ANYMODEL_HTTP_PORT": "2", "ANYMODEL_HTTP_HOST": "env"}
    found = load(environ, file_text=text, file_name="c.toml", overrides={"http.port": 1, "http.workers": None})
    assert (found.http.port, found.http.host, found.http.path, found.http.workers) == (1, "env", "/file", 1)
    assert found.origins == {
        "http.port": "command line",
        "http.host": "environment ANYMODEL_HTTP_HOST",
        "http.path": "file c.toml",
    }


@pytest.mark.parametrize(
    ("variable", "text", "section", "key", "value"),
    [
        ("ANYMODEL_LIMITS_SOFT_DEADLINE_S", "12.5", "limits", "soft_deadline_s", 12.5),
        ("ANYMODEL_LIMITS_MAX_CONCURRENT_CALLS", "7", "limits", "max_concurrent_calls", 7),
        ("ANYMODEL_FILES_ALLOWED_DIRS", "/a, /b", "files", "allowed_dirs", ("/a", "/b")),
        ("ANYMODEL_FILES_ALLOWED_DIRS", '["/a,b"]', "files", "allowed_dirs", ("/a,b",)),
        ("ANYMODEL_FILES_OUTPUT_DIR", "/out", "files", "output_dir", "/out"),
        ("ANYMODEL_STORE_ENABLED", "No", "store", "enabled", False),
        ("ANYMODEL_HTTP_STATELESS", "1", "http", "stateless", True),
        ("ANYMODEL_TOOLS_PREFIX", "x_", "tools", "prefix", "x_"),
    ],
)
def test_every_scalar_has_a_variable(variable: str, text: str, section: str, key: str, value: object) -> None:
    found = load({variable: text})
    assert getattr(getattr(found, section), key) == value
    assert found.origins == {f"{section}.{key}": f"environment {variable}"}
    assert not found.warnings


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("ANYMODEL_MODEL", "default_model"),
        ("ANYMODEL_DEFAULT_MODEL", "default_model"),
        ("ANYMODEL_COMPLETION_MODEL", "default_completion_model"),
        ("ANYMODEL_EMBEDDING_MODEL", "default_embedding_model"),
        ("ANYMODEL_IMAGE_MODEL", "default_image_model"),
        ("ANYMODEL_MEDIA_MODEL", "default_media_model"),
    ],
)
def test_default_models_have_short_variables(variable: str, field: str) -> None:
    found = load({variable: "x/y"}, file_text=f'{field} = "other"', file_name="c")
    assert getattr(found, field) == "x/y"
    assert not found.warnings


@pytest.mark.parametrize("empty", ["", "  ", "${user_config.model}", "${OPENAI_MODEL}", "%MODEL%", "{{model}}"])
def test_what_a_host_did_not_fill_in_counts_as_unset(empty: str) -> None:
    """An MCPB bundle hands over placeholders of fields left empty."""
    names = ["ANYMODEL_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "ANYMODEL_PROVIDERS", "ANYMODEL_HTTP_PORT"]
    assert load(dict.fromkeys([*names, "ANYMODEL_HTTP_TOKEN"], empty)) == Settings()
    found = load({}, file_text=f"{WORK}api_key = '{empty}'\nheaders = {{ a = '{empty}' }}", file_name="c")
    assert found.providers["work"].api_key is None
    assert found.providers["work"].headers == {}


def test_aliases_come_from_variables_too() -> None:
    found = load({"ANYMODEL_ALIASES_FAST": "a/b, c/d"}, file_text="[aliases]\nfast = 'x'\nslow = 'y'", file_name="c")
    assert found.aliases == {"fast": ("a/b", "c/d"), "slow": ("y",)}
    assert found.origins["aliases.fast"] == "environment ANYMODEL_ALIASES_FAST"


@pytest.mark.parametrize(
    ("lines", "name", "models"),
    [
        ("nest = 'chain'\nchain = ['work/a', 'b']", "nest", ("work/a", "b")),
        ("top = ['x', 'mid', 'z']\nmid = ['low', 'y', 'x']\nlow = ['z', 'w']", "top", ("x", "z", "w", "y")),
        ("two = ['one', 'one', 'b']\none = 'a'", "two", ("a", "b")),
        ("'work/a' = ['work/a', 'b']", "work/a", ("work/a", "b")),
        ("'work/a' = ['work/b']", "work/a", ("work/b",)),
        ("up = 'work/a'\n'work/a' = ['work/b']", "up", ("work/b",)),
        ("'work/a' = ['work/a', 'work/b']\n'work/b' = ['work/b', 'work/a']", "work/b", ("work/b", "work/a")),
        ("\n".join(f"a{i} = ['a{i + 1}', 'a{i + 1}']" for i in range(200)), "a0", ("a200",)),
    ],
    ids=["one", "three deep", "twice", "its own model", "over provider/id", "to that", "each other's models", "long"],
)
def test_an_alias_may_name_aliases(lines: str, name: str, models: tuple[str, ...]) -> None:
    found = load({}, file_text=f"[aliases]\n{lines}\n{WORK}", file_name="c")
    assert found.aliases[name] == models


def test_an_alias_in_a_variable_is_a_list_of_either_form() -> None:
    found = load({"ANYMODEL_ALIASES_FAST": '["a/b", "slow"]'}, file_text="[aliases]\nslow = 'y'", file_name="c")
    assert found.aliases["fast"] == ("a/b", "y")


def test_several_workers_share_no_sessions() -> None:
    found = load({}, overrides={"http.workers": 2})
    assert found.http.stateless
    assert found.origins["http.stateless"] == "command line"


def test_a_misspelt_variable_is_told() -> None:
    found = load({"ANYMODEL_HTTP_PROT": "1", "ANYMODEL_SOMETHING_ELSE_ALTOGETHER": "2", "ANYMODEL_CONFIG": "c"})
    assert found.warnings == ("environment ANYMODEL_HTTP_PROT is not read: did you mean ANYMODEL_HTTP_PORT?",)


def test_texts_are_split_and_kept_whole() -> None:
    found = load({}, file_text='[files]\nallowed_dirs = [" /a ", "/b"]', file_name="c")
    assert found.files.allowed_dirs == ("/a", "/b")


# --- providers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "audio"),
    [
        ("[providers.groq]", {"transcription", "speech"}),
        ("[providers.minimax]", {"speech"}),
        ("[providers.deepseek]", set[str]()),
        # what a row sells holds at its own address only
        ("[providers.w]\nbase_url = 'https://gw.example/v1'\ndialect = 'groq'", set[str]()),
        ("[providers.w]\nbase_url = 'https://gw.example/v1'\ndialect = 'newapi'", {"transcription", "speech"}),
        ("[providers.w]\nbase_url = 'https://gw.example/v1'\nservices = ['audio']", {"transcription", "speech"}),
        ("default_speech_model = 'w/m'\n[providers.w]\nbase_url = 'https://gw.example/v1'", {"speech"}),
        ("default_transcription_model = 'w/m'", set[str]()),
    ],
)
def test_what_is_done_with_sound_follows_from_rows_services_and_defaults(text: str, audio: set[str]) -> None:
    assert load({}, file_text=text, file_name="c.toml").audio == audio


@pytest.mark.parametrize(
    ("base", "url", "fine"),
    [
        ("https://gw.example/v1", "https://gw.example/other/rerank", True),
        ("https://gw.example/v1", "https://evil.example/rerank", False),
        ("https://gw.example/v1", "http://gw.example/rerank", False),
        ("https://api.cohere.ai/compatibility/v1", "https://api.cohere.com/v2/rerank", True),
        ("https://api.cohere.ai/compatibility/v1", "http://api.cohere.com/v2/rerank", False),
    ],
)
def test_rerank_url_is_at_a_host_that_may_have_the_key(base: str, url: str, fine: bool) -> None:
    text = f"[providers.w]\nbase_url = '{base}'\nrerank_url = '{url}'"
    if fine:
        assert load({}, file_text=text, file_name="c.toml").providers["w"].quirks.get("rerank_url") == url
        return
    with pytest.raises(ConfigError, match="rerank_url"):
        load({}, file_text=text, file_name="c.toml")


def test_the_openai_variables_make_one_provider() -> None:
    found = load({"OPENAI_API_KEY": " sk-1234567\n"})
    (provider,) = found.providers.values()
    assert (provider.name, provider.base_url, provider.dialect) == ("openai", "https://api.openai.com/v1", "openai")
    assert key_of(provider) == "sk-1234567"
    assert provider.quirks["token_param"] == "max_completion_tokens"  # pyright: ignore[reportTypedDictNotRequiredAccess]
    assert provider.audio == ("transcription", "speech")
    assert found.origins["providers.openai"] == "environment OPENAI_API_KEY"
    assert found.origins["providers.openai.api_key"] == "environment OPENAI_API_KEY"


def test_the_key_goes_to_the_base_url_that_is_set_beside_it() -> None:
    (provider,) = load({"OPENAI_API_KEY": "k-123456", "OPENAI_BASE_URL": "https://gw.example/v1/"}).providers.values()
    assert (provider.base_url, key_of(provider), provider.quirks) == ("https://gw.example/v1", "k-123456", {})


def test_an_address_alone_makes_a_provider_without_a_key() -> None:
    (provider,) = load({"OPENAI_BASE_URL": "http://localhost:11434/v1"}).providers.values()
    assert (provider.api_key, provider.dialect) == (None, "openai")


def test_an_address_of_a_known_host_brings_its_habits() -> None:
    (provider,) = load({"OPENAI_BASE_URL": "https://openrouter.ai/api/v1", "OPENAI_API_KEY": "k"}).providers.values()
    assert (provider.name, provider.dialect) == ("openai", "openrouter")


@pytest.mark.parametrize(
    ("base_url", "environ", "key"),
    [
        ("https://gw.example/v1", {"OPENAI_API_KEY": "sk-openai"}, None),
        ("https://gw.example/v1", {"OPENAI_API_KEY": "sk-gw", "OPENAI_BASE_URL": "https://gw.example/v1/"}, "sk-gw"),
        ("https://gw.example/v1", {"OPENAI_API_KEY": "sk-o", "OPENAI_BASE_URL": "https://other.example"}, None),
        ("https://gw.example/v1", {"OPENAI_API_KEY": "sk-o", "OPENAI_BASE_URL": "not an address"}, None),
        ("https://api.openai.com/v1", {"OPENAI_API_KEY": "sk-o"}, "sk-o"),
        ("https://api.openai.com/v1", {"OPENAI_API_KEY": "sk-gw", "OPENAI_BASE_URL": "https://gw.example/v1"}, None),
    ],
    ids=["another host", "its own", "another gateway", "nonsense", "home", "the key of a gateway"],
)
def test_a_key_never_goes_to_an_address_it_was_not_made_for(
    base_url: str, environ: dict[str, str], key: str | None
) -> None:
    text = f"[providers.openai]\nbase_url = '{base_url}'"
    assert key_of(load(environ, file_text=text, file_name="c").providers["openai"]) == key
    row = "[providers.deepseek]\nbase_url = 'https://gw.example/v1'"
    assert load({"DEEPSEEK_API_KEY": "k"}, file_text=row, file_name="c").providers["deepseek"].api_key is None


def test_a_named_key_goes_where_the_user_sends_it() -> None:
    text = "[providers.openai]\nbase_url = 'https://gw.example/v1'\napi_key_env = 'OPENAI_API_KEY'"
    assert key_of(load({"OPENAI_API_KEY": "sk-o"}, file_text=text, file_name="c").providers["openai"]) == "sk-o"


def test_the_file_names_the_providers_and_the_plain_variables_add_none() -> None:
    found = load({"OPENAI_API_KEY": "sk-1", "ANYMODEL_PROVIDERS": "groq"}, file_text=WORK, file_name="c")
    assert list(found.providers) == ["work", "groq"]


def test_rows_are_turned_on_with_their_own_keys() -> None:
    environ = {"ANYMODEL_PROVIDERS": "DeepSeek, openrouter,", "DEEPSEEK_API_KEY": "d-1", "GROQ_API_KEY": "g-1"}
    found = load({**environ, "OPENAI_API_KEY": "o-1"})
    assert {name: key_of(p) for name, p in found.providers.items()} == {
        "deepseek": "d-1",
        "openrouter": None,
        "openai": "o-1",
    }
    assert found.providers["openrouter"].key_hint == "set OPENROUTER_API_KEY"
    assert found.providers["deepseek"].dialect == "deepseek"


def test_a_provider_can_come_from_the_environment_alone() -> None:
    start = "ANYMODEL_PROVIDERS_MY_GW_"
    found = load(
        {
            "ANYMODEL_PROVIDERS": "my-gw",
            f"{start}BASE_URL": "https://gw.example/v1",
            f"{start}API_KEY": "'k-123456'",
            f"{start}MAX_ATTEMPTS": "1",
            f"{start}MODELS": "a, b",
            f"{start}QUIRKS_EMBED_BATCH": "10",
            f"{start}QUIRKS_STREAM_OPTIONS": "False",
            f"{start}QUIRKS_MAX_TEMPERATURE": "1.5",
            f"{start}QUIRKS_DROP_PARAMS": "n,stop",
            f"{start}QUIRKS_THINK_TAGS": "none",
        }
    )
    provider = found.providers["my-gw"]
    assert (key_of(provider), provider.max_attempts, provider.models) == ("k-123456", 1, ("a", "b"))
    assert provider.quirks == {
        "embed_batch": 10,
        "stream_options": False,
        "max_temperature": 1.5,
        "drop_params": frozenset({"n", "stop"}),
        "think_tags": "none",
    }
    assert not found.warnings


@pytest.mark.parametrize("row", [r for r in PROVIDERS.values() if r.base_url], ids=lambda r: r.name)
def test_every_row_with_an_address_works_by_its_name_alone(row: Any) -> None:
    environ = {"ANYMODEL_PROVIDERS": row.name, **({row.key_env: "k-123456"} if row.key_env else {})}
    provider = load(environ).providers[row.name]
    assert (provider.base_url, provider.dialect, provider.auth) == (row.base_url, row.name, row.auth)
    assert provider.headers == dict(row.headers)
    assert provider.models == row.models
    assert key_of(provider) == ("k-123456" if row.key_env else None)
    without = load({"ANYMODEL_PROVIDERS": row.name}).providers[row.name]
    assert without.key_hint == ("" if row.key_optional else f"set {row.key_env}")


def test_a_row_without_an_address_takes_the_users_and_its_own_key() -> None:
    text = "[providers.azure]\nbase_url = 'https://r.openai.azure.com/openai/v1/'"
    provider = load({"AZURE_OPENAI_API_KEY": "a-1"}, file_text=text, file_name="c").providers["azure"]
    assert (key_of(provider), provider.auth) == ("a-1", "header:api-key")


def test_the_embedded_engine_needs_no_address() -> None:
    found = load({}, file_text="[providers.local]\n", file_name="c").providers["local"]
    assert (found.base_url, found.dialect, found.key_hint) == ("local:", "local", "")
    other = load({}, file_text="[providers.small]\nbase_url = 'local:'\ndialect = 'local'", file_name="c")
    assert other.providers["small"].base_url == "local:"


def test_habits_of_a_named_row_come_with_its_auth() -> None:
    provider = load({}, file_text=WORK + "dialect = 'azure'", file_name="c").providers["work"]
    assert (provider.dialect, provider.auth, provider.quirks) == ("azure", "header:api-key", {})


def test_a_corrected_address_is_reported() -> None:
    text = "[providers.work]\nbase_url = 'https://gw.example/v1/chat/completions?x=1'"
    provider = load({}, file_text=text, file_name="c").providers["work"]
    assert provider.base_url == "https://gw.example/v1?x=1"
    assert "'/chat/completions'" in provider.warnings[0]


@pytest.mark.parametrize(
    ("line", "key", "command", "hint"),
    [
        ("api_key = ' sk-1\\n '", "sk-1\\n", (), ""),
        ('api_key = " sk-1\\n "', "sk-1", (), ""),
        ("api_key = 'Bearer sk-1'", "sk-1", (), ""),
        ("api_key_env = 'WORK_KEY'", "from-env", (), ""),
        ("api_key_env = 'NO_KEY'", None, (), "set NO_KEY"),
        ("api_key_file = '/key'", "from-file", (), ""),
        ("api_key_command = 'pass show \"a b\"'", None, ("pass", "show", "a b"), "see providers.work.api_key_command"),
        ("api_key_command = ['pass', 'x']", None, ("pass", "x"), "see providers.work.api_key_command"),
        ("api_key_env = ''", None, (), "set providers.work.api_key_env in file c"),
        ("", None, (), "set api_key_env in [providers.work]"),
    ],
    ids=["raw", "stripped", "bearer", "env", "env unset", "file", "command", "argv", "empty", "none"],
)
def test_a_key_has_one_of_four_sources(line: str, key: str | None, command: tuple[str, ...], hint: str) -> None:
    environ = {"WORK_KEY": " from-env "}
    found = load(environ, file_text=WORK + line, file_name="c", read_file=lambda _: "\n from-file\n")
    provider = found.providers["work"]
    assert (key_of(provider), provider.key_command) == (key, command)
    assert provider.key_hint.startswith(hint)
    assert bool(provider.key_hint) == bool(hint)
    assert ("providers.work.api_key" in found.origins) == (key is not None)


def test_a_key_of_the_environment_beats_the_file() -> None:
    environ = {"ANYMODEL_PROVIDERS_WORK_API_KEY": "new"}
    assert key_of(load(environ, file_text=WORK + "api_key = 'old'", file_name="c").providers["work"]) == "new"


@pytest.mark.parametrize(
    ("field", "text", "key", "command"),
    [
        ("API_KEY_ENV", "WORK_KEY", "from-env", ()),
        ("API_KEY_FILE", "/key", "from-file", ()),
        ("API_KEY_COMMAND", "pass show 'a b'", None, ("pass", "show", "a b")),
        ("API_KEY_COMMAND", '["pass", "a b"]', None, ("pass", "a b")),
    ],
)
@pytest.mark.parametrize("file", ["", WORK + "api_key = 'old'"], ids=["environment alone", "over the file"])
def test_every_source_of_a_key_has_a_variable(
    field: str, text: str, key: str | None, command: tuple[str, ...], file: str
) -> None:
    variable = f"ANYMODEL_PROVIDERS_WORK_{field}"
    environ = {"ANYMODEL_PROVIDERS": "work", "ANYMODEL_PROVIDERS_WORK_BASE_URL": "https://gw.example/v1"}
    environ |= {"WORK_KEY": "from-env", variable: text}
    found = load(environ, file_text=file, file_name="c", read_file=lambda _: "from-file")
    provider = found.providers["work"]
    assert (key_of(provider), provider.key_command) == (key, command)
    assert not found.warnings
    if command:
        assert found.origins["providers.work.key_command"] == f"environment {variable}"


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("ANYMODEL_PROVIDERS_MY_GW_MAX_ATEMPTS", "did you mean ANYMODEL_PROVIDERS_MY_GW_MAX_ATTEMPTS?"),
        ("ANYMODEL_PROVIDERS_MY_GW_APIKEY", "did you mean ANYMODEL_PROVIDERS_MY_GW_API_KEY?"),
        ("ANYMODEL_PROVIDERS_MY_QUIRK_EMBED_BATCH", "did you mean ANYMODEL_PROVIDERS_MY_QUIRKS_EMBED_BATCH?"),
        ("ANYMODEL_PROVIDERS_MY_HEADERS", "no field of providers.my has this variable"),
    ],
)
def test_a_misspelt_variable_of_a_provider_is_told(variable: str, hint: str) -> None:
    text = WORK.replace("work", "my") + WORK.replace("work", "my-gw")
    assert load({variable: "3"}, file_text=text, file_name="c").warnings == (
        f"environment {variable} is not read: {hint}",
    )
    assert not load({variable: "${x}"}, file_text=text, file_name="c").warnings


def test_the_value_of_a_secret_is_only_given_on_demand() -> None:
    secret = Secret("geheim-1")
    assert "geheim" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "geheim-1"
    assert secret == Secret("geheim-1") != "geheim-1"
    assert hash(secret) == hash(Secret("geheim-1"))
    assert (
        "my-header-secret"
        in Settings(
            providers={
                "a": ProviderSettings(name="a", base_url="https://x", headers={"k": "my-header-secret", "j": "short"})
            }
        ).secrets()
    )


def test_a_field_can_be_left_out_by_a_quirk() -> None:
    text = WORK + 'quirks = { image_response_format = "none", default_max_tokens = "none" }'
    quirks = load({}, file_text=text, file_name="c").providers["work"].quirks
    assert quirks == {"image_response_format": None, "default_max_tokens": None}


def test_every_quirk_can_be_set() -> None:
    samples: dict[type, Any] = {bool: True, int: 3, float: 0.5, str: "x"}

    def sample(wanted: Any) -> Any:
        origin, args = get_origin(wanted), get_args(wanted)
        if origin is Literal:
            return args[0]
        if origin in (frozenset, tuple):
            return [sample(args[0])]
        return samples[wanted] if wanted in samples else sample(args[0])

    for name, wanted in get_type_hints(Quirks).items():
        variable = {f"ANYMODEL_PROVIDERS_OPENAI_QUIRKS_{name.upper()}": _as_text(sample(wanted)), "OPENAI_API_KEY": "k"}
        found = load(variable).providers["openai"].quirks
        assert set(found) - {"token_param"} <= QUIRK_NAMES
        assert name in found


def _as_text(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] a sample


OVERRIDES = """
[providers.work]
base_url = "https://gateway.example/v1"
[providers.work.overrides."o4-*"]
api = "responses"
[providers.work.overrides."nano-*"]
quirks = { image_dialect = "chat" }
"""


def test_overrides_hold_for_the_models_that_their_pattern_names() -> None:
    work = load({}, file_text=OVERRIDES, file_name="/c.toml").providers["work"]
    assert work.quirks_of("o4-mini") == {"api": "responses"}
    assert work.quirks_of("Nano-Banana") == {"image_dialect": "chat"}
    assert work.quirks_of("gpt-5") == {}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('api = "soap"', "responses"),
        ('quirks = { image_dialekt = "chat" }', "image_dialect"),
        ('apy = "chat"', "api"),
        ("quirks = 3", "quirks"),
    ],
)
def test_a_mistake_in_an_override_names_its_place(line: str, words: str) -> None:
    text = f'[providers.work]\nbase_url = "https://g.example/v1"\n[providers.work.overrides."o4-*"]\n{line}\n'
    with pytest.raises(ConfigError, match=words) as failure:
        load({}, file_text=text, file_name="/c.toml")
    assert "providers.work.overrides.o4-*" in str(failure.value)


@pytest.mark.parametrize(
    ("file", "most", "body"),
    [
        ("", 50, 100_663_296),
        ("[files]\nmax_file_mb = 10", 10, 100_663_296),
        ("[files]\nmax_file_mb = 300", 300, 400_000_000 + 32 * 2**20),
        ("[files]\nmax_file_mb = 300\n[http]\nmax_body_bytes = 5000", 300, 5000),
    ],
)
def test_a_request_has_room_for_the_largest_document(file: str, most: int, body: int) -> None:
    found = load({}, file_text=file, file_name="/c.toml")
    assert (found.files.max_file_mb, found.http.max_body_bytes) == (most, body)


@pytest.mark.parametrize(
    ("text", "environ", "services"),
    [
        ("[providers.rixapi]\nbase_url = 'https://r.example/v1'", {}, "midjourney"),
        ("[providers.work]\nbase_url = 'https://openrouter.ai/api/v1'", {}, "openrouter"),
        ("[providers.work]\nbase_url = 'https://r.example/v1'\ndialect = 'rixapi'", {}, "suno"),
        ("", {"ANYMODEL_PROVIDERS": "acedatacloud"}, "hailuo"),
        ("", {"ANYMODEL_PROVIDERS": "groq", "ANYMODEL_PROVIDERS_GROQ_SERVICES": "suno,video"}, "video"),
        ("[providers.openrouter]\nbase_url = 'https://mirror.example/v1'", {}, ""),
        ("[providers.rixapi]\nbase_url = 'https://r.example/v1'\nservices = []", {}, ""),
        ("[providers.work]\nbase_url = 'https://gateway.example/v1'", {}, ""),
    ],
)
def test_a_row_says_what_its_own_address_sells(text: str, environ: dict[str, str], services: str) -> None:
    (provider,) = load(environ, file_text=text, file_name="c").providers.values()
    assert services in provider.services if services else not provider.services
