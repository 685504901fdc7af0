"""`generate_image` through a real client: saved whole, shown small, edited, never paid for twice."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from anymodel_mcp.config import Files, Settings
from tests.fakes import FakeProvider, connect, error_of, images_of, problem, provider, record_of, settings, text_of


def png(width: int = 900, height: int = 600) -> bytes:
    """A picture that does not compress to nothing."""
    picture = Image.effect_noise((width, height), 80).convert("RGB")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def made(*pictures: bytes, **more: Any) -> httpx2.Response:
    """An images answer."""
    data = [{"b64_json": base64.b64encode(p).decode()} for p in pictures]
    return httpx2.Response(200, json={"created": 1, "data": data, **more})


def _settings(**files: Any) -> Settings:
    return settings(provider(), default_image_model="p/pic", files=Files(**files))


async def test_a_picture_is_saved_unchanged_and_shown_small(tmp_path: Path) -> None:
    original = png()
    fake = FakeProvider([made(original, usage={"input_tokens": 5, "output_tokens": 10, "total_tokens": 15})])
    async with connect(fake, tmp_path, _settings()) as client:
        result = await client.call_tool("generate_image", {"prompt": "A red fox", "size": "900x600", "n": 1})
        record = record_of(result)
        entry = record["images"][0]
        assert Path(entry["path"]).read_bytes() == original
        assert "a-red-fox" in entry["path"]
        assert (entry["mime"], entry["width"], entry["height"]) == ("image/png", 900, 600)
        assert record["usage"] == {"input": 5, "output": 10, "total": 15}
        preview = base64.b64decode(images_of(result)[0].data)
        assert len(preview) <= 200_000
        assert max(Image.open(io.BytesIO(preview)).size) <= 512
        link = next(block for block in result.content if block.type == "resource_link")
        read = await client.read_resource(str(link.uri))
        assert base64.b64decode(getattr(read.contents[0], "blob", "")) == original
    assert entry["path"] in text_of(result)
    assert fake.body()["size"] == "900x600"


@pytest.mark.parametrize(("inline", "count"), [("none", 0), ("preview", 1), ("full", 1)])
async def test_inline_says_what_is_shown(tmp_path: Path, inline: str, count: int) -> None:
    original = png(200, 100)
    async with connect(FakeProvider([made(original)]), tmp_path, _settings()) as client:
        result = await client.call_tool("generate_image", {"prompt": "x", "inline": inline})
    shown = images_of(result)
    assert len(shown) == count
    if inline == "full":
        assert base64.b64decode(shown[0].data) == original


async def test_makers_are_named_for_what_was_asked(tmp_path: Path) -> None:
    places = (
        provider(quirks={"lacks": frozenset({"images", "image_edits"})}),
        provider("edits"),
        provider("makes", quirks={"lacks": frozenset({"image_edits"})}),
    )
    lacking = settings(*places, default_image_model="p/pic")
    picture = f"data:image/png;base64,{base64.b64encode(png(8, 8)).decode()}"
    async with connect(FakeProvider([]), tmp_path, lacking) as client:
        made_none = text_of(await client.call_tool("generate_image", {"prompt": "x"}))
        edited_none = text_of(await client.call_tool("generate_image", {"prompt": "x", "images": [picture]}))
    assert "Name a model of another provider: edits, makes." in made_none
    assert "Name a model of another provider: edits." in edited_none


async def test_a_saved_picture_is_edited_by_the_path_that_was_given_out(tmp_path: Path) -> None:
    """No folder is allowed: only files of our own making are read there."""
    original = png(64, 64)
    fake = FakeProvider([made(original), made(png(8, 8))])
    async with connect(fake, tmp_path, _settings()) as client:
        first = await client.call_tool("generate_image", {"prompt": "x"})
        path = Path(record_of(first)["images"][0]["path"])
        edited = await client.call_tool("generate_image", {"prompt": "greener", "images": [str(path)]})
        (path.parent / "notes.txt").write_text("mine", encoding="utf-8")
        other = await client.call_tool("generate_image", {"prompt": "x", "images": [str(path.parent / "notes.txt")]})
        below = str(path.parent / ".." / path.parent.name / path.name)
        crooked = await client.call_tool("generate_image", {"prompt": "x", "images": [below]})
    assert record_of(edited)["images"]
    assert original in fake.seen[1].content
    assert error_of(other)["kind"] == error_of(crooked)["kind"] == "invalid_argument"


async def test_an_edit_sends_the_pictures_as_a_form(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "in.png").write_bytes(png(64, 64))
    fake = FakeProvider([made(png(8, 8))])
    async with connect(fake, tmp_path, _settings(allowed_dirs=(str(folder),))) as client:
        arguments = {"prompt": "greener", "images": [str(folder / "in.png")], "mask": str(folder / "in.png")}
        await client.call_tool("generate_image", arguments)
        outside = await client.call_tool("generate_image", {"prompt": "x", "images": ["/etc/hostname"]})
    request = fake.seen[0]
    assert request.url.path.endswith("/images/edits")
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert request.content.count(b'name="image[]"') == 1
    assert b'name="mask"' in request.content
    assert b"greener" in request.content
    assert error_of(outside)["kind"] == "invalid_argument"
    assert "allowed_dirs" in text_of(outside)
    assert len(fake.seen) == 1


async def test_a_failed_download_is_a_warning_beside_the_url(tmp_path: Path) -> None:
    url = "https://127.0.0.1:9/a.png?sig=a%2Fb+c"
    fake = FakeProvider([httpx2.Response(200, json={"data": [{"url": url}]})])
    async with connect(fake, tmp_path, _settings()) as client:
        result = await client.call_tool("generate_image", {"prompt": "x"})
    record = record_of(result)
    assert record["images"] == [{"url": url}]
    assert any("download failed" in w for w in record["warnings"])
    assert url in text_of(result)
    assert len(fake.seen) == 1


async def test_an_ambiguous_failure_makes_no_second_picture(tmp_path: Path) -> None:
    fake = FakeProvider([httpx2.ReadError("cut")])
    async with connect(fake, tmp_path, _settings()) as client:
        result = await client.call_tool("generate_image", {"prompt": "x"})
    assert error_of(result)["retryable"] is False
    assert len(fake.seen) == 1


async def test_without_a_maker_the_providers_that_make_pictures_are_named(tmp_path: Path) -> None:
    async with connect(FakeProvider([made()]), tmp_path, settings(default_image_model=None)) as client:
        result = await client.call_tool("generate_image", {"prompt": "x"})
    assert "Configured providers that may make pictures: p." in text_of(result)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({"prompt": " "}, "prompt is empty"), ({"prompt": "x", "mask": "m.png"}, "mask"), ({"prompt": "x", "n": 0}, "n ")],
)
async def test_bad_arguments_get_a_sentence(tmp_path: Path, arguments: dict[str, Any], word: str) -> None:
    fake = FakeProvider([made()])
    async with connect(fake, tmp_path, _settings()) as client:
        result = await client.call_tool("generate_image", arguments)
    assert error_of(result)["kind"] == "invalid_argument"
    assert word in text_of(result)
    assert not fake.seen


async def test_a_filtered_picture_is_an_error(tmp_path: Path) -> None:
    fake = FakeProvider([problem(400, "Your request was rejected by the safety system.", code="moderation_blocked")])
    async with connect(fake, tmp_path, _settings()) as client:
        result = await client.call_tool("generate_image", {"prompt": "x"})
    assert error_of(result)["kind"] == "content_filter"


@pytest.mark.parametrize("inline", ["preview", "full", "none"])
async def test_a_folder_that_cannot_be_written_costs_no_picture(tmp_path: Path, inline: str) -> None:
    """The picture is paid for: it is shown and can be read, and it is saved as soon as the folder can be written."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    original = png(64, 64)
    fake = FakeProvider([made(original, png(8, 8))])
    async with connect(fake, tmp_path, _settings(output_dir=str(tmp_path / "file" / "x"))) as client:
        result = await client.call_tool("generate_image", {"prompt": "x", "inline": inline})
        record = record_of(result)
        assert [set(i) for i in record["images"]] == [{"mime", "bytes", "width", "height"}] * 2
        assert all("cannot be written" in w and "files.output_dir" in w for w in record["warnings"])
        assert "cannot be written" in text_of(result)
        assert len(images_of(result)) == (0 if inline == "none" else 2)
        links = [block for block in result.content if block.type == "resource_link"]
        read = await client.read_resource(str(links[0].uri))
        assert base64.b64decode(getattr(read.contents[0], "blob", "")) == original
        assert str(links[0].uri) in text_of(result)
        (tmp_path / "file").unlink()
        await client.call_tool("generate_image", {"prompt": "x"})
    assert original in [path.read_bytes() for path in (tmp_path / "file" / "x").iterdir()]
    assert len(fake.seen) == 2
