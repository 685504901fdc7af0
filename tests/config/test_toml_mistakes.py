"""A file that is no TOML: the line, the cause and the fix of what people write by mistake."""

from __future__ import annotations

import pytest

from anymodel_mcp.config import load
from anymodel_mcp.errors import ConfigError

MISTAKES: dict[str, tuple[str, str]] = {
    "Windows path": (
        '[files]\noutput_dir = "C:\\Users\\ann\\pictures"',
        "line 2: a backslash in double quotes is an escape: write 'C:\\Users\\ann\\pictures' in single quotes, or use",
    ),
    "Windows path, other letter": (
        '\n[files]\nallowed_dirs = ["C:\\data"]',
        "line 3: a backslash in double quotes is an escape: write 'C:\\data' in single quotes, or use /",
    ),
    "network path": (
        '[files]\noutput_dir = "\\\\server\\share"',
        "line 2: a backslash in double quotes is an escape: write '\\\\server\\share' in single quotes, or use /",
    ),
    "key with a backslash": (
        '[providers.work]\napi_key = "geheim\\xyz"',
        "line 2: a backslash in double quotes is an escape: write the value in single quotes, or use /",
    ),
    "curly quotes": ("default_model = “openai/gpt-5”", "line 1: '“' is a curly quote: use straight quotes"),
    "curly apostrophes": ("default_model = ‘m’", "line 1: '‘' is a curly quote: use straight quotes"),
    "guillemets": ("default_model = «m»", "line 1: '«' is a curly quote: use straight quotes"),
    "low quotes": ("default_model = „m“", "line 1: '„' is a curly quote: use straight quotes"),
    "section twice": (
        "[providers.work]\nbase_url = 'https://a'\n\n[providers.work]\napi_key = 'geheim'",
        "line 4: [providers.work] is already in line 1: keep one of them, with all its lines",
    ),
    "setting twice": (
        "[http]\nport = 1\nhost = 'a'\nport = 2",
        "line 4: port is already in line 2: keep one of them, with all its lines",
    ),
    "setting twice at the top": (
        "default_model = 'a'\ndefault_model = 'b'\n[http]\nport = 1",
        "line 2: default_model is already in line 1: keep one of them, with all its lines",
    ),
    "JSON": (
        '{"providers": {"work": {"api_key": "geheim"}}}',
        "it is JSON, but the file must be TOML: write a section as [providers.work] on its own line",
    ),
    "JSON over lines": ('\n{\n  "default_model": "m"\n}', "it is JSON, but the file must be TOML"),
    "YAML": ("default_model: m", "line 1: TOML uses an equals sign instead of a colon: write default_model = …"),
    "no quotes": ("default_model = a/gpt-5", 'line 1: a string needs quotes: write default_model = "a/gpt-5"'),
    "no quotes around an address": (
        "[providers.work]\nbase_url = https://gw.example/v1",
        'line 2: a string needs quotes: write base_url = "https://gw.example/v1"',
    ),
    "no quotes around a key": (
        "[providers.work]\napi_key = sk-geheim", 'line 2: a string needs quotes: write api_key = "…"',
    ),
    "no quotes around a Windows path": (
        "[files]\noutput_dir = C:\\pictures", "line 2: a string needs quotes: write output_dir = 'C:\\pictures'",
    ),
    "capital": ("[store]\nenabled = True", "line 2: write enabled = true"),
    "yes": ("[store]\nenabled = no", "line 2: write enabled = false"),
    "null": ("default_model = null", "line 1: TOML has no null: remove the line"),
    "None": ("default_model = None # nothing", "line 1: TOML has no None: remove the line"),
    "no value": ("[http]\nport =\n", "line 2: port has no value"),
    "open quote": ('[http]\nhost = "127.0.0.1\nport = 1', "line 2: a quote is not closed"),
    "open quote at the end": ("default_model = 'm", "line 1: a quote is not closed"),
    "apostrophe": ("default_model = 'it's'", "line 1: a string with an apostrophe needs double quotes"),
    "comma": ("[http]\nport = 1,\nhost = 'a'", "line 2: remove the comma at the end of the line"),
    "zero": ("[http]\nport = 080", "line 2: a number cannot start with 0: remove it, or put the value in quotes"),
    "section without its bracket": ("[http\nport = 1", "line 1: the section name has no closing bracket: write [name]"),
    "list without comma": (
        '[tools]\nenabled = ["chat" "embed"]', "line 2: the list is not closed, or a comma is missing in it",
    ),
    "braces over lines": (
        "[aliases]\n[providers.work]\nheaders = { a = 'b'\n}", "line 3: a table in braces must be on one line",
    ),
    "comma in braces": (
        "[providers.work]\nheaders = { a = 'b', }",
        "line 2: a table in braces must be on one line, without a trailing comma",
    ),
    "slashes": ("// my settings\ndefault_model = 'm'", "line 1: // does not start a comment in TOML: use #"),
    "semicolon": ("; my settings", "line 1: ; does not start a comment in TOML: use #"),
    "shell": ("export OPENAI_API_KEY=geheim", "line 1: export is shell syntax"),
    "no-break space": ("[http]\nport\u00a0= 1", "line 2 contains U+00A0, an invisible character: type the line again"),
    "words": ("please use gpt-5", "line 1 is neither a section ([name]) nor a setting"),
    "two values": ("default_model = 'a' 'b'", "line 1: there is text after the value"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_names_its_line_cause_and_fix(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({}, file_text=text, file_name="/c/config.toml")
    message = caught.value.failure.message
    assert message.startswith("file /c/config.toml is not valid TOML: ")
    assert says in message
    assert "geheim" not in message
    assert "\n" not in message


@pytest.mark.parametrize("path", ["C:\\temp", "C:\\new\\files", "D:\\backup", "C:\\fonts"])
def test_a_windows_path_that_toml_takes_for_escapes_is_refused(path: str) -> None:
    for text in (
        f'[files]\noutput_dir = "{path}"',
        f'[files]\nallowed_dirs = ["/a", "{path}"]',
        f'[store]\npath = "{path}"',
    ):
        with pytest.raises(ConfigError, match="in double quotes a backslash starts an escape"):
            load({}, file_text=text, file_name="c")
    assert load({}, file_text=f"[files]\noutput_dir = '{path}'", file_name="c").files.output_dir == path


def test_a_setting_below_a_section_is_told_where_it_belongs() -> None:
    with pytest.raises(ConfigError, match=r"it belongs at the top of the file, above the first \[section\]"):
        load({}, file_text="[http]\nport = 1\ndefault_model = 'a'", file_name="c")


LISTS = ["{0},{1}", " {0} , {1} ,", '["{0}", "{1}"]', '[ "{0}","{1}" ]', "['{0}', '{1}']", "[{0}, {1}]", '"{0}","{1}"']


@pytest.mark.parametrize("form", LISTS)
def test_every_variable_reads_a_list_alike(form: str) -> None:
    environ = {
        "ANYMODEL_PROVIDERS": form.format("ollama", "groq"),
        "ANYMODEL_ALIASES_FAST": form.format("ollama/a", "groq/b"),
        "ANYMODEL_FILES_ALLOWED_DIRS": form.format("/a", "/b"),
        "ANYMODEL_HTTP_ALLOWED_HOSTS": form.format("a.example", "b.example"),
        "ANYMODEL_HTTP_ALLOWED_ORIGINS": form.format("https://a", "https://b"),
        "ANYMODEL_TOOLS_ENABLED": form.format("chat", "embed"),
        "ANYMODEL_PROVIDERS_OLLAMA_MODELS": form.format("m", "n"),
        "ANYMODEL_PROVIDERS_OLLAMA_QUIRKS_DROP_PARAMS": form.format("n", "stop"),
    }
    found = load(environ)
    assert list(found.providers) == ["ollama", "groq"]
    assert found.aliases["fast"] == ("ollama/a", "groq/b")
    assert found.files.allowed_dirs == ("/a", "/b")
    assert found.http.allowed_hosts == ("a.example", "b.example")
    assert found.http.allowed_origins == ("https://a", "https://b")
    assert found.tools.enabled == ("chat", "embed")
    assert found.providers["ollama"].models == ("m", "n")
    assert found.providers["ollama"].quirks.get("drop_params") == frozenset({"n", "stop"})


@pytest.mark.parametrize("form", ["ollama", '["ollama"]', "['ollama']", "[ollama]", '"ollama"', "[]", ""])
def test_a_list_of_one_or_none(form: str) -> None:
    assert list(load({"ANYMODEL_PROVIDERS": form}).providers) == (["ollama"] if "ollama" in form else [])


@pytest.mark.parametrize("form", ['["ollama", 3]', "[ollama", '{"ollama": 1}'])
def test_what_is_no_list_is_said(form: str) -> None:
    with pytest.raises(ConfigError, match="ANYMODEL_PROVIDERS"):
        load({"ANYMODEL_PROVIDERS": form})


@pytest.mark.parametrize("token", ["x", "1234567", "'abc'"])
def test_a_token_that_can_be_guessed_is_refused(token: str) -> None:
    with pytest.raises(ConfigError, match="is too short"):
        load({"ANYMODEL_HTTP_TOKEN": token})
