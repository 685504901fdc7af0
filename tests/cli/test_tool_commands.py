"""`image`, `speak`, `transcribe` and `media`: the result on stdout, progress on stderr, a job that outlives Ctrl-C."""

from __future__ import annotations

import base64
import io
import json
import re
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from PIL import Image

from anymodel_mcp.cli.commands import run_command
from anymodel_mcp.cli.media import fetch, make
from tests.cli.terminals import Desk, make_desk
from tests.fakes import FakeProvider, completion, problem, provider, settings
from tests.jobs.strict import KEY, VIDEO, Kling
from tests.raw_upstream import open_upstreams
from tests.waiting import HANG_S

ENVIRON = {
    "OPENAI_API_KEY": "sk-0123456789abcdef",
    "ANYMODEL_MODEL": "openai/gpt-5-mini",
    "ANYMODEL_IMAGE_MODEL": "openai/gpt-image-1",
    "ANYMODEL_SPEECH_MODEL": "openai/gpt-4o-mini-tts",
    "ANYMODEL_TRANSCRIPTION_MODEL": "openai/whisper-1",
}


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(out, "PNG")
    return out.getvalue()


def _wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 8000)
    return out.getvalue()


def _pictures(count: int = 1) -> httpx2.Response:
    data = [{"b64_json": base64.b64encode(_png()).decode()} for _ in range(count)]
    return httpx2.Response(200, json={"created": 1, "data": data})


def _speech() -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "audio/wav"}, content=_wav())


def _run(folder: Path, argv: Sequence[str], *answers: Any, **desk: Any) -> tuple[int, Desk, FakeProvider]:
    fake = FakeProvider(list(answers))
    made = make_desk(folder, fake=fake, environ={**ENVIRON, **desk.pop("environ", {})}, **desk)
    return run_command([*argv], made.terminal), made, fake


def test_a_picture_is_saved_and_its_path_is_all_of_stdout(tmp_path: Path) -> None:
    status, desk, fake = _run(tmp_path, ["image", "a", "fox", "--size", "30x20", "--option", "user=me"], _pictures())
    assert status == 0
    assert Path(desk.said.strip()).read_bytes() == _png()
    assert "30x20 image/png" in desk.remarked
    assert (fake.body()["prompt"], fake.body()["size"], fake.body()["user"]) == ("a fox", "30x20", "me")


def test_results_are_copied_where_the_user_wants_them(tmp_path: Path) -> None:
    target = tmp_path / "fox.png"
    status, desk, _ = _run(tmp_path, ["image", "fox", "-n", "2", "-o", str(target)], _pictures(2))
    assert (status, desk.said.splitlines()) == (0, [str(target), str(tmp_path / "fox-2.png")])
    assert target.read_bytes() == (tmp_path / "fox-2.png").read_bytes() == _png()
    status, desk, fake = _run(tmp_path, ["image", "fox", "-o", str(tmp_path / "missing" / "x.png")], _pictures())
    assert (status, desk.said, fake.seen) == (2, "", [])  # refused before it is paid for
    assert "missing" in desk.remarked


def test_a_picture_is_edited_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(_png())
    status, _, fake = _run(tmp_path, ["image", "bluer", "--image", str(tmp_path / "in.png")], _pictures())
    assert status == 0
    assert fake.seen[0].url.path.endswith("/images/edits")
    status, desk, fake = _run(tmp_path, ["image", "bluer", "--image", "no.png"], _pictures())
    assert (status, fake.seen) == (2, [])
    assert "no.png" in desk.remarked


def test_text_becomes_speech(tmp_path: Path) -> None:
    status, desk, fake = _run(tmp_path, ["speak", "--voice", "alloy"], _speech(), stdin="Dinner is ready.\n")
    assert status == 0
    assert Path(desk.said.strip()).read_bytes() == _wav()
    assert "1.0 s" in desk.remarked
    assert (fake.body()["input"], fake.body()["voice"]) == ("Dinner is ready.", "alloy")


@pytest.mark.parametrize(("form", "shown"), [([], "Open the door.\n"), (["--format", "srt"], "1\n00:00:00,000 -->")])
def test_speech_becomes_text(tmp_path: Path, form: list[str], shown: str) -> None:
    (tmp_path / "talk.wav").write_bytes(_wav())
    segments = [{"id": 0, "start": 0.0, "end": 2.0, "text": " Open the door."}]
    answer = {"task": "transcribe", "language": "en", "duration": 2.0, "text": "Open the door.", "segments": segments}
    reply = httpx2.Response(200, json=answer)
    status, desk, _ = _run(tmp_path, ["transcribe", str(tmp_path / "talk.wav"), *form], reply)
    assert status == 0
    assert desk.said.startswith(shown)


def test_an_answer_is_also_spoken(tmp_path: Path) -> None:
    answers = (completion("Blue."), _speech())
    argv = ["ask", "--no-stream", "why?", "--speak", "-o", str(tmp_path / "answer.wav")]
    status, desk, fake = _run(tmp_path, argv, *answers)
    assert (status, desk.said) == (0, "Blue.\n")
    assert (tmp_path / "answer.wav").read_bytes() == _wav()
    assert str(tmp_path / "answer.wav") in desk.remarked
    assert fake.body()["input"] == "Blue."


def test_an_answer_stays_when_its_speech_fails(tmp_path: Path) -> None:
    status, desk, _ = _run(
        tmp_path, ["ask", "--no-stream", "why?", "--speak"], completion("Blue."), problem(402, "no credit")
    )
    assert (status, desk.said) == (1, "Blue.\n")
    assert "no credit" in desk.remarked


# --- --json ---------------------------------------------------------------------------------------------------------

ANSWERED = {
    "ask": (
        ["ask", "--no-stream", "why?"],
        completion("Blue."),
        {"text", "provider", "model", "usage", "conversation"},
    ),
    "ask --speak": (["ask", "--no-stream", "why?", "--speak"], _speech(), {"text", "speech"}),
    "image": (["image", "fox"], _pictures(), {"text", "images", "provider", "model"}),
    "speak": (["speak", "hi"], _speech(), {"text", "audio"}),
    "models": (["models"], completion(""), {"models", "total"}),
    "usage": (["usage"], completion(""), {"since", "by", "sums"}),
    "doctor": (["doctor", "--offline"], completion(""), {"ok", "failures", "warnings", "sections"}),
    "config show": (["config", "show"], completion(""), {"file", "values", "warnings"}),
    "key list": (["key", "list"], completion(""), {"file", "keys"}),
}


@pytest.mark.parametrize("case", ANSWERED)
def test_json_is_one_value_with_the_documented_keys(case: str, tmp_path: Path) -> None:
    argv, answer, keys = ANSWERED[case]
    answers = (completion("Blue."), answer) if case == "ask --speak" else (answer,)
    _, desk, _ = _run(tmp_path, [*argv, "--json"], *answers)
    assert keys <= set(json.loads(desk.said)), desk.said


BROKEN = {"ANYMODEL_MODEL": "", "OPENAI_API_KEY": "", "ANYMODEL_PROVIDERS_NAME_BASE_URL": "", "OPENAI_BASE_URL": "x y"}
REFUSED: dict[str, tuple[list[str], dict[str, str], int, str]] = {
    "ask": (["ask", "--no-stream", "why?"], {}, 1, "quota"),
    "ask nothing": (["ask"], {}, 2, "invalid_argument"),
    "ask two": (["ask", "--no-stream", "-m", "openai/a", "-m", "openai/b", "why?"], {}, 1, "quota"),
    "image": (["image", "fox"], {}, 1, "quota"),
    "speak": (["speak", "hi"], {}, 1, "quota"),
    "transcribe": (["transcribe", "no.wav"], {}, 2, "invalid_argument"),
    "media": (["media", "la", "--service", "suno"], {}, 2, "config"),
    "media job": (["media", "r-22222222222222222222"], {}, 2, "invalid_argument"),
    "media cancel": (["media", "--cancel"], {}, 2, "invalid_argument"),
    "usage": (["usage", "--since", "soon"], {}, 2, "invalid_argument"),
    "an option": (["models", "--limitt", "3"], {}, 2, "invalid_argument"),
    "the configuration": (["config", "show"], BROKEN, 2, "config"),
    "ask without it": (["ask", "why?"], BROKEN, 2, "config"),
    "a field": (["image", "fox", "--option", "size"], {}, 2, "invalid_argument"),
    "-c": (["ask", "-c", "and then?"], {}, 2, "invalid_argument"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_failure_with_json_is_one_value_too(case: str, tmp_path: Path) -> None:
    argv, environ, expected, kind = REFUSED[case]
    status, desk, _ = _run(tmp_path, [*argv, "--json"], problem(402, "no credit"), environ=environ)
    error = json.loads(desk.said)["error"]
    assert (status, error["kind"]) == (expected, kind), desk.said
    assert error["message"]
    assert "error: " in desk.remarked


# --- jobs -----------------------------------------------------------------------------------------------------------


async def test_a_job_outlives_its_command(tmp_path: Path) -> None:
    """Ctrl-C leaves the job at its provider and names it; its result is had by its id, with one submit in all."""
    service = Kling()
    with anyio.fail_after(HANG_S):
        async with open_upstreams() as upstreams:
            base = f"{upstreams.open(service.answer).origin}/v1"
            chosen = settings(
                provider("kling", base_url=base, api_key=_secret(), services=("kling",)), default_model=None
            )
            desk = make_desk(tmp_path)
            async with anyio.create_task_group() as group:
                scope = anyio.CancelScope()

                async def start() -> None:
                    with scope:
                        await make(
                            desk.terminal,
                            chosen,
                            "create_media",
                            {"prompt": "fox", "model": "kling/kling-v2-6"},
                            {},
                            [],
                            "no result",
                            None,
                        )

                group.start_soon(start)
                while "kling job k1" not in desk.remarked:  # noqa: ASYNC110 a stream has no event
                    await anyio.sleep(0.01)
                scope.cancel()
            found = re.search(r"anymodel-mcp media (r-\w+)\n", desk.remarked)
            assert found, desk.remarked
            assert (desk.said, "--cancel" in desk.remarked) == ("", True)
            again = make_desk(tmp_path)
            status = await fetch(again.terminal, chosen, found[1], cancel=False, output=tmp_path / "fox.mp4")
    assert (status, again.said) == (0, f"{tmp_path / 'fox.mp4'}\n"), again.remarked
    assert (tmp_path / "fox.mp4").read_bytes() == VIDEO
    assert len(service.submits) == 1


def _secret() -> Any:
    from anymodel_mcp.config import Secret

    return Secret(KEY)
