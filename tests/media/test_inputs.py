from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image

from anymodel_mcp.config import Files
from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ArgumentError, ProviderError
from anymodel_mcp.media import SAVED_PREFIX, Inputs

URLS = Dialect()
BYTES = Dialect(vision_urls=False)
RESPONSES = Dialect(file_parts="responses")
NO_FILES = Dialect(file_parts="none")
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj"


def png(size: tuple[int, int] = (6, 4), mode: str = "RGB", kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "red").save(out, kind)
    return out.getvalue()


class World:
    """What can be read: a folder, an internet, saved files; all reading is written down."""

    def __init__(self, folder: Path, web: dict[str, bytes]) -> None:
        self.folder = folder
        self.web = web
        self.fetched: list[str] = []
        self.inputs = Inputs(Files(allowed_dirs=(str(folder),)), open_saved=self.open_saved, fetch=self.fetch)

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if url not in self.web:
            raise ProviderError("gone", kind="upstream", status=404)
        return self.web[url]

    async def open_saved(self, name: str) -> tuple[bytes, str]:
        if name != "mine.png":
            raise ArgumentError("no such file")
        return png(), "image/png"

    def put(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return str(self.folder / name)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, {"https://x.example/cat.png": png(), "https://x.example/doc?sig=a": PDF})


def data_url(content: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def image_of(content: dict[str, Any]) -> tuple[str, bytes]:
    head, _, body = content["image_url"]["url"].partition(";base64,")
    return head.removeprefix("data:"), base64.b64decode(body)


async def test_picture_url_is_handed_on_unchanged_and_not_fetched(world: World) -> None:
    url = "HTTPS://x.example/cat.png?sig=A%2fB"
    part = await world.inputs.image_part(url, URLS)
    assert part.content == {"type": "image_url", "image_url": {"url": url}}
    assert world.fetched == []


async def test_picture_url_becomes_bytes_where_the_provider_takes_no_urls(world: World) -> None:
    part = await world.inputs.image_part("https://x.example/cat.png", BYTES)
    assert image_of(part.content) == ("image/png", png())
    assert part.note == ""


@pytest.mark.parametrize("dialect", [URLS, BYTES], ids=["urls", "bytes"])
async def test_pictures_of_all_origins_become_data_urls(world: World, dialect: Dialect) -> None:
    for ref in (world.put("a.txt", png()), "a.txt", data_url(png(), "image/jpeg"), SAVED_PREFIX + "mine.png"):
        part = await world.inputs.image_part(ref, dialect)
        assert image_of(part.content) == ("image/png", png())


@pytest.mark.parametrize(
    ("content", "mime"),
    [(png((3000, 2000)), "image/jpeg"), (png((3000, 20), "RGBA"), "image/png"), (png(kind="TIFF"), "image/jpeg")],
    ids=["large", "large with transparency", "rare type"],
)
async def test_picture_that_is_too_much_is_scaled_with_a_note(world: World, content: bytes, mime: str) -> None:
    ref = world.put("big.png", content)
    part = await world.inputs.image_part(ref, URLS)
    found, small = image_of(part.content)
    assert found == mime
    with Image.open(io.BytesIO(small)) as picture:
        assert max(picture.size) <= 2048
    assert part.note.startswith("big.png: ")
    assert "scaled to" in part.note
    assert await world.inputs.image_part(ref, BYTES) == part


async def test_broken_picture_goes_to_the_provider_with_a_note(world: World) -> None:
    part = await world.inputs.image_part(world.put("cut.png", png()[:36]), URLS)
    assert image_of(part.content) == ("image/png", png()[:36])
    assert "sent as it is" in part.note


@pytest.mark.parametrize("content", [b"words", PDF, b"\0\1\2\3" * 99, b"<svg/>", b"\0\0\0\x18ftypheic" + b"\0" * 30])
async def test_what_no_model_can_see_is_refused(world: World, content: bytes) -> None:
    ref = world.put("a.png", content)
    with pytest.raises(ArgumentError) as caught:
        await world.inputs.image_part(ref, URLS)
    assert caught.value.failure.param == "images"
    assert "PNG" in caught.value.failure.fix


@pytest.mark.parametrize("ref", ["http://x.example/cat.png", "HTTP://x.example/"])
@pytest.mark.parametrize("dialect", [URLS, BYTES, RESPONSES], ids=["urls", "bytes", "responses"])
async def test_plain_http_is_refused(world: World, ref: str, dialect: Dialect) -> None:
    with pytest.raises(ArgumentError, match="not https"):
        await world.inputs.image_part(ref, dialect)
    with pytest.raises(ArgumentError, match="not https"):
        await world.inputs.file_part(ref, dialect)
    assert world.fetched == []


@pytest.mark.parametrize("ref", ["", "/etc/passwd", "../x", "anymodel://files/other", "data:,", "nowhere.png"])
async def test_refused_references_say_what_to_do(world: World, ref: str) -> None:
    with pytest.raises(ArgumentError):
        await world.inputs.image_part(ref, URLS)


async def test_local_file_is_refused_without_allowed_folders(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    with pytest.raises(ArgumentError) as caught:
        await Inputs(Files()).image_part(str(tmp_path / "a.png"), URLS)
    assert "allowed_dirs" in caught.value.failure.fix
    with pytest.raises(ArgumentError):
        await Inputs(Files()).image_part(SAVED_PREFIX + "mine.png", URLS)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"hello", "File 'a.md':\n```\nhello\n```"),
        ("Die Größe".encode("cp1252"), "File 'a.md':\n```\nDie Größe\n```"),
        (b"x\n````py\n```", "File 'a.md':\n`````\nx\n````py\n```\n`````"),
        (b"<svg/>", "File 'a.md':\n```\n<svg/>\n```"),
    ],
)
@pytest.mark.parametrize("dialect", [URLS, RESPONSES, NO_FILES], ids=["chat", "responses", "none"])
async def test_text_is_inlined_unchanged_with_its_name(
    world: World, content: bytes, text: str, dialect: Dialect
) -> None:
    part = await world.inputs.file_part(world.put("a.md", content), dialect)
    assert part.content == {"type": "text", "text": text}


async def test_document_takes_the_form_of_the_dialect(world: World) -> None:
    ref = world.put("a.pdf", PDF)
    document = {"filename": "a.pdf", "file_data": data_url(PDF, "application/pdf")}
    assert (await world.inputs.file_part(ref, URLS)).content == {"type": "file", "file": document}
    assert (await world.inputs.file_part(ref, RESPONSES)).content == {"type": "input_file", **document}
    with pytest.raises(ArgumentError, match="takes no documents"):
        await world.inputs.file_part(ref, NO_FILES)


async def test_document_url_is_handed_on_where_it_can_be(world: World) -> None:
    url = "https://x.example/doc?sig=a"
    assert (await world.inputs.file_part(url, RESPONSES)).content == {"type": "input_file", "file_url": url}
    assert world.fetched == []
    part = await world.inputs.file_part(url, URLS)
    assert part.content["file"] == {"filename": "doc.pdf", "file_data": data_url(PDF, "application/pdf")}


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://x.example/", "download.pdf"),
        ("https://x.example/a%20b.pdf?x", "a b.pdf"),
        ("https://x.example/%ff.pdf", "\ufffd.pdf"),
        ("https://x.example/" + "x" * 300 + ".pdf", "x" * 96 + ".pdf"),
    ],
)
async def test_fetched_file_is_named_by_its_url(world: World, url: str, name: str) -> None:
    world.web[url] = PDF
    assert (await world.inputs.read(url)).name == name


async def test_picture_among_the_files_is_shown_as_a_picture(world: World) -> None:
    part = await world.inputs.file_part("https://x.example/cat.png", URLS)
    assert image_of(part.content) == ("image/png", png())


async def test_each_reference_is_read_once_however_many_models_ask(world: World) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(world.inputs.image_part, "https://x.example/cat.png", BYTES)
    assert world.fetched == ["https://x.example/cat.png"]


async def test_failed_download_is_told(world: World) -> None:
    with pytest.raises(ProviderError, match="gone"):
        await world.inputs.file_part("https://x.example/absent", URLS)


async def test_empty_file_is_refused(world: World) -> None:
    with pytest.raises(ArgumentError, match="is empty"):
        await world.inputs.file_part(world.put("a.txt", b""), URLS)


async def test_a_document_may_have_fifty_megabytes(world: World) -> None:
    assert len((await world.inputs.read(world.put("a.bin", b"%PDF-" + bytes(49_999_995)))).content) == 50_000_000
    with pytest.raises(ArgumentError, match=r"has 50\.1 MB; at most 50 MB"):
        await world.inputs.read(world.put("b.bin", b"%PDF-" + bytes(49_999_996)))


async def test_a_picture_may_have_twenty(world: World) -> None:
    png = b"\x89PNG\r\n\x1a\n"
    await world.inputs.read(world.put("a.png", png + bytes(19_999_992)))
    with pytest.raises(ArgumentError, match=r"has 20\.1 MB; at most 20 MB"):
        await world.inputs.read(world.put("b.png", png + bytes(19_999_993)))


async def test_fifty_megabytes_are_the_limit_of_one_call(world: World) -> None:
    for number in range(2):
        await world.inputs.read(world.put(f"{number}.txt", b"x" * 20_000_000))
    await world.inputs.read(world.put("10.txt", b"x" * 10_000_000))
    with pytest.raises(ArgumentError, match="50 MB in all"):
        await world.inputs.read(world.put("1 byte.txt", b"x"))
    assert len((await world.inputs.read(str(world.folder / "0.txt"))).content) == 20_000_000


@pytest.mark.parametrize(
    ("name", "wanted"), [("a.png", "a.png"), ("a.PNG", "a.PNG"), ("a.jpg", "a.png"), ("a", "a.png")]
)
async def test_picture_to_edit_keeps_its_bytes_under_a_name_of_its_type(world: World, name: str, wanted: str) -> None:
    content = png((3000, 10))
    found = await world.inputs.picture(world.put(name, content))
    assert (found.name, found.mime, found.content) == (wanted, "image/png", content)


async def test_picture_to_edit_must_be_one(world: World) -> None:
    with pytest.raises(ArgumentError, match="not a picture"):
        await world.inputs.picture(world.put("a.png", b"words"))
