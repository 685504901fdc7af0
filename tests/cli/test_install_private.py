"""Where a key goes: readable by its owner alone, in every host's file and in every backup, at every moment."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from anymodel_mcp.cli.files import find_backups, replace_file, write_backup
from anymodel_mcp.cli.install.found import locate
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.hosts.table import CONFIGURABLE
from tests.cli.test_install import KEY, entry_in, run, undo

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
LITERAL = [row for row in CONFIGURABLE if row.keys == "literal" or "OPENAI_API_KEY" in row.withheld]
START = {"json": b'{"theme": "dark"}\n', "toml": b'model = "x"\n', "yaml": b"model: x\n"}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def start(row: ConfigurableHost, home: Path, content: bytes | None = None, bits: int = 0o644) -> Path:
    path = locate(row, {}, home, "linux")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(START[row.format] if content is None else content)
    path.chmod(bits)
    return path


def exposed(home: Path) -> list[str]:
    """The files that hold the key and that others can read."""
    files = [p for p in home.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]
    return [str(p) for p in files if mode(p) & 0o077]


@pytest.mark.parametrize("bits", [0o644, 0o664, 0o666, 0o600, 0o640])
@pytest.mark.parametrize("row", LITERAL, ids=lambda row: row.name)
def test_a_file_that_gets_a_key_is_its_owners_alone(row: ConfigurableHost, bits: int, tmp_path: Path) -> None:
    path = start(row, tmp_path, bits=bits)
    run(row.name, tmp_path, write_keys=True)
    assert KEY.encode() in path.read_bytes()
    assert mode(path) == 0o600
    assert [mode(b) for b in find_backups(path)] == [0o600]
    run(row.name, tmp_path, write_keys=True, env={"OPENAI_API_KEY": KEY, "ANYMODEL_MODEL": "m2"})
    assert exposed(tmp_path) == []
    assert len(find_backups(path)) == 2
    undo(row.name, tmp_path)
    assert entry_in(row, path.read_bytes()) is None
    assert exposed(tmp_path) == []


@pytest.mark.parametrize("row", LITERAL, ids=lambda row: row.name)
def test_what_an_earlier_version_left_open_is_closed(row: ConfigurableHost, tmp_path: Path) -> None:
    """A key in a file and in a backup that others can read: the next install or uninstall closes both."""
    path = start(row, tmp_path)
    run(row.name, tmp_path, write_keys=True)
    old = path.with_name(f"{path.name}.anymodel-backup-20200101-000000")
    for again in (lambda: run(row.name, tmp_path), lambda: undo(row.name, tmp_path)):
        content = path.read_bytes()
        old.write_bytes(content)
        old.chmod(0o644)
        path.chmod(0o644)
        screen = again()
        assert exposed(tmp_path) == []
    assert f"  {old}" in screen
    assert "may hold keys" in screen.text


@pytest.mark.parametrize(
    "env",
    [
        {"OPENAI_API_KEY": "plain-word"},
        {"OPENAI_BASE_URL": "http://user:word@gateway.example/v1"},
        {"ANYMODEL_PROVIDERS_X_HEADERS": '{"x-auth": "word"}'},
        {"ANYMODEL_PROVIDERS": '{"x": {"base_url": "https://x.example", "api_key": "word"}}'},
        {"ANYMODEL_MODEL": "sk-0123456789abcdefghijkl"},
    ],
    ids=lambda env: next(iter(env)),
)
def test_a_key_in_any_variable_closes_the_file(env: dict[str, str], tmp_path: Path) -> None:
    path = start(CONFIGURABLE[0], tmp_path)
    run("claude-desktop", tmp_path, write_keys=True, env=env)
    assert mode(path) == 0o600
    assert next(iter(env.values())).encode() not in b"".join(b.read_bytes() for b in find_backups(path))


@pytest.mark.parametrize("row", CONFIGURABLE, ids=lambda row: row.name)
def test_without_a_key_the_mode_stays_and_the_backup_is_private(row: ConfigurableHost, tmp_path: Path) -> None:
    """The rest of the file may hold keys of others."""
    path = start(row, tmp_path, bits=0o640)
    run(row.name, tmp_path)
    assert mode(path) == 0o640
    assert [mode(b) for b in find_backups(path)] == [0o600]


@pytest.mark.parametrize("row", LITERAL, ids=lambda row: row.name)
def test_no_key_goes_where_every_user_can_write(row: ConfigurableHost, tmp_path: Path) -> None:
    path = start(row, tmp_path)
    before = path.read_bytes()
    for bits in (0o777, 0o1777):
        path.parent.chmod(bits)
        with pytest.raises(ConfigError, match="every user can write in") as caught:
            run(row.name, tmp_path, write_keys=True)
        assert "chmod o-w" in caught.value.failure.fix
        assert path.read_bytes() == before
    path.parent.chmod(0o755)
    run(row.name, tmp_path, write_keys=True)
    assert exposed(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("what", ["file", "folder", "link"])
@pytest.mark.parametrize("row", LITERAL, ids=lambda row: row.name)
def test_no_key_goes_to_another_user(row: ConfigurableHost, what: str, tmp_path: Path) -> None:
    path = start(row, tmp_path)
    if what == "link":
        real = tmp_path / "real"
        path.rename(real)
        path.symlink_to(real)
    os.chown(path.parent if what == "folder" else path, 1234, 1234, follow_symlinks=False)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="belongs to another user"):
        run(row.name, tmp_path, write_keys=True)
    assert path.read_bytes() == before
    assert exposed(tmp_path) == []


@pytest.mark.parametrize("row", LITERAL, ids=lambda row: row.name)
def test_a_linked_file_is_closed_where_it_is(row: ConfigurableHost, tmp_path: Path) -> None:
    path = start(row, tmp_path)
    real = tmp_path / "dotfiles" / "real"
    real.parent.mkdir()
    path.rename(real)
    path.symlink_to(real)
    run(row.name, tmp_path, write_keys=True)
    assert path.is_symlink()
    assert mode(real) == 0o600
    real.parent.chmod(0o777)
    undo(row.name, tmp_path)
    with pytest.raises(ConfigError, match="every user can write in"):
        run(row.name, tmp_path, write_keys=True)


def test_a_backup_never_follows_a_link_that_waits_for_it(tmp_path: Path) -> None:
    path, victim = tmp_path / "mcp.json", tmp_path / "victim"
    victim.write_bytes(b"mine")
    victim.chmod(0o644)
    (tmp_path / "mcp.json.anymodel-backup-1").symlink_to(victim)
    (tmp_path / "mcp.json.anymodel-backup-1-2").symlink_to(tmp_path / "nowhere")
    path.write_bytes(b"{}")
    made = write_backup(path, b"{}", "1")
    assert made.name == "mcp.json.anymodel-backup-1-3"
    assert victim.read_bytes() == b"mine"
    assert mode(victim) == 0o644
    assert not (tmp_path / "nowhere").exists()


def test_the_new_text_is_private_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the umask and the mode of the old file: nobody else can open the unfinished file."""
    path = tmp_path / "mcp.json"
    path.write_bytes(b"{}")
    path.chmod(0o666)
    seen: list[int] = []
    sync = os.fsync

    def watched(handle: int) -> None:
        seen.extend(mode(p) for p in tmp_path.iterdir() if p != path)
        sync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    umask = os.umask(0)
    try:
        replace_file(path, KEY.encode(), private=True)
        write_backup(path, b"{}", "1")
    finally:
        os.umask(umask)
    assert seen[0] == 0o600
    assert set(seen) == {0o600}
    assert mode(path) == 0o600


def test_a_file_system_without_modes_gets_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mcp.json"
    path.write_bytes(b"{}")

    def ignored(_self: Path, *_args: Any, **_options: Any) -> None:
        pass

    monkeypatch.setattr(Path, "chmod", ignored)
    real = os.open

    def open_widely(*args: Any, **options: Any) -> int:
        handle = real(*args, **options)
        os.fchmod(handle, 0o755)
        return handle

    monkeypatch.setattr(os, "open", open_widely)
    with pytest.raises(ConfigError, match="does not keep files private"):
        replace_file(path, KEY.encode(), private=True)
    assert [p.name for p in tmp_path.iterdir()] == ["mcp.json"]
    assert path.read_bytes() == b"{}"
