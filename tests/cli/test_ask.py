"""`ask`: the answer alone on stdout, all else on stderr, whatever comes from the pipe, the provider or the keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest
from PIL import Image

from anymodel_mcp.cli.ask import Question, ask
from anymodel_mcp.cli.screen import Terminal
from anymodel_mcp.cli.watching import Printer
from anymodel_mcp.config import Settings, StoreSettings
from anymodel_mcp.redact import Redactor
from tests.cli.terminals import Desk, make_desk
from tests.fakes import (
    DONE,
    KEY,
    Endless,
    FakeProvider,
    chunk,
    completion,
    endless,
    problem,
    provider,
    settings,
    stream,
)
from tests.waiting import HANG_S

ANSWER = (chunk("Hel"), chunk("lo "), chunk("you"), chunk(finish="stop"), DONE)
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _redacting(desk: Desk, configured: Settings) -> Terminal:
    return replace(desk.terminal, redactor=Redactor(configured.secrets()))


async def _ask(
    folder: Path,
    fake: FakeProvider,
    configured: Settings | None = None,
    *,
    tty: bool = False,
    **fields: Any,
) -> tuple[int, Desk]:
    desk, chosen = make_desk(folder, fake=fake, tty=tty), configured or settings()
    given: dict[str, Any] = {"prompt": "hi", **fields}
    question = Question(**given)
    return await ask(_redacting(desk, chosen), chosen, question), desk


async def test_only_the_answer_is_on_stdout(tmp_path: Path) -> None:
    usage: dict[str, Any] = {"usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0.0001}}
    frames = (*ANSWER[:3], chunk(finish="stop", **usage), DONE)
    status, desk = await _ask(tmp_path, FakeProvider([stream(*frames)]))
    assert (status, desk.said) == (0, "Hello you\n")
    assert "p/m · 3 tokens in, 2 out · $0.0001" in desk.remarked


async def test_arguments_reach_the_provider(tmp_path: Path) -> None:
    fake = FakeProvider([completion("x")])
    await _ask(tmp_path, fake, models=("p/other",), system="be short", stream=False, max_tokens=7, temperature=0.5)
    body = fake.body()
    assert body["messages"] == [{"role": "system", "content": "be short"}, {"role": "user", "content": "hi"}]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("other", 7, 0.5)
    assert not body.get("stream")


@pytest.mark.parametrize(
    "frames",
    [
        ("Pay 100 EUR\rPay 1 EUR  \r\n", "and\u0085so\u2028on"),
        ("Pay 100 EUR\r", "Pay 1 EUR  \r", "\nand\u0085so\u2028on"),
    ],
)
@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("tty", [True, False])
async def test_no_carriage_return_overwrites_a_line(
    tmp_path: Path, frames: Sequence[str], live: bool, tty: bool
) -> None:
    answer = (*(chunk(text) for text in frames), chunk(finish="stop"), DONE)
    _, desk = await _ask(tmp_path, FakeProvider([stream(*answer)]), tty=tty, stream=live, plain=True)
    assert desk.said == "Pay 100 EUR\nPay 1 EUR  \nand\nso\non\n"


async def test_a_whole_answer_is_printed_once(tmp_path: Path) -> None:
    status, desk = await _ask(tmp_path, FakeProvider([completion("whole\nanswer\n")]))
    assert (status, desk.said) == (0, "whole\nanswer\n")


async def test_several_models_answer_under_their_names(tmp_path: Path) -> None:
    fake = FakeProvider([completion("one"), problem(404, "no such model", code="model_not_found"), completion("x")])
    status, desk = await _ask(tmp_path, fake, models=("p/a", "p/b"), stream=False)
    assert status == 0
    assert "## p/a" in desk.said
    assert "## p/b" in desk.said


async def test_when_none_of_several_answers_that_is_a_failure(tmp_path: Path) -> None:
    fake = FakeProvider([problem(401, "bad key")])
    status, desk = await _ask(tmp_path, fake, models=("p/a", "p/b"))
    assert status == 1
    assert "none of the 2 models answered" in desk.remarked


async def test_json_is_the_record_with_the_text(tmp_path: Path) -> None:
    status, desk = await _ask(tmp_path, FakeProvider([stream(*ANSWER)]), as_json=True)
    record = json.loads(desk.said)
    assert (status, record["text"], record["model"], record["finish_reason"]) == (0, "Hello you", "m", "stop")
    assert desk.remarked == ""


async def test_a_failure_as_json_is_json_and_three_lines(tmp_path: Path) -> None:
    status, desk = await _ask(tmp_path, FakeProvider([problem(401, "bad key")]), as_json=True)
    assert (status, json.loads(desk.said)["error"]["kind"]) == (1, "auth")
    assert len(desk.remarked.splitlines()) == 3


async def test_all_failed_as_json_is_an_error_too(tmp_path: Path) -> None:
    status, desk = await _ask(tmp_path, FakeProvider([problem(401, "bad key")]), as_json=True, models=("p/a", "p/b"))
    assert status == 1
    assert len(json.loads(desk.said)["error"]["answers"]) == 2


async def test_half_an_answer_stays_on_the_screen(tmp_path: Path) -> None:
    status, desk = await _ask(tmp_path, FakeProvider([stream(chunk("half an "), chunk("answer"))]))
    assert (status, desk.said) == (1, "half an answer\n")
    assert "half an answer from p/m (stream_truncated" in desk.remarked


@pytest.mark.parametrize(
    ("fields", "words", "status"),
    [
        ({"prompt": "  "}, "there is no question", 2),
        ({"max_tokens": 0}, "max_tokens", 2),
        ({"images": ("missing.png",)}, "there is no file 'missing.png'", 2),
        ({"models": ("p/nope",)}, "no such model", 1),
    ],
    ids=["empty", "tokens", "file", "model"],
)
async def test_a_question_that_cannot_be_answered_is_three_lines(
    tmp_path: Path, fields: dict[str, Any], words: str, status: int
) -> None:
    fake = FakeProvider([problem(404, "no such model", code="model_not_found")])
    result, desk = await _ask(tmp_path, fake, **fields)
    assert (result, desk.said) == (status, "")
    assert len(desk.remarked.splitlines()) == 3
    assert words in desk.remarked


async def test_without_a_provider_the_demo_is_named(tmp_path: Path) -> None:
    status, desk = await _ask(tmp_path, FakeProvider([]), Settings())
    assert status == 2
    assert "anymodel-mcp demo" in desk.remarked


async def test_named_files_are_read_and_nothing_beside_them_needs_allowing(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("the answer is 42", encoding="utf-8")
    (tmp_path / "link.txt").symlink_to(tmp_path / "notes.txt")
    fake = FakeProvider([completion("x")])
    status, _ = await _ask(tmp_path, fake, files=(str(tmp_path / "link.txt"),))
    assert status == 0
    assert "the answer is 42" in fake.seen[0].content.decode()


async def test_a_picture_is_sent_with_the_question(tmp_path: Path) -> None:
    picture = tmp_path / "dot.png"
    Image.new("RGB", (2, 2), "red").save(picture)
    fake = FakeProvider([completion("red")])
    status, desk = await _ask(tmp_path, fake, images=(str(picture),))
    assert (status, desk.said) == (0, "red\n")
    parts = fake.body()["messages"][0]["content"]
    assert any(part.get("image_url", {}).get("url", "").startswith("data:image/png;base64,") for part in parts)


async def test_addresses_are_no_paths(tmp_path: Path) -> None:
    fake = FakeProvider([completion("x")])
    status, _ = await _ask(tmp_path, fake, images=("https://example.test/a.png",))
    assert status == 0
    assert "https://example.test/a.png" in fake.seen[0].content.decode()


async def test_notes_go_to_stderr(tmp_path: Path) -> None:
    frames = (chunk("cut off"), chunk(finish="length"), DONE)
    _, desk = await _ask(tmp_path, FakeProvider([stream(*frames)]))
    assert desk.said == "cut off\n"
    assert "cut at the token limit" in desk.remarked


async def test_a_fallback_is_named(tmp_path: Path) -> None:
    configured = settings(
        provider("p", max_attempts=1), provider("q"), aliases={"smart": ("p/a", "q/b")}, default_model="smart"
    )
    fake = FakeProvider([problem(503, "full"), completion("from q")])
    status, desk = await _ask(tmp_path, fake, configured)
    assert (status, desk.said) == (0, "from q\n")
    assert "answered by q/b: p/a failed" in desk.remarked


async def test_a_key_in_an_answer_is_removed_even_when_it_comes_in_pieces(tmp_path: Path) -> None:
    frames = (chunk(f"your key is {KEY[:9]}"), chunk(KEY[9:]), chunk(" done"), chunk(finish="stop"), DONE)
    _, desk = await _ask(tmp_path, FakeProvider([stream(*frames)]))
    assert desk.said == "your key is [key removed] done\n"


async def test_escape_sequences_of_a_model_do_not_reach_the_terminal(tmp_path: Path) -> None:
    frames = (chunk("a\x1b[31mred\x1b[0m\x07 b"), chunk(finish="stop"), DONE)
    _, desk = await _ask(tmp_path, FakeProvider([stream(*frames)]))
    assert desk.said == "ared b\n"


async def test_words_are_on_the_screen_before_the_answer_ends(tmp_path: Path) -> None:
    body = Endless(chunk("first words "))
    body.rest = (chunk("and more"), chunk(finish="stop"), DONE)
    desk, chosen = make_desk(tmp_path, fake=FakeProvider([endless(body)])), settings()
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as group:
            group.start_soon(ask, _redacting(desk, chosen), chosen, Question(prompt="hi"))
            while desk.said != "first words ":
                await anyio.lowlevel.checkpoint()
            body.go_on.set()
    assert desk.said == "first words and more\n"


async def test_a_cancelled_question_closes_the_connection(tmp_path: Path) -> None:
    body = Endless(chunk("first words "))
    desk, chosen = make_desk(tmp_path, fake=FakeProvider([endless(body)])), settings()
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as group:
            group.start_soon(ask, _redacting(desk, chosen), chosen, Question(prompt="hi"))
            while not desk.said:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        await body.closed.wait()
    assert desk.said == "first words \n"


async def test_a_person_sees_the_thoughts_dimmed_on_stderr_before_the_answer(tmp_path: Path) -> None:
    frames = (
        _thought("Let me "),
        _thought("think."),
        chunk("Forty-two."),
        chunk(finish="stop"),
        DONE,
    )
    _, desk = await _ask(tmp_path, FakeProvider([stream(*frames)]), tty=True, plain=True)
    assert _ESCAPES.sub("", desk.said) == "Forty-two.\n"
    assert "Let me think." in _ESCAPES.sub("", desk.remarked)
    _, piped = await _ask(tmp_path, FakeProvider([stream(*frames)]))
    assert "think" not in piped.remarked


def _thought(text: str) -> bytes:
    delta = {"index": 0, "delta": {"reasoning_content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"id": "c1", "model": "m", "choices": [delta]}).encode() + b"\n\n"


Step = tuple[str, str]


def _play(printer: Printer, steps: Sequence[Step]) -> None:
    for name, words in steps:
        if name == "text":
            printer.text(words)
        elif name == "finish":
            printer.finish(words)
        elif name == "restart":
            printer.restart()
        else:
            printer.stop()


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([("text", "one two"), ("finish", "one two three")], "one two three\n"),
        ([("text", "other"), ("finish", "Another answer.")], "other\nAnother answer.\n"),
        ([("text", "gone"), ("stop", "")], "gone\n"),
        ([("text", ""), ("restart", ""), ("finish", "b")], "b\n"),
        ([("text", "x" * 500), ("stop", "")], "x" * 500 + "\n"),
        ([("text", "日本"), ("text", "語")], "日本語"),
        ([("finish", "")], ""),
    ],
    ids=["rest", "other", "stopped", "restart", "long", "no-spaces", "nothing"],
)
def test_a_printer_writes_every_word_once(tmp_path: Path, steps: Sequence[Step], said: str) -> None:
    desk = make_desk(tmp_path)
    _play(Printer(desk.terminal), steps)
    assert desk.said == said


def test_a_printer_that_is_not_live_writes_at_the_end(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, tty=True)
    printer = Printer(desk.terminal, live=False)
    printer.wait("waiting")
    printer.text("a ")
    printer.thought("b ")
    assert (desk.said, desk.remarked) == ("", "")
    printer.finish("a b")
    assert desk.said == "a b\n"


async def test_a_missing_model_is_asked_for_in_the_words_of_the_command_line(tmp_path: Path) -> None:
    listed = httpx2.Response(200, json={"object": "list", "data": [{"id": "a-chat"}, {"id": "b-chat"}]})
    status, desk = await _ask(tmp_path, FakeProvider([listed]), settings(default_model=None))
    assert status == 2
    assert "-m" in desk.remarked
    assert "anymodel-mcp setup" in desk.remarked
    assert "`model`" not in desk.remarked


# --- Markdown -------------------------------------------------------------------------------------------------------

MARKDOWN = """# Why

Blue *scatters* more. See [it](https://x.example/a).
A <b>second</b> line.

1. one

   more of one

2. two

```python
def f():

    return 1
```

{"a": 1,
  "b": 2}
"""
SHOWN = """Why

Blue scatters more. See it (https://x.example/a).
A <b>second</b> line.

 1 one
   more of one
 2 two


 def f():

     return 1


{"a": 1,
  "b": 2}
"""
STILL = {"TTY_INTERACTIVE": "0"}
"""No animation: only what stays on the screen."""


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_markdown_on_a_terminal_loses_nothing(size: int, tmp_path: Path) -> None:
    desk = make_desk(tmp_path, tty=True, environ=STILL)
    printer = Printer(desk.terminal, markdown=True)
    for start in range(0, len(MARKDOWN), size):
        printer.text(MARKDOWN[start : start + size])
    printer.finish(MARKDOWN)
    lines = [line.rstrip() for line in _ESCAPES.sub("", desk.said).splitlines()]
    assert lines == SHOWN.splitlines()


@pytest.mark.parametrize(("tty", "plain"), [(True, False), (True, True), (False, False)])
async def test_markdown_is_rendered_for_a_person_only(tty: bool, plain: bool, tmp_path: Path) -> None:
    fake = FakeProvider([stream(chunk("**bo"), chunk("ld**"), chunk(finish="stop"), DONE)])
    desk = make_desk(tmp_path, fake=fake, tty=tty, environ=STILL)
    await ask(_redacting(desk, settings()), settings(), Question(prompt="hi", plain=plain))
    assert ("\x1b[1mbold\x1b[0m" in desk.said) == (tty and not plain)
    assert ("**bold**" in desk.said) != (tty and not plain)


# --- conversations --------------------------------------------------------------------------------------------------


async def test_the_last_conversation_of_the_terminal_continues(tmp_path: Path) -> None:
    fake = FakeProvider([completion("one"), completion("two"), completion("three")])
    turns: dict[str, dict[str, Any]] = {
        "first": {"models": ("p/other",), "system": "be short"},
        "second": {"resume": True},
    }
    for prompt, more in turns.items():
        status, desk = await _ask(tmp_path, fake, prompt=prompt, stream=False, **more)
        assert (status, desk.said) == (0, {"first": "one\n", "second": "two\n"}[prompt])
        assert "conversation" not in desk.remarked
    assert fake.body()["model"] == "other"
    said = [(m["role"], m["content"]) for m in fake.body()["messages"]]
    assert said == [("system", "be short"), ("user", "first"), ("assistant", "one"), ("user", "second")]
    await _ask(tmp_path, fake, prompt="third", stream=False)
    assert len(fake.body()["messages"]) == 1  # without -c a new one begins


@pytest.mark.parametrize(
    ("more", "configured"),
    [({"keep": False}, None), ({"models": ("p/a", "p/b")}, None), ({}, settings(store=StoreSettings(enabled=False)))],
    ids=["--no-keep", "several models", "no store"],
)
async def test_what_is_not_kept_cannot_be_continued(tmp_path: Path, more: Any, configured: Settings | None) -> None:
    fake = FakeProvider([completion("one")])
    status, _ = await _ask(tmp_path, fake, configured, stream=False, **more)
    assert status == 0
    assert len(fake.seen) == len(more.get("models", "1"))
    status, desk = await _ask(tmp_path, fake, configured, resume=True)
    assert (status, desk.said) == (2, "")
    assert "no conversation to continue" in desk.remarked


async def test_a_failed_question_does_not_become_the_last_conversation(tmp_path: Path) -> None:
    fake = FakeProvider([completion("one"), problem(402, "no credit"), completion("two")])
    for prompt in ("first", "second"):
        await _ask(tmp_path, fake, prompt=prompt, stream=False)
    await _ask(tmp_path, fake, prompt="third", stream=False, resume=True)
    assert [m["content"] for m in fake.body()["messages"]] == ["first", "one", "third"]


@pytest.mark.parametrize(("ids", "status"), [(["solo"], 0), (["solo", "text-embedding-3-small"], 0), (["a", "b"], 2)])
async def test_the_only_model_needs_no_default(ids: list[str], status: int, tmp_path: Path) -> None:
    fake = FakeProvider([completion("hello")], models=[{"id": id} for id in ids])
    found, desk = await _ask(tmp_path, fake, settings(default_model=None), stream=False)
    assert found == status, desk.remarked
    assert [fake.body()["model"] for _ in fake.seen] == (["solo"] if status == 0 else [])
