"""Every mistake is one sentence that names the field, the place and the fix."""
# ruff: noqa: E501 - the sentences stand as they are printed

from __future__ import annotations

import pytest

from anymodel_mcp.config import load
from anymodel_mcp.errors import ConfigError

FILE = "file /c/config.toml"
WORK = '[providers.work]\nbase_url = "https://gw.example/v1"\n'

BAD_FILES: dict[str, tuple[str, str]] = {
    "unknown at the top": (
        'defalt_model = "m"',
        f"'defalt_model' in the top of the file ({FILE}) is not known: did you mean default_model?",
    ),
    "unknown section": ("[limit]\n", f"'limit' in the top of the file ({FILE}) is not known: did you mean limits?"),
    "unknown in a section": ("[http]\nprot = 1", f"'prot' in [http] ({FILE}) is not known: did you mean port?"),
    "unknown without a close name": (
        "[files]\nzzz = 1",
        f"'zzz' in [files] ({FILE}) is not known: known are allowed_dirs, keep_mb, max_file_mb, output_dir",
    ),
    "section is no table": ("limits = 3", f"limits ({FILE}) must be a table: write [limits] on its own line"),
    "provider is no table": (
        "[providers]\nx = 3",
        f"providers.x ({FILE}) must be a table: write [providers.x] on its own line",
    ),
    "number in quotes": (
        '[http]\nport = "8765"',
        f"http.port ({FILE}) must be a whole number from 0 to 65535, without quotes, not '8765'",
    ),
    "truth value for a number": (
        "[http]\nport = true",
        f"http.port ({FILE}) must be a whole number from 0 to 65535, not True",
    ),
    "fraction for a whole number": (
        "[limits]\nmax_concurrent_calls = 1.5",
        f"limits.max_concurrent_calls ({FILE}) must be a whole number from 1 to 100000, not 1.5",
    ),
    "endless number": (
        "[limits]\nsoft_deadline_s = inf",
        f"limits.soft_deadline_s ({FILE}) must be a number from 0 to 86400, not inf",
    ),
    "below": (
        "[limits]\nmax_line_bytes = 5",
        f"limits.max_line_bytes ({FILE}) must be a whole number, at least 1000, not 5",
    ),
    "text for a truth value": (
        '[store]\nenabled = "no"',
        f"store.enabled ({FILE}) must be true or false, without quotes, not 'no'",
    ),
    "text for a list": ('[tools]\nenabled = "chat"', f"tools.enabled ({FILE}) must be a list of strings, not 'chat'"),
    "prompt without text": (
        "[prompts.standup]\ndescription = 'x'",
        f'prompts.standup ({FILE}) has no text: write text = "...", with {{request}} where the words typed after the command belong',
    ),
    "prompt with an empty text": (
        "[prompts.standup]\ntext = ' '",
        f'prompts.standup ({FILE}) has no text: write text = "...", with {{request}} where the words typed after the command belong',
    ),
    "unknown key of a prompt": (
        "[prompts.standup]\ntxet = 'x'",
        f"'txet' in [prompts.standup] ({FILE}) is not known: did you mean text?",
    ),
    "prompt is no table": (
        "[prompts]\nstandup = 'x'",
        f"prompts.standup ({FILE}) must be a table: write [prompts.standup] on its own line",
    ),
    "misspelt switch of prompts": (
        "[prompts]\nenabeld = false",
        f"'enabeld' in [prompts] ({FILE}) is not known: did you mean enabled?",
    ),
    "prompt called like the switch": (
        "[prompts.enabled]\ntext = 'x'",
        f"prompts.enabled ({FILE}) must be true or false, not {{'text': 'x'}}",
    ),
    "prompt with an odd name": (
        "[prompts.'day / night']\ntext = 'x'",
        f"prompts.day / night ({FILE}) is no name of a prompt: use at most 64 letters, digits, underscores and hyphens",
    ),
    "prompt that is no text": (
        "[prompts.standup]\ntext = 3",
        f"prompts.standup.text ({FILE}) must be a string of at most 20000 characters, not 3",
    ),
    "prompt that is too long": (
        f"[prompts.standup]\ntext = '{'x' * 20001}'",
        f"prompts.standup.text ({FILE}) must be a string of at most 20000 characters, not '{'x' * 56}...",
    ),
    "description in two lines": (
        '[prompts.standup]\ntext = "x"\ndescription = "a\\nb"',
        f"prompts.standup.description ({FILE}) contains a control character: in double quotes a backslash starts an escape (\\t is a tab): write the value in single quotes, or use /",
    ),
    "prompt with an escape character": (
        '[prompts.standup]\ntext = "x\\u001b[31m"',
        f"prompts.standup.text ({FILE}) contains a control character: in double quotes a backslash starts an escape (\\t is a tab): write the value in single quotes, or use /",
    ),
    "empty item": ('[files]\nallowed_dirs = [""]', f"files.allowed_dirs ({FILE}) must be a list of folders, not ['']"),
    "wrong item": ("[http]\nallowed_hosts = [1]", f"http.allowed_hosts ({FILE}) must be a list of strings, not [1]"),
    "path without slash": (
        '[http]\npath = "mcp"',
        f"http.path ({FILE}) must be a path that begins with /, such as /mcp, not 'mcp'",
    ),
    "long prefix": (
        f'[tools]\nprefix = "{"x" * 99}"',
        f"tools.prefix ({FILE}) must be at most 32 letters, digits, underscores and hyphens, not '{'x' * 56}...",
    ),
    "number for a model": ("default_model = 5", f"default_model ({FILE}) must be a string, not 5"),
    "alias to nothing": (
        "[aliases]\nfast = []",
        f'aliases.fast ({FILE}) must be a model such as "openai/gpt-5-mini", or a list of models to try in order, not []',
    ),
    "alias to a number": (
        "[aliases]\nfast = ['a', 3]",
        f'aliases.fast ({FILE}) must be a model such as "openai/gpt-5-mini", or a list of models to try in order, '
        "not ['a', 3]",
    ),
    "alias to itself": (
        "[aliases]\nfast = ['a', 'fast']",
        f"aliases.fast ({FILE}) refers to itself (fast -> fast): let one of them name a model, written as provider/id",
    ),
    "aliases in a circle": (
        "[aliases]\nnest = 'a'\na = ['m', 'b']\nb = 'c'\nc = 'a'",
        f"aliases.a ({FILE}) refers to itself (a -> b -> c -> a): let one of them name a model, written as provider/id",
    ),
    "provider's name": (
        '[providers."My Work"]\nbase_url = "https://x"',
        f"the provider name 'My Work' ({FILE}) must be lower-case letters, digits, - and _",
    ),
    "no address": (
        '[providers.work]\napi_key = "k"',
        f'providers.work.base_url ({FILE}) is missing: write base_url = "https://HOST/v1"',
    ),
    "no address, nearly a row": (
        "[providers.deepsek]\n",
        f'providers.deepsek.base_url ({FILE}) is missing: write base_url = "https://HOST/v1", or, for a known '
        "provider, did you mean deepseek?",
    ),
    "no address of a row": (
        "[providers.azure]\n",
        f"providers.azure.base_url ({FILE}) is missing: it has the form https://RESOURCE.openai.azure.com/openai/v1",
    ),
    "no scheme": (
        '[providers.work]\nbase_url = "gw.example/v1"',
        f"providers.work.base_url ({FILE}) does not begin with https:// or http://: write 'https://gw.example/v1'",
    ),
    "password in the address": (
        '[providers.work]\nbase_url = "https://u:geheim@gw.example"',
        f"providers.work.base_url ({FILE}) holds a user name or password: remove it and give the key as api_key, "
        "api_key_env or a header",
    ),
    "unknown in a provider": (
        WORK + 'apikey = "x"',
        f"'apikey' in [providers.work] ({FILE}) is not known: did you mean api_key?",
    ),
    "unknown dialect": (
        WORK + 'dialect = "opnai"',
        f"providers.work.dialect ({FILE}) is not known: 'opnai': did you mean openai?",
    ),
    "unknown dialect, nothing close": (
        WORK + 'dialect = "zzzzzz"',
        f"providers.work.dialect ({FILE}) is not known: 'zzzzzz': it is the name of a known provider, \"openai\" by default",
    ),
    "api": (
        WORK + 'api = "soap"',
        f'providers.work.api ({FILE}) must be "chat" or "responses" or "anthropic" or "gemini" or "realtime", not \'soap\'',
    ),
    "service": (
        WORK + 'services = ["sunno"]',
        f"providers.work.services ({FILE}) names 'sunno', which is not a known service: did you mean suno?",
    ),
    "media_url": (
        WORK + 'media_url = "https://other.example/x"',
        f"providers.work.media_url ({FILE}) is at another host than base_url, and a key goes to the host of base_url "
        "only: configure that host as a separate provider",
    ),
    "auth": (
        WORK + 'auth = "header"',
        f'providers.work.auth ({FILE}) must be "bearer", "none", "header:NAME" or "scheme:WORD", not \'header\'',
    ),
    "no time": (
        WORK + "idle_timeout_s = 0",
        f"providers.work.idle_timeout_s ({FILE}) must be a number of seconds above 0, not 0",
    ),
    "no attempt": (
        WORK + "max_attempts = 0",
        f"providers.work.max_attempts ({FILE}) must be a whole number from 1 to 20, not 0",
    ),
    "two keys": (
        WORK + 'api_key = "geheim"\napi_key_env = "X"',
        f"[providers.work] ({FILE}) has both api_key and api_key_env: keep one of them",
    ),
    "key with a space": (
        WORK + 'api_key = "geheim und mehr"',
        f"providers.work.api_key ({FILE}) contains white space or characters that a header cannot contain: paste only the key",
    ),
    "key is a number": (WORK + "api_key = 5", f"providers.work.api_key ({FILE}) must be a string"),
    "a key as a variable's name": (
        WORK + 'api_key_env = "sk-geheim"',
        f"providers.work.api_key_env ({FILE}) must be the name of a variable, such as WORK_API_KEY; a key itself goes "
        "under api_key",
    ),
    "no command": (
        WORK + "api_key_command = []",
        f'providers.work.api_key_command ({FILE}) must be a command, such as "pass show work" or ["pass", "show", "work"]',
    ),
    "open quote in a command": (
        WORK + 'api_key_command = "pass \'x"',
        f"providers.work.api_key_command ({FILE}) is not a command: No closing quotation",
    ),
    "no key file": (
        WORK + 'api_key_file = "/no/such"',
        f"providers.work.api_key_file ({FILE}) names a file that cannot be read ('/no/such': No such file or directory): "
        "write the key into it or correct the path",
    ),
    "header's name": (
        WORK + 'headers = { "a b" = "c" }',
        f"providers.work.headers.a b ({FILE}) is not a valid header name",
    ),
    "header's value": (WORK + 'headers = { "x" = 1 }', f"providers.work.headers.x ({FILE}) must be a string"),
    "header with a line end": (
        WORK + 'headers = { "x" = "geheim\\ny" }',
        f"providers.work.headers.x ({FILE}) contains characters that a header cannot contain",
    ),
    "headers are a text": (
        WORK + 'headers = "x"',
        f"providers.work.headers ({FILE}) must be a table: write [providers.work.headers] on its own line",
    ),
    "list at another host": (
        WORK + 'models_url = "https://evil.example/list"',
        f"providers.work.models_url ({FILE}) is at another host than base_url, and a key goes to the host of base_url "
        "only: list the models in models instead",
    ),
    "list without scheme": (
        WORK + 'models_url = "gw.example/list"',
        f"providers.work.models_url ({FILE}) must be a web address that begins with https://",
    ),
    "unknown quirk": (
        WORK + "quirks = { embed_bach = 3 }",
        f"'embed_bach' in [providers.work.quirks] ({FILE}) is not known: did you mean embed_batch?",
    ),
    "word of a quirk": (
        WORK + 'quirks = { token_param = "x" }',
        f'providers.work.quirks.token_param ({FILE}) must be "max_tokens" or "max_completion_tokens", not \'x\'',
    ),
    "number of a quirk": (
        WORK + "quirks = { embed_batch = true }",
        f"providers.work.quirks.embed_batch ({FILE}) must be a whole number, at least 0, not True",
    ),
    "list of a quirk": (
        WORK + 'quirks = { drop_params = "n" }',
        f"providers.work.quirks.drop_params ({FILE}) must be a list, each item a string, not 'n'",
    ),
    "item of a quirk": (
        WORK + "quirks = { drop_params = [1] }",
        f"providers.work.quirks.drop_params ({FILE}) must be a list, each item a string, not [1]",
    ),
    "temperature of a quirk": (
        WORK + 'quirks = { max_temperature = "1" }',
        f"providers.work.quirks.max_temperature ({FILE}) must be a number or \"none\", not '1'",
    ),
    "no batch": (
        WORK + "quirks = { embed_batch = 0 }",
        f"providers.work.quirks.embed_batch ({FILE}) must be a whole number, at least 1, not 0",
    ),
    "truth of a quirk": (
        WORK + "quirks = { stream_options = 0 }",
        f"providers.work.quirks.stream_options ({FILE}) must be true or false, not 0",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_mistake_in_the_file_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({}, file_text=text, file_name="/c/config.toml")
    assert caught.value.failure.message == sentence
    assert caught.value.kind == "config"
    assert "geheim" not in sentence


BAD_VARIABLES: dict[str, tuple[dict[str, str], str]] = {
    "alias to nothing": (
        {"ANYMODEL_ALIASES_FAST": ","},
        'aliases.fast (environment ANYMODEL_ALIASES_FAST) must be a model such as "openai/gpt-5-mini", or a list of models '
        "to try in order, not []",
    ),
    "two sources of a key": (
        {
            "OPENAI_API_KEY": "k",
            "ANYMODEL_PROVIDERS_OPENAI_API_KEY_ENV": "K",
            "ANYMODEL_PROVIDERS_OPENAI_API_KEY_FILE": "/k",
        },
        "[providers.openai] (environment) has both api_key_env and api_key_file: keep one of them",
    ),
    "command that cannot be split": (
        {"OPENAI_API_KEY": "k", "ANYMODEL_PROVIDERS_OPENAI_API_KEY_COMMAND": "pass 'x"},
        "providers.openai.api_key_command (environment ANYMODEL_PROVIDERS_OPENAI_API_KEY_COMMAND) is not a command: No "
        "closing quotation",
    ),
    "port": (
        {"ANYMODEL_HTTP_PORT": "http"},
        "http.port (environment ANYMODEL_HTTP_PORT) must be a whole number from 0 to 65535, not 'http'",
    ),
    "truth": (
        {"ANYMODEL_STORE_ENABLED": "maybe"},
        "store.enabled (environment ANYMODEL_STORE_ENABLED) must be true or false, not 'maybe'",
    ),
    "deadline": (
        {"ANYMODEL_LIMITS_SOFT_DEADLINE_S": "nan"},
        "limits.soft_deadline_s (environment ANYMODEL_LIMITS_SOFT_DEADLINE_S) must be a number from 0 to 86400, not 'nan'",
    ),
    "list": (
        {"ANYMODEL_TOOLS_ENABLED": "[chat"},
        "tools.enabled (environment ANYMODEL_TOOLS_ENABLED) must be a list of strings, not '[chat'",
    ),
    "row": (
        {"ANYMODEL_PROVIDERS": "openai, deepsek"},
        "ANYMODEL_PROVIDERS (environment) names 'deepsek', which is not a known provider: did you mean deepseek?",
    ),
    "own provider without address": (
        {"ANYMODEL_PROVIDERS": "zzzzzzz"},
        "ANYMODEL_PROVIDERS (environment) names 'zzzzzzz', which is not a known provider: for your own provider, also set "
        "ANYMODEL_PROVIDERS_ZZZZZZZ_BASE_URL",
    ),
    "address": (
        {"OPENAI_BASE_URL": "localhost:8080/v1"},
        "providers.openai.base_url (environment OPENAI_BASE_URL) does not begin with https:// or http://: write "
        "'http://localhost:8080/v1'",
    ),
    "row without address": (
        {"ANYMODEL_PROVIDERS": "cloudflare"},
        "providers.cloudflare.base_url (environment ANYMODEL_PROVIDERS) is missing: it has the form "
        "https://api.cloudflare.com/client/v4/accounts/ACCOUNT_ID/ai/v1",
    ),
    "key": (
        {"OPENAI_API_KEY": "geheim\tgeheim"},
        "providers.openai.api_key (environment OPENAI_API_KEY) contains white space or characters that a header cannot contain: "
        "paste only the key",
    ),
    "token": (
        {"ANYMODEL_HTTP_TOKEN": "gehéim"},
        "http.token (environment ANYMODEL_HTTP_TOKEN) contains white space or characters that a header cannot contain: paste "
        "only the key",
    ),
    "quirk": (
        {"OPENAI_API_KEY": "k", "ANYMODEL_PROVIDERS_OPENAI_QUIRKS_EMBED_BATCH": "ten"},
        "providers.openai.quirks.embed_batch (environment ANYMODEL_PROVIDERS_OPENAI_QUIRKS_EMBED_BATCH) must be a whole "
        "number, at least 0, not 'ten'",
    ),
    "temperature": (
        {"OPENAI_API_KEY": "k", "ANYMODEL_PROVIDERS_OPENAI_QUIRKS_MAX_TEMPERATURE": "hot"},
        "providers.openai.quirks.max_temperature (environment ANYMODEL_PROVIDERS_OPENAI_QUIRKS_MAX_TEMPERATURE) must be a "
        "number or \"none\", not 'hot'",
    ),
}


@pytest.mark.parametrize(("environ", "sentence"), BAD_VARIABLES.values(), ids=BAD_VARIABLES.keys())
def test_a_mistake_in_the_environment_is_one_sentence(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(environ)
    assert caught.value.failure.message == sentence


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = ", "is not valid TOML: line 1: a has no value"),
        ("a = 1\na = 2", "is not valid TOML: line 2: a is already in line 1"),
        ("x = " + "[" * 5000, "is not valid TOML"),
    ],
    ids=["cut", "twice", "too deep"],
)
def test_what_is_no_toml_is_said_with_its_place(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"^file /c/config\.toml ") as caught:
        load({}, file_text=text, file_name="/c/config.toml")
    assert says in caught.value.failure.message


def test_a_mistake_on_the_command_line_names_it() -> None:
    with pytest.raises(ConfigError) as caught:
        load({}, overrides={"http.port": 99999})
    assert caught.value.failure.message == "http.port (command line) must be a whole number from 0 to 65535, not 99999"


def test_an_empty_key_file_is_a_mistake_and_its_text_is_not_shown() -> None:
    with pytest.raises(ConfigError, match="names an empty file"):
        load({}, file_text=WORK + 'api_key_file = "k"', file_name="c", read_file=lambda _: " \n")
    with pytest.raises(ConfigError) as caught:
        load({}, file_text=WORK + 'api_key_file = "k"', file_name="c", read_file=lambda _: "geheim\ngeheim")
    assert "geheim" not in caught.value.failure.message


def test_a_key_file_that_is_no_text_is_a_mistake() -> None:
    def read(_: str) -> str:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")

    with pytest.raises(ConfigError, match="it is not a text file"):
        load({}, file_text=WORK + 'api_key_file = "k"', file_name="c", read_file=read)
