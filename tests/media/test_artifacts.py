from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import anyio
import numpy
import pytest
from PIL import Image

from anymodel_mcp.config import Files
from anymodel_mcp.errors import ArgumentError, ConfigError
from anymodel_mcp.media.artifacts import Artifacts, npy_bytes

TODAY = datetime(2026, 11, 21, tzinfo=UTC)


def png(size: tuple[int, int] = (6, 4)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, "PNG")
    return out.getvalue()


def outputs(folder: Path, max_bytes: int = 10**9, max_files: int = 1000) -> Artifacts:
    return Artifacts(
        Files(output_dir=str(folder)), folder / "unused", max_bytes=max_bytes, max_files=max_files, now=lambda: TODAY
    )


def saved_names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


async def test_nothing_is_made_before_the_first_save(tmp_path: Path) -> None:
    kept = Artifacts(Files(), tmp_path / "data")
    assert list(tmp_path.iterdir()) == []
    saved = await kept.save_picture(png())
    assert saved.path.parent == tmp_path / "data" / "files"


async def test_picture_is_saved_unchanged_with_what_its_bytes_show(tmp_path: Path) -> None:
    saved = await outputs(tmp_path).save_picture(png(), title="A red box")
    assert saved.path.read_bytes() == png()
    assert saved.path.name == saved.name
    assert saved.name.startswith("20261121-a-red-box-")
    assert saved.name.endswith(".png")
    assert (saved.mime, saved.width, saved.height, saved.bytes) == ("image/png", 6, 4, len(png()))


@pytest.mark.parametrize(
    ("content", "mime", "ending"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0", "image/jpeg", "jpg"),
        (b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0", "image/webp", "webp"),
        (b"<svg/>", "image/svg+xml", "svg"),
        (b"<html>504 Gateway Time-out</html>", "application/octet-stream", "bin"),
        (b"", "application/octet-stream", "bin"),
    ],
)
async def test_type_comes_from_the_bytes(tmp_path: Path, content: bytes, mime: str, ending: str) -> None:
    saved = await outputs(tmp_path).save_picture(content)
    assert saved.mime == mime
    assert saved.name.endswith(f".{ending}")
    assert saved.width is None
    assert await outputs(tmp_path).open_saved(saved.name) == (content, mime)


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
async def test_folder_and_files_are_the_users_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    saved = await outputs(folder).save_picture(png())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert saved.path.stat().st_mode & 0o777 == 0o600


TITLES = [
    "",
    "../../etc/passwd",
    "..\\..\\windows",
    "a/b",
    "/etc/cron.d/x",
    "C:\\x",
    "x\0y",
    "con",
    "NUL.png",
    ".bashrc",
    "-rf *",
    "$(reboot)",
    "`id`",
    "a;b|c&d",
    "%2e%2e%2f",
    "\u202egnp.exe",
    "\ud800",
    "日本語の題",
    "Über Größe",
    "🎼" * 100,
    "x" * 10_000,
    "a\nb\r\nc",
    "~/.ssh/id_rsa",
    "file:///etc/passwd",
    "name.png.exe",
]


@pytest.mark.parametrize("title", TITLES)
async def test_no_title_leads_out_of_the_folder(tmp_path: Path, title: str) -> None:
    folder = tmp_path / "out"
    saved = await outputs(folder).save_picture(png(), title=title)
    assert saved_names(tmp_path) == ["out"]
    assert saved_names(folder) == [saved.name]
    assert saved.name.replace("-", "").replace(".", "").isalnum()
    assert saved.name.isascii()
    assert len(saved.name) < 80


async def test_same_picture_twice_is_two_files(tmp_path: Path) -> None:
    kept = outputs(tmp_path)
    first, second = await kept.save_picture(png()), await kept.save_picture(png())
    assert first.name != second.name


BAD_NAMES = [
    "",
    ".",
    "..",
    "../secret",
    "../../etc/passwd",
    "/etc/passwd",
    "secret.txt",
    "20261121-x-0123456789abcdef.png/../../secret",
    "20261121-../x-0123456789abcdef.png",
    "20261121-x-0123456789abcdef.png\0.txt",
    "20261121-x-0123456789abcdef.png\n",
    "20261121-x-0123456789ABCDEF.png",
    "%2e%2e/secret",
    "..%2fsecret",
    "..\\secret",
    "C:\\secret",
    "20261121-link-0123456789abcdef.png",
    "20261121-gone-0123456789abcdef.png",
    "20261121-folder-0123456789abcdef.png",
    ".20261121-x-0123456789abcdef.png.part",
    "~",
    "x" * 100_000,
    "\ud800",
]


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_only_own_files_are_opened(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for secret in (tmp_path / "secret", folder / "secret.txt"):
        secret.write_text("secret", encoding="utf-8")
    (folder / "20261121-link-0123456789abcdef.png").symlink_to(tmp_path / "secret")
    (folder / "20261121-folder-0123456789abcdef.png").mkdir()
    with pytest.raises(ArgumentError, match="no saved file") as caught:
        await outputs(folder).open_saved(name)
    assert len(str(caught.value)) < 1000


async def test_oldest_files_make_room_and_foreign_ones_stay(tmp_path: Path) -> None:
    foreign = tmp_path / "holiday.png"
    foreign.write_bytes(b"x" * 5000)
    os.utime(foreign, (1, 1))
    kept = outputs(tmp_path, max_bytes=3000, max_files=3)
    names: list[str] = []
    for number in range(5):
        saved = await kept.save_picture(b"x" * 900)
        os.utime(saved.path, (number + 10, number + 10))
        names.append(saved.name)
    assert saved_names(tmp_path) == sorted([*names[2:], "holiday.png"])
    large = await kept.save_picture(b"y" * 2500)
    assert saved_names(tmp_path) == sorted([large.name, "holiday.png"])


async def test_unfinished_file_of_a_killed_process_is_removed_in_time(tmp_path: Path) -> None:
    old, young = tmp_path / ".20261121-0123456789abcdef.png.part", tmp_path / ".20261121-fedcba9876543210.png.part"
    foreign = tmp_path / ".holiday.png.part"
    for path, age_s in ((old, 4000), (young, 10), (foreign, 4000)):
        path.touch()
        os.utime(path, (TODAY.timestamp(), TODAY.timestamp() - age_s))
    saved = await outputs(tmp_path).save_picture(png())
    assert saved_names(tmp_path) == sorted([young.name, foreign.name, saved.name])


async def test_file_larger_than_the_quota_is_saved_all_the_same(tmp_path: Path) -> None:
    saved = await outputs(tmp_path, max_bytes=10).save_picture(png())
    assert saved_names(tmp_path) == [saved.name]


async def test_folder_that_cannot_be_made_is_named_with_its_setting(tmp_path: Path) -> None:
    obstacle = tmp_path / "file"
    obstacle.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        await outputs(obstacle).save_picture(png())
    assert str(obstacle) in str(caught.value)
    assert "files.output_dir" in caught.value.failure.fix
    assert obstacle.read_text(encoding="utf-8") == ""


async def test_failed_write_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ConfigError, match="No space left"):
        await outputs(tmp_path).save_picture(png())
    assert saved_names(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="symlinks need rights there")
async def test_link_in_the_place_of_a_new_file_is_not_followed(tmp_path: Path) -> None:
    folder, target = tmp_path / "out", tmp_path / "target"
    folder.mkdir()
    kept = Artifacts(Files(output_dir=str(folder)), tmp_path, now=lambda: TODAY, salt=bytes)
    name = f"20261121-{hashlib.sha256(bytes(16) + png()).hexdigest()[:16]}.png"
    (folder / f".{name}.part").symlink_to(target)
    with pytest.raises(ConfigError):
        await kept.save_picture(png())
    (folder / f".{name}.part").unlink()
    (folder / name).symlink_to(target)
    await kept.save_picture(png())
    assert not target.exists()
    assert (folder / name).read_bytes() == png()


async def test_many_saves_at_once_are_all_whole(tmp_path: Path) -> None:
    kept = outputs(tmp_path)

    async with anyio.create_task_group() as group:
        for _ in range(40):
            group.start_soon(kept.save_picture, png())
    assert len(saved_names(tmp_path)) == 40
    assert all(p.read_bytes() == png() for p in tmp_path.iterdir())


async def test_preview_fits_every_host(tmp_path: Path) -> None:
    found = await outputs(tmp_path).preview(png((2000, 1000)))
    assert found.content is not None
    assert len(found.content) <= 200_000
    broken = await outputs(tmp_path).preview(png()[:36])
    assert broken.content is None
    assert broken.note


@pytest.mark.parametrize(
    "vectors",
    [[[1.0, 2.5], [-3.0, 1e-30]], [[0.1]], [], [[]], [[1.0] * 3072] * 50, [[float("nan"), 1e300, -1e300]]],
    ids=["two", "one", "none", "empty", "many", "extremes"],
)
def test_numpy_reads_the_vectors(vectors: Sequence[Sequence[float]]) -> None:
    loaded = numpy.load(io.BytesIO(npy_bytes(vectors)))
    with numpy.errstate(over="ignore"):
        expected = numpy.array(vectors, dtype="<f4").reshape(len(vectors), len(vectors[0]) if vectors else 0)
    assert loaded.dtype == numpy.dtype("<f4")
    assert loaded.shape == expected.shape
    numpy.testing.assert_array_equal(loaded, expected)


async def test_vectors_lie_beside_their_ids(tmp_path: Path) -> None:
    kept = outputs(tmp_path)
    saved = await kept.save_vectors([[1, 2], [3, 4]], ["first", "zweite \ud800"], {"model": "p/text-embed"})
    assert numpy.load(saved.path).tolist() == [[1, 2], [3, 4]]
    sidecar = json.loads(saved.path.with_suffix(".json").read_text(encoding="utf-8"))
    assert sidecar == {
        "model": "p/text-embed",
        "vectors": saved.name,
        "count": 2,
        "dimensions": 2,
        "ids": ["first", "zweite \ud800"],
    }
    assert (await kept.open_saved(saved.name))[1] == "application/octet-stream"
    assert (await kept.open_saved(saved.path.with_suffix(".json").name))[1] == "application/json"


@pytest.mark.parametrize(
    ("vectors", "ids"),
    [([[1.0, 2.0], [3.0]], ["a", "b"]), ([[1.0]], ["a", "b"]), ([], ["a"])],
    ids=["ragged", "few", "none"],
)
async def test_vectors_that_do_not_fit_are_refused(tmp_path: Path, vectors: list[list[float]], ids: list[str]) -> None:
    with pytest.raises(ArgumentError):
        await outputs(tmp_path).save_vectors(vectors, ids, {})
    assert saved_names(tmp_path) == []
