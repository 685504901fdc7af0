"""Saved pictures, sounds, videos and vectors: one folder, generated names, bytes unchanged, a quota.

Text of a model or a caller enters a path only as a slug of letters, digits and hyphens.
"""

from __future__ import annotations

import array
import contextlib
import hashlib
import json
import os
import re
import secrets
import sys
import threading
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import anyio.to_thread

from anymodel_mcp.config import Files
from anymodel_mcp.errors import ArgumentError, ConfigError, excerpt
from anymodel_mcp.media.decoding import scale_isolated
from anymodel_mcp.media.downloads import PartFile
from anymodel_mcp.media.images import EXTENSIONS, Scaled, measure
from anymodel_mcp.media.sizes import in_mb
from anymodel_mcp.media.sniff import extension
from anymodel_mcp.media.sounds import measure_sound
from anymodel_mcp.record import record
from anymodel_mcp.types import Json
from anymodel_mcp.wire.audio.formats import ENDINGS
from anymodel_mcp.wire.content.sniff import sniff_media

PREVIEW_EDGE = 512
PREVIEW_BYTES = 200_000

_NAME = re.compile(r"[0-9]{8}-[a-z0-9-]{0,60}-?[0-9a-f]{16}\.[a-z0-9]{1,5}")
_SLUG_CHARS = 40
_MOST_HELD_BYTES = 64 * 2**20
_MOST_OPENED_BYTES = 100_000_000
_YOUNG_S = 86_400
_PART_S = 3600
"""An unfinished file of this age belongs to a process that was killed."""
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_ENDINGS = EXTENSIONS | ENDINGS
_MIMES = {ending: mime for mime, ending in EXTENSIONS.items()} | {
    **{ending: mime for mime, ending in ENDINGS.items()},
    "npy": "application/octet-stream",
    "json": "application/json",
}


@record
class SavedFile:
    """A file in the output folder; `width` and `height` in pixels if it is a picture whose header contains them.

    Attributes:
        duration_s: the length of a sound, if its headers tell it.
        held: it could not be written yet, and is in memory.
    """

    path: Path
    name: str
    mime: str
    bytes: int
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    sample_rate: int | None = None
    held: bool = False


class Artifacts:
    """The output folder; it is not created before the first save.

    Args:
        settings: section [files].
        data_dir: the user's data folder, for when no `output_dir` is configured.
        max_bytes: of all files together; the oldest go first; `None` = as configured.
        max_files: how many files are kept.
        now: the time used in file names.
        salt: makes random bytes for file names.
    """

    def __init__(
        self,
        settings: Files,
        data_dir: Path,
        *,
        max_bytes: int | None = None,
        max_files: int = 1_000,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        salt: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.folder = Path(os.path.expanduser(settings.output_dir)) if settings.output_dir else data_dir / "files"
        self._max_bytes = settings.keep_mb * 1_000_000 if max_bytes is None else max_bytes
        self._max_files = max_files
        self._now = now
        self._salt = salt
        self._lock = threading.Lock()
        self._held: dict[str, bytes] = {}

    async def save_picture(self, content: bytes, *, title: str = "") -> SavedFile:
        """Saves a picture or a sound; type, size and length come from the bytes, never from the provider.

        Args:
            content: the bytes, which are saved unchanged.
            title: words for the file's name, such as the prompt.

        Raises:
            ConfigError: the folder cannot be written.
        """
        return await anyio.to_thread.run_sync(self._save_picture, content, title)

    def hold(self, content: bytes, *, title: str = "") -> SavedFile:
        """Keeps a picture or a sound that could not be saved in memory, under a name like that of a saved one.

        It is saved together with the next file that can be; the oldest are dropped when they become too many.
        """
        file = replace(self._described(content, title), held=True)
        with self._lock:
            self._held[file.name] = content
            while len(self._held) > 1 and sum(map(len, self._held.values())) > _MOST_HELD_BYTES:
                del self._held[next(iter(self._held))]
        return file

    async def save_vectors(self, vectors: Sequence[Sequence[float]], ids: Sequence[str], meta: Json) -> SavedFile:
        """Saves vectors as a `.npy` file of float32 rows, and beside it, same name, a `.json` with the ids and `meta`.

        Raises:
            ArgumentError: the vectors are not all of one length, or not as many as the ids.
            ConfigError: the folder cannot be written.
        """
        return await anyio.to_thread.run_sync(self._save_vectors, vectors, ids, meta)

    async def begin(self, title: str) -> PartFile:
        """Opens a new file in the folder, to be written in pieces; `complete` gives it its name.

        Raises:
            ConfigError: the folder cannot be written.
        """
        return await anyio.to_thread.run_sync(self._begin, title)

    async def complete(self, part: PartFile, mime: str) -> SavedFile:
        """Renames a complete file to its final name.

        Args:
            part: from `begin`.
            mime: its type, which the name's ending shows.

        Raises:
            ConfigError: the folder cannot be written.
        """
        return await anyio.to_thread.run_sync(self._complete, part, mime)

    def describe(self, name: str) -> tuple[str, int] | None:
        """Media type and size of a saved file; `None` = there is none of that name."""
        if _NAME.fullmatch(name):
            with contextlib.suppress(OSError):
                return _mime_of(name), (self.folder / name).stat(follow_symlinks=False).st_size
            if (held := self._held.get(name)) is not None:
                return _mime_of(name), len(held)
        return None

    async def preview(self, content: bytes) -> Scaled:
        """A preview that every host accepts: at most 512 px and 200 kB; if it cannot be made, the reason."""
        return await scale_isolated(content, max_edge=PREVIEW_EDGE, max_bytes=PREVIEW_BYTES)

    async def open_saved(self, name: str) -> tuple[bytes, str]:
        """Returns a saved file's bytes and media type.

        Raises:
            ArgumentError: not a name that this server made, or no such file.
        """
        return await anyio.to_thread.run_sync(self._open_saved, name)

    async def forget(self, text: str, *, count_only: bool = False) -> int:
        """Removes the saved files that a text names; returns their number."""
        found = [self.folder / name for name in dict.fromkeys(_NAME.findall(text))]
        return await anyio.to_thread.run_sync(_remove, [p for p in found if p.is_file()], count_only)

    async def forget_before(self, moment: float, *, count_only: bool = False) -> int:
        """Removes the saved files last changed before a time (seconds since the epoch); returns their number."""
        return await anyio.to_thread.run_sync(_remove, self._older(moment), count_only)

    # --- below: in a worker thread ------------------------------------------------------------------------------------

    def _begin(self, title: str) -> PartFile:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            stem = self._name(self._salt(16), title, "bin").removesuffix(".bin")
            return PartFile(self.folder / f".{stem}.bin.part", stem, self._reserve)
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def _complete(self, part: PartFile, mime: str) -> SavedFile:
        path = self.folder / f"{part.stem}.{extension(mime)}"
        try:
            part.close()
            part.path.replace(path)
        except OSError as exc:
            raise self._unwritable(exc) from exc
        size = measure(part.head) if mime.startswith("image/") else None
        width, height = size or (None, None)
        return SavedFile(path=path, name=path.name, mime=mime, bytes=part.size, width=width, height=height)

    def _reserve(self, size: int) -> None:
        """Makes room for a large file; files of the last day are not removed for it.

        Raises:
            ConfigError: there is no room.
        """
        with self._lock:
            room = self._make_room(size, 1, spare_young=True)
        if not room:
            raise ConfigError(
                f"a file of {in_mb(size)} does not fit: the saved files of the last day leave no room for it within "
                f"files.keep_mb ({self._max_bytes // 1_000_000})",
                fix="Raise files.keep_mb, or remove files from the output folder; the file is at its URL.",
            )

    def _older(self, moment: float) -> list[Path]:
        with contextlib.suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if _NAME.fullmatch(entry.name)
                and entry.is_file(follow_symlinks=False)
                and entry.stat(follow_symlinks=False).st_mtime < moment
            ]
        return []

    def _unwritable(self, exc: OSError) -> ConfigError:
        return ConfigError(
            f"the output folder {str(self.folder)!r} cannot be written: {exc.strerror or exc}",
            fix="Set files.output_dir (or ANYMODEL_FILES_OUTPUT_DIR) to a folder that can be written.",
        )

    def _save_picture(self, content: bytes, title: str) -> SavedFile:
        file = self._described(content, title)
        self._write({file.name: content})
        return file

    def _described(self, content: bytes, title: str) -> SavedFile:
        mime = sniff_media(content)
        size, length = measure(content), measure_sound(content)
        name = self._name(content, title, _ENDINGS[mime] if mime else "bin")
        return SavedFile(
            path=self.folder / name,
            name=name,
            mime=mime or "application/octet-stream",
            bytes=len(content),
            width=size[0] if size else None,
            height=size[1] if size else None,
            duration_s=length.duration_s if length else None,
            sample_rate=length.sample_rate if length else None,
        )

    def _save_vectors(self, vectors: Sequence[Sequence[float]], ids: Sequence[str], meta: Json) -> SavedFile:
        if len(ids) != len(vectors):
            raise ArgumentError(f"{len(vectors)} vectors came for {len(ids)} inputs")
        content = npy_bytes(vectors)
        name = self._name(content, str(meta.get("model", "vectors")), "npy")
        beside = {**meta, "vectors": name, "count": len(vectors), "dimensions": len(vectors[0]) if vectors else 0}
        sidecar = json.dumps({**beside, "ids": list(ids)}, indent=1).encode()
        self._write({name.removesuffix("npy") + "json": sidecar, name: content})
        return SavedFile(path=self.folder / name, name=name, mime=_MIMES["npy"], bytes=len(content))

    def _name(self, content: bytes, title: str, ending: str) -> str:
        # salted: saving one picture twice makes two files, and the name cannot be derived from the picture
        digest = hashlib.sha256(self._salt(16) + content).hexdigest()[:16]
        return "-".join(filter(None, (f"{self._now():%Y%m%d}", _slug(title), digest))) + f".{ending}"

    def _write(self, files: dict[str, bytes]) -> None:
        try:
            with self._lock:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._make_room(sum(map(len, files.values())), len(files))
                for name, content in (*files.items(), *self._held.items()):
                    _write_whole(self.folder / name, content)
                    self._held.pop(name, None)
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def _make_room(self, new_bytes: int, new_files: int, *, spare_young: bool = False) -> bool:
        """Removes the oldest files until the new ones fit; false where that is not enough."""
        found: list[tuple[float, int, Path]] = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                name = entry.name.removeprefix(".").removesuffix(".part")
                if not _NAME.fullmatch(name) or not entry.is_file(follow_symlinks=False):
                    continue  # never files of others
                with contextlib.suppress(FileNotFoundError):  # another process makes room too
                    stat = entry.stat(follow_symlinks=False)
                    if name == entry.name:
                        found.append((stat.st_mtime, stat.st_size, Path(entry.path)))
                    elif stat.st_mtime < self._now().timestamp() - _PART_S:
                        Path(entry.path).unlink()
        total, count = sum(size for _, size, _ in found) + new_bytes, len(found) + new_files
        young = self._now().timestamp() - _YOUNG_S
        for changed, size, path in sorted(found):
            if (total <= self._max_bytes and count <= self._max_files) or (spare_young and changed > young):
                break
            path.unlink(missing_ok=True)
            total, count = total - size, count - 1
        return total <= self._max_bytes

    def _open_saved(self, name: str) -> tuple[bytes, str]:
        if _NAME.fullmatch(name):
            with contextlib.suppress(OSError):
                handle = os.open(self.folder / name, os.O_RDONLY | _NOFOLLOW | _BINARY)
                with os.fdopen(handle, "rb") as file:
                    if (size := os.fstat(handle).st_size) > _MOST_OPENED_BYTES:
                        raise ArgumentError(
                            f"the file has {in_mb(size)}, too much for one answer",
                            fix=f"Open it where it is: {self.folder / name}",
                        )
                    return file.read(), _mime_of(name)
            if (held := self._held.get(name)) is not None:
                return held, _mime_of(name)
        raise ArgumentError(f"there is no saved file {excerpt(name)!r}", fix="Old files are deleted: save it again.")


def _mime_of(name: str) -> str:
    return _MIMES.get(name.rpartition(".")[2], "application/octet-stream")


def npy_bytes(vectors: Sequence[Sequence[float]]) -> bytes:
    """A `.npy` file, version 1.0, of little-endian float32 rows.

    Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html (read 2026-11-21).

    Raises:
        ArgumentError: the vectors are not all of one length.
    """
    width = len(vectors[0]) if vectors else 0
    data = array.array("f")
    for vector in vectors:
        if len(vector) != width:
            raise ArgumentError(f"the vectors differ in length: {width} and {len(vector)}")
        data.extend(vector)  # beyond float32: infinity
    if sys.byteorder == "big":  # pragma: no cover - no such machine runs the tests
        data.byteswap()
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(vectors)}, {width}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data.tobytes()


def _remove(paths: Sequence[Path], count_only: bool) -> int:
    if not count_only:
        for path in paths:
            path.unlink(missing_ok=True)
    return len(paths)


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title[:400]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_CHARS].strip("-")


def _write_whole(path: Path, content: bytes) -> None:
    """Writes the whole file or nothing: under a temporary name, then renamed."""
    part = path.with_name(f".{path.name}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _BINARY, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
