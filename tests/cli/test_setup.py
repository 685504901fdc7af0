"""`setup` from the outside: an empty home, a real upstream on loopback, files before and after."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from anymodel_mcp.cli.commands import run_command
from anymodel_mcp.cli.install import Machine
from anymodel_mcp.cli.setup import Flags, Surroundings, setup
from anymodel_mcp.cli.setup.discovery import Engine
from anymodel_mcp.cli.trial import Trial
from anymodel_mcp.config import read_settings
from anymodel_mcp.errors import AnyModelError, ConfigError
from anymodel_mcp.redact import Redactor
from tests.cli.dialogs import Typist
from tests.cli.terminals import make_desk
from tests.raw_upstream import Answer, Line, Reply, Seen, open_upstream, play

KEY = "sk-good-0123456789abcdef-Zz"
BAD = "sk-bad-0123456789abcdef-Zz"
MODELS = ("gpt-5-mini", "gpt-5.2", "text-embedding-3-small")
OWN = '# mine\n[limits]\nmax_concurrent_calls = 8 # few\n\n[providers.work]\nbase_url = "https://gw.example/v1"\n'


def upstream(key: str | None = KEY, models: Sequence[str] = MODELS, *, refuses_model: str = "") -> Answer:
    """A provider that takes one key, lists models, and answers with one word."""

    async def answer(seen: Seen, line: Line) -> None:
        status, body = 200, {}
        if key is not None and seen.headers.get("authorization") != f"Bearer {key}":
            status, body = 401, {"error": {"message": f"Incorrect key: {seen.headers.get('authorization')}"}}
        elif seen.path.endswith("/models"):
            body = {"object": "list", "data": [{"id": m, "object": "model", "owned_by": "x"} for m in models]}
        elif seen.json()["model"] == refuses_model:
            status, body = 404, {"error": {"message": f"The model {refuses_model} does not exist"}}
        else:
            await play(Reply(headers={"content-type": "text/event-stream"}, frames=_frames(seen.json()["model"])), line)
            return
        content = json.dumps(body).encode()
        await play(Reply(status=status, headers={"content-type": "application/json"}, frames=[content]), line)

    return answer


def _frames(model: str) -> list[bytes]:
    choices: list[Any] = [{"index": 0, "delta": {"content": "OK"}}, {"index": 0, "delta": {}, "finish_reason": "stop"}]
    events = [{"id": "c", "model": model, "choices": [choice]} for choice in choices]
    return [*(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events), b"data: [DONE]\n\n"]


@dataclass(slots=True)
class Home:
    """An empty home, and what `setup` does in it."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    engines: Sequence[Engine] = ()
    started: list[tuple[Sequence[str], Mapping[str, str]]] = field(default_factory=list[Any])
    keyring: dict[str, str] | None = None
    on_start: Callable[[], Trial] = lambda: Trial(tools=6, answer="hello")

    @property
    def config(self) -> Path:
        return self.folder / "conf" / "config.toml"

    @property
    def keys(self) -> Path:
        return self.folder / "conf" / "keys.json"

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Every file with its content and mode, and every folder."""
        return {
            str(path.relative_to(self.folder)): (path.read_bytes() if path.is_file() else b"", path.stat().st_mode)
            for path in sorted(self.folder.rglob("*"))
        }

    def write(self, text: str) -> None:
        self.config.parent.mkdir(exist_ok=True)
        self.config.write_text(text, encoding="utf-8")

    async def run(self, typist: Typist, **flags: Any) -> int:
        return await anyio.to_thread.run_sync(partial(self._run, typist, Flags(**flags)))

    def _run(self, typist: Typist, flags: Flags) -> int:
        environ = {"ANYMODEL_CONFIG": str(self.config), **self.environ}
        terminal = replace(make_desk(self.folder, environ=environ).terminal, redactor=Redactor())
        dialog = typist.dialog()
        return setup(
            Surroundings(
                terminal=terminal,
                dialog=dialog,
                machine=Machine(env=terminal.environ, home=self.folder, platform="linux", write=dialog.write),
                config=self.config,
                keyring=self._keyring,
                engines=self.engines,
                start=self._start,
            ),
            flags,
        )

    def _start(self, command: Sequence[str], env: Mapping[str, str], secrets: Sequence[str]) -> Trial:
        self.started.append((command, env))
        return self.on_start()

    def _keyring(self, action: str, user: str, password: str) -> None:
        if self.keyring is None:
            raise ConfigError("no keyring here")
        if action == "del":
            del self.keyring[user]
        else:
            self.keyring[user] = password


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def piped(key: str = "") -> Typist:
    return Typist(first_line=key, attended=False)


async def test_flags_and_a_piped_key_are_enough_without_a_terminal(home: Home) -> None:
    (home.folder / ".cursor").mkdir()
    async with open_upstream(upstream()) as provider:
        typist = piped(KEY)
        url = f"{provider.origin}/v1"
        status = await home.run(
            typist, provider="openai", base_url=url, key_stdin=True, model="gpt-5.2", hosts=["cursor"], yes=True
        )
        assert status == 0, typist.shown
    written = tomllib.loads(home.config.read_text(encoding="utf-8"))
    assert written == {"default_model": "openai/gpt-5.2", "providers": {"openai": {"base_url": url}}}
    assert json.loads(home.keys.read_text(encoding="utf-8")) == {"openai": {"origin": provider.origin, "key": KEY}}
    entry = json.loads((home.folder / ".cursor" / "mcp.json").read_text(encoding="utf-8"))["mcpServers"]["anymodel"]
    assert entry["env"] == {"ANYMODEL_CONFIG": str(home.config)}
    ((command, env),) = home.started
    assert command == [entry["command"], *entry["args"]]
    assert KEY not in json.dumps(dict(env))
    assert KEY not in typist.shown
    settings = read_settings({"ANYMODEL_CONFIG": str(home.config)})
    assert settings.providers["openai"].api_key is not None
    if os.name != "nt":
        assert {stat.S_IMODE(p.stat().st_mode) for p in (home.keys, home.config)} == {0o600}
        assert stat.S_IMODE(home.config.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("with_file", [False, True], ids=["empty home", "own file"])
async def test_a_second_run_changes_nothing(home: Home, *, with_file: bool) -> None:
    if with_file:
        home.write(OWN)
    (home.folder / ".cursor").mkdir()
    async with open_upstream(upstream()) as provider:
        flags: dict[str, Any] = {"base_url": f"{provider.origin}/v1", "hosts": ["cursor"], "yes": True}
        assert await home.run(piped(KEY), **flags) == 0
        before = home.files()
        for typist in (piped(KEY), piped()):
            assert await home.run(typist, **flags) == 0
            assert "is up to date" in typist.shown
        assert home.files() == before
    text = home.config.read_text(encoding="utf-8")
    assert tomllib.loads(text)["default_model"] == "openai/gpt-5-mini"
    if with_file:
        assert "# mine" in text
        assert "# few" in text
        assert tomllib.loads(text)["providers"]["work"] == {"base_url": "https://gw.example/v1"}


@pytest.mark.parametrize("text", ["", OWN], ids=["no file", "own file"])
async def test_a_refused_key_writes_nothing(home: Home, text: str) -> None:
    if text:
        home.write(text)
    before = home.files()
    async with open_upstream(upstream()) as provider:
        with pytest.raises(AnyModelError) as caught:
            await home.run(piped(BAD), base_url=f"{provider.origin}/v1", model="gpt-5.2", yes=True)
    assert caught.value.kind == "auth"
    assert home.files() == before


async def test_a_key_that_only_the_chat_refuses_writes_nothing(home: Home) -> None:
    async with open_upstream(upstream()) as provider:

        async def open_list(seen: Seen, line: Line) -> None:
            await (upstream(None) if seen.path.endswith("/models") else upstream())(seen, line)

        async with open_upstream(open_list) as public:
            with pytest.raises(AnyModelError) as caught:
                await home.run(piped(BAD), base_url=f"{public.origin}/v1", yes=True)
    assert provider.seen == []
    assert caught.value.kind == "auth"
    assert home.files() == {}


@pytest.mark.parametrize(
    ("environ", "flags", "line", "why"),
    [
        ({}, {"yes": True}, KEY, "--provider"),
        ({}, {"provider": "openai", "yes": True}, "", "--key-stdin"),
        ({"OPENAI_API_KEY": KEY}, {"provider": "openai"}, "", "--yes to use OPENAI_API_KEY"),
        ({}, {"provider": "openai", "key_stdin": True, "yes": True}, "", "no key was given"),
        ({}, {"provider": "deepsek", "yes": True}, KEY, "Did you mean deepseek"),
        ({}, {"provider": "x/y", "yes": True}, KEY, "cannot be the name"),
        ({}, {"base_url": "localhost:1", "yes": True}, KEY, "http://localhost:1"),
        ({"OPENAI_BASE_URL": "nonsense"}, {"yes": True}, KEY, "OPENAI_BASE_URL"),
        ({}, {"base_url": "http://127.0.0.1:1/v1", "yes": True}, "two words", "white space"),
    ],
)
async def test_what_is_missing_is_named_before_any_request(
    home: Home, environ: dict[str, str], flags: dict[str, Any], line: str, why: str
) -> None:
    home.environ = environ
    with pytest.raises(ConfigError) as caught:
        await home.run(piped(line), **flags)
    assert why in f"{caught.value} {caught.value.failure.fix}"
    assert home.files() == {}


async def test_without_consent_nothing_is_written(home: Home) -> None:
    async with open_upstream(upstream()) as provider:
        typist = piped(KEY)
        assert await home.run(typist, base_url=f"{provider.origin}/v1") == 2
    assert "--yes" in typist.shown
    assert home.files() == {}


async def test_the_variables_of_the_row_are_used_with_consent_and_written(home: Home) -> None:
    async with open_upstream(upstream()) as provider:
        home.environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{provider.origin}/v1"}
        assert await home.run(piped(), yes=True) == 0
        settings = read_settings({"ANYMODEL_CONFIG": str(home.config)})
        found = settings.providers["openai"]
        assert found.base_url == f"{provider.origin}/v1"
        assert found.api_key is not None
        assert found.api_key.reveal() == KEY
        assert settings.default_model == "openai/gpt-5-mini"


async def test_a_provider_that_cannot_be_reached_writes_nothing(home: Home) -> None:
    async with open_upstream(upstream()) as provider:
        gone = provider.origin
    with pytest.raises(AnyModelError) as caught:
        await home.run(piped(KEY), base_url=f"{gone}/v1", yes=True)
    assert caught.value.kind == "connection"
    assert home.files() == {}


async def test_a_model_that_does_not_exist_writes_nothing(home: Home) -> None:
    async with open_upstream(upstream(refuses_model="gpt-9")) as provider:
        with pytest.raises(AnyModelError, match="gpt-9"):
            await home.run(piped(KEY), base_url=f"{provider.origin}/v1", model="openai/gpt-9", yes=True)
    assert home.files() == {}


async def test_a_broken_file_is_reported_before_any_question(home: Home) -> None:
    home.write("[providers\n")
    before = home.files()
    typist = Typist()
    with pytest.raises(ConfigError, match="not valid TOML"):
        await home.run(typist)
    assert typist.questions == []
    assert home.files() == before


ANSWERS = ("{url}", "mine", BAD, KEY, "5.2", "cursor", "y")
"""Address, name, a key that is refused, the right one, the model by a part of its name, the host, consent."""


def answers(url: str) -> list[str]:
    return [answer.format(url=url) for answer in ANSWERS]


async def test_a_person_answers_questions(home: Home) -> None:
    (home.folder / ".cursor").mkdir()
    async with open_upstream(upstream()) as provider:
        typist = Typist(answers=answers(f"{provider.origin}/v1"))
        assert await home.run(typist) == 0
        assert len(typist.questions) == len(ANSWERS)
    assert "refuses it" in typist.shown
    assert BAD not in typist.shown
    assert tomllib.loads(home.config.read_text(encoding="utf-8")) == {
        "default_model": "mine/gpt-5.2",
        "providers": {"mine": {"base_url": f"{provider.origin}/v1"}},
    }
    assert json.loads(home.keys.read_text(encoding="utf-8"))["mine"]["key"] == KEY
    assert len(home.started) == 1


@pytest.mark.parametrize("answered", range(len(ANSWERS)))
@pytest.mark.parametrize("text", ["", OWN], ids=["empty home", "own file"])
async def test_an_interrupt_at_each_question_changes_nothing(home: Home, answered: int, text: str) -> None:
    (home.folder / ".cursor").mkdir()
    if text:
        home.write(text)
    before = home.files()
    async with open_upstream(upstream()) as provider:
        typist = Typist(answers=answers(f"{provider.origin}/v1")[:answered])
        with pytest.raises(KeyboardInterrupt):
            await home.run(typist)
    assert len(typist.questions) == answered + 1
    assert home.files() == before


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ConfigError("no")], ids=["Ctrl-C", "error"])
@pytest.mark.parametrize("keyring", [False, True], ids=["file", "keyring"])
async def test_an_interrupt_while_the_host_is_tried_brings_everything_back(
    home: Home, error: BaseException, *, keyring: bool
) -> None:
    home.keyring = {}
    (home.folder / ".cursor").mkdir()
    (home.folder / ".cursor" / "mcp.json").write_text('{"mcpServers": {"other": {"command": "x"}}}', encoding="utf-8")
    before = home.files()

    def interrupt() -> Trial:
        assert home.keys.exists()
        raise error

    home.on_start = interrupt
    async with open_upstream(upstream()) as provider:
        with pytest.raises(type(error)):
            await home.run(Typist(answers=answers(f"{provider.origin}/v1")), keyring=keyring)
    assert home.files() == before
    assert home.keyring == {}


async def test_declining_writes_nothing(home: Home) -> None:
    (home.folder / ".cursor").mkdir()
    before = home.files()
    async with open_upstream(upstream()) as provider:
        typist = Typist(answers=[*answers(f"{provider.origin}/v1")[:-1], "n"])
        assert await home.run(typist) == 1
    assert home.files() == before


async def test_a_running_engine_is_offered_first_and_needs_no_key(home: Home) -> None:
    async with open_upstream(upstream(None, ["qwen3:4b"])) as provider:
        home.engines = [Engine(row="ollama", port=provider.port), Engine(row="vllm", port=provider.port, owner="vllm")]
        url = f"{provider.origin}/v1"
        home.write(f'[providers.ollama]\nbase_url = "{url}"\n')
        typist = Typist(answers=["1", "", "y"])
        assert await home.run(typist) == 0
    assert "running here with 1 model" in typist.shown
    assert "vLLM, running" not in typist.shown
    assert tomllib.loads(home.config.read_text(encoding="utf-8"))["default_model"] == "ollama/qwen3:4b"
    assert not home.keys.exists()


async def test_a_key_variable_is_named_and_used_only_with_consent(home: Home) -> None:
    async with open_upstream(upstream()) as provider:
        home.write(f'[providers.deepseek]\nbase_url = "{provider.origin}"\n')
        home.environ = {"DEEPSEEK_API_KEY": BAD, "OPENAI_API_KEY": BAD}
        typist = Typist(answers=["deepseek", "n", KEY, "1", "y"])
        assert await home.run(typist) == 0
        assert {seen.headers["authorization"] for seen in provider.seen} == {f"Bearer {KEY}"}
    assert "OPENAI_API_KEY is set" in typist.shown
    assert "DEEPSEEK_API_KEY is set" in typist.questions[1]
    assert json.loads(home.keys.read_text(encoding="utf-8"))["deepseek"]["key"] == KEY


async def test_a_new_key_takes_the_place_of_the_one_that_the_file_names(home: Home) -> None:
    async with open_upstream(upstream()) as provider:
        home.write(f'[providers.work]\nbase_url = "{provider.origin}"\napi_key = "{BAD}" # old\n')
        assert await home.run(piped(KEY), provider="work", yes=True) == 0
    assert tomllib.loads(home.config.read_text(encoding="utf-8"))["providers"]["work"] == {"base_url": provider.origin}
    assert read_settings({"ANYMODEL_CONFIG": str(home.config)}).providers["work"].api_key


async def test_a_keyring_that_refuses_writes_nothing(home: Home) -> None:
    async with open_upstream(upstream()) as provider:
        with pytest.raises(ConfigError, match="no keyring here"):
            await home.run(piped(KEY), base_url=f"{provider.origin}/v1", yes=True, keyring=True)
    assert home.files() == {}


async def test_a_key_for_the_keyring_is_in_no_file(home: Home) -> None:
    home.keyring = {}
    async with open_upstream(upstream()) as provider:
        assert await home.run(piped(KEY), base_url=f"{provider.origin}/v1", yes=True, keyring=True) == 0
        assert home.keyring == {f"openai {provider.origin}": KEY}
    assert all(KEY.encode() not in content for content, _ in home.files().values())
    assert read_settings({"ANYMODEL_CONFIG": str(home.config)}).providers["openai"].key_command


async def test_the_command_says_what_the_provider_said_without_the_key(tmp_path: Path) -> None:
    async with open_upstream(upstream()) as provider:
        environ = {"ANYMODEL_CONFIG": str(tmp_path / "conf" / "config.toml")}
        desk = make_desk(tmp_path, environ=environ, stdin=f"{BAD}\n")
        argv = ["setup", "--base-url", f"{provider.origin}/v1", "--key-stdin", "--yes"]
        assert await anyio.to_thread.run_sync(run_command, argv, desk.terminal) == 1
        assert "Incorrect key" in desk.remarked
        assert BAD not in desk.remarked + desk.said
        assert list(tmp_path.iterdir()) == []
        desk = make_desk(tmp_path, environ=environ, stdin=f"{KEY}\n")
        assert await anyio.to_thread.run_sync(run_command, argv, desk.terminal) == 0
        assert "openai is configured" in desk.said
        assert KEY not in desk.remarked + desk.said


async def test_the_entry_is_started_as_the_host_does_and_answers(tmp_path: Path) -> None:
    (tmp_path / ".cursor").mkdir()
    environ = {"ANYMODEL_CONFIG": str(tmp_path / "conf" / "config.toml"), "OPENAI_API_KEY": BAD, "PATH": os.defpath}
    async with open_upstream(upstream()) as provider:
        desk = make_desk(tmp_path, environ=environ, stdin=f"{KEY}\n")
        argv = ["setup", "--base-url", f"{provider.origin}/v1", "--key-stdin", "--host", "Cursor", "--yes"]
        assert await anyio.to_thread.run_sync(run_command, argv, desk.terminal) == 0, desk.said + desk.remarked
        assert {seen.headers["authorization"] for seen in provider.seen} == {f"Bearer {KEY}"}
    assert "A chat through it answers: OK" in desk.said


async def test_a_server_that_answers_no_chat_is_reported_and_stays_written(home: Home) -> None:
    (home.folder / ".cursor").mkdir()
    home.on_start = lambda: Trial(tools=6, refusal="Failed: the key is refused")
    async with open_upstream(upstream()) as provider:
        typist = piped(KEY)
        assert await home.run(typist, base_url=f"{provider.origin}/v1", hosts=["cursor"], yes=True) == 1
    assert "the key is refused" in typist.shown
    assert home.keys.exists()
