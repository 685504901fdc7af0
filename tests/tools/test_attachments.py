"""Pictures and files of a chat through a real client: sent as endpoints take them, refused by policy, kept."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from anymodel_mcp.config import Files, Settings
from tests.fakes import FakeProvider, completion, connect, error_of, problem, provider, record_of, settings, text_of

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def picture(width: int = 40, height: int = 30) -> bytes:
    """A PNG."""
    out = io.BytesIO()
    Image.effect_noise((width, height), 50).save(out, "PNG")
    return out.getvalue()


def data_url(content: bytes, mime: str = "image/png") -> str:
    """Bytes as a data URL."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _settings(folder: Path, **quirks: Any) -> Settings:
    return settings(provider(quirks=quirks), files=Files(allowed_dirs=(str(folder),)))


def _parts(fake: FakeProvider, turn: int = -1) -> list[dict[str, Any]]:
    return fake.body()["messages"][turn]["content"]


async def test_pictures_go_by_url_or_as_data(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    fake = FakeProvider([completion("a cat")])
    refs = ["https://example.com/cat.png?x=1", data_url(picture()), str(tmp_path / "a.png")]
    async with connect(fake, tmp_path / "data", _settings(tmp_path)) as client:
        result = await client.call_tool("chat", {"prompt": "what is it?", "images": refs, "stream": False})
    assert text_of(result) == "a cat"
    parts = _parts(fake)
    assert parts[0] == {"type": "text", "text": "what is it?"}
    urls = [part["image_url"]["url"] for part in parts[1:]]
    assert urls[0] == refs[0]
    assert all(url.startswith("data:image/png;base64,") for url in urls[1:])


async def test_a_large_picture_is_scaled_down_with_a_note(tmp_path: Path) -> None:
    fake = FakeProvider([completion("big")])
    async with connect(fake, tmp_path, settings()) as client:
        arguments = {"prompt": "x", "images": [data_url(picture(3000, 100))], "stream": False}
        result = await client.call_tool("chat", arguments)
    sent = base64.b64decode(_parts(fake)[1]["image_url"]["url"].partition(",")[2])
    assert max(Image.open(io.BytesIO(sent)).size) <= 2048
    assert any("3000" in w for w in record_of(result)["warnings"])


async def test_pictures_join_the_last_turn_of_the_user(tmp_path: Path) -> None:
    fake = FakeProvider([completion("x")])
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "ok"},
        {"role": "user", "content": [{"type": "text", "text": "and this?"}]},
        {"role": "assistant", "content": "hm"},
    ]
    async with connect(fake, tmp_path) as client:
        await client.call_tool("chat", {"messages": messages, "images": ["https://x.test/a.png"], "stream": False})
        assert [p["type"] for p in _parts(fake, 2)] == ["text", "image_url"]
        await client.call_tool(
            "chat",
            {"messages": [{"role": "system", "content": "s"}], "images": ["https://x.test/a.png"], "stream": False},
        )
    assert fake.body()["messages"][1] == {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}],
    }


async def test_text_files_are_inlined_and_documents_are_parts(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Title\nline", encoding="utf-8")
    (tmp_path / "paper.pdf").write_bytes(PDF)
    fake = FakeProvider([completion("read")])
    refs = [str(tmp_path / "notes.md"), str(tmp_path / "paper.pdf")]
    async with connect(fake, tmp_path / "data", _settings(tmp_path)) as client:
        await client.call_tool("chat", {"prompt": "sum up", "files": refs, "stream": False})
    _, text, document = _parts(fake)
    assert "notes.md" in text["text"]
    assert "# Title\nline" in text["text"]
    assert document["file"]["filename"] == "paper.pdf"
    assert document["file"]["file_data"].startswith("data:application/pdf;base64,")


async def test_documents_go_over_the_responses_api_where_chat_takes_none(tmp_path: Path) -> None:
    (tmp_path / "paper.pdf").write_bytes(PDF)
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path / "data", _settings(tmp_path, file_parts="responses")) as client:
        await client.call_tool("chat", {"prompt": "sum up", "files": [str(tmp_path / "paper.pdf")], "stream": False})
    assert fake.seen[0].url.path == "/v1/responses"
    part = fake.body()["input"][-1]["content"][-1]
    assert (part["type"], part["filename"]) == ("input_file", "paper.pdf")


async def test_a_thread_that_holds_a_document_stays_on_the_api_that_took_it(tmp_path: Path) -> None:
    (tmp_path / "paper.pdf").write_bytes(PDF)
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path / "data", _settings(tmp_path, file_parts="responses")) as client:
        asked = {"files": [str(tmp_path / "paper.pdf")], "conversation": "new", "stream": False}
        first = await client.call_tool("chat", {"prompt": "sum up", **asked})
        thread = record_of(first)["conversation"]
        await client.call_tool("chat", {"prompt": "and in one word?", "conversation": thread, "stream": False})
        await client.call_tool("chat", {"prompt": "another question", "stream": False})
    assert [seen.url.path for seen in fake.seen] == ["/v1/responses", "/v1/responses", "/v1/chat/completions"]
    assert fake.body(1)["input"][0]["content"][-1]["type"] == "input_file"


@pytest.mark.parametrize("name", ["notes.txt", "notes.md", "table.csv", "code.py", "data.json"])
async def test_plain_text_needs_no_responses_api(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a,b\n1,2\n", encoding="utf-8")
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path / "data", _settings(tmp_path, file_parts="responses")) as client:
        await client.call_tool("chat", {"prompt": "sum up", "files": [str(tmp_path / name)], "stream": False})
    assert fake.seen[0].url.path == "/v1/chat/completions"
    assert "1,2" in _parts(fake)[-1]["text"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"images": ["/etc/hostname"]}, "allowed_dirs"),
        ({"files": ["/etc/hostname"]}, "allowed_dirs"),
        ({"images": [data_url(b"no picture at all", "image/png")]}, "picture"),
        ({"images": ["data:image/png;base64,%%%"]}, "data URL"),
        ({"files": [data_url(b"\x00\x01\x02binary", "application/zip")]}, "no documents"),
    ],
)
async def test_refusals_are_clear_and_come_before_any_request(
    tmp_path: Path, arguments: dict[str, Any], word: str
) -> None:
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path, settings(provider(quirks={"file_parts": "none"}))) as client:
        result = await client.call_tool("chat", {"prompt": "x", **arguments})
    assert error_of(result)["kind"] == "invalid_argument"
    assert word in text_of(result)
    assert not fake.seen


async def test_a_model_that_cannot_see_is_told_with_those_that_can(tmp_path: Path) -> None:
    models = [{"id": "seer", "architecture": {"input_modalities": ["text", "image"]}}, {"id": "m"}]
    fake = FakeProvider([problem(400, "This model does not support image input")], models=models)
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "x", "images": ["https://x.test/a.png"]})
    assert "p/seer" in text_of(result).partition("Do:")[2]


async def test_a_thread_keeps_pictures_and_documents_by_reference(tmp_path: Path) -> None:
    (tmp_path / "paper.pdf").write_bytes(PDF)
    fake = FakeProvider([completion("one"), completion("two"), completion("three")])
    async with connect(fake, tmp_path / "data", _settings(tmp_path)) as client:
        arguments: dict[str, Any] = {
            "prompt": "a",
            "images": [data_url(picture())],
            "files": [str(tmp_path / "paper.pdf")],
        }
        first = await client.call_tool("chat", {**arguments, "conversation": "new", "stream": False})
        thread = record_of(first)["conversation"]
        kept = (await client.read_resource(f"anymodel://conversations/{thread}")).model_dump_json()
        assert "base64" not in kept
        assert kept.count("anymodel://files/") == 2
        await client.call_tool("chat", {"prompt": "b", "conversation": thread, "stream": False})
        sent = _parts(fake, 0)
        assert sent[1]["image_url"]["url"] == arguments["images"][0]
        assert sent[2]["file"]["file_data"] == data_url(PDF, "application/pdf")
        for file in (tmp_path / "data" / "out").iterdir():
            file.unlink()
        await client.call_tool("chat", {"prompt": "c", "conversation": thread, "stream": False})
    assert [p["type"] for p in _parts(fake, 0)] == ["text", "text", "text"]
    assert "has been deleted" in str(_parts(fake, 0)[1])
