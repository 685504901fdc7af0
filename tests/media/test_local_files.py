from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.media import read_local

POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX paths")
CANARY = "canary-5b1f outside of every allowed folder"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`open/` is allowed; everything else holds the canary."""
    home = tmp_path / "home"
    allowed = tmp_path / "open"
    for folder in (
        home / ".ssh",
        allowed / "sub" / "deep",
        allowed / ".hidden",
        allowed / "node",
        tmp_path / "open-not",
    ):
        folder.mkdir(parents=True)
    (allowed / "note.txt").write_text("hello", encoding="utf-8")
    (allowed / "sub" / "deep" / "note.md").write_text("deep", encoding="utf-8")
    (allowed / "with space & ümlaut%20.txt").write_text("odd", encoding="utf-8")
    for path in (
        tmp_path / "secret.txt",
        tmp_path / "open-not" / "note.txt",
        home / "secret.txt",
        home / ".ssh" / "id_rsa",
        allowed / ".env",
        allowed / ".hidden" / "note.txt",
    ):
        path.write_text(CANARY, encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def read(place: Path, path: str) -> bytes:
    return (await read_local(path, [str(place / "open")])).content


GOOD = [
    "{open}/note.txt",
    "  {open}/note.txt  ",
    "note.txt",
    "sub/deep/note.md",
    "./note.txt",
    "sub/../note.txt",
    "{open}/sub/deep/../../note.txt",
    "{open}//note.txt",
    "{open}/./note.txt",
    "file://{open}/note.txt",
    "FILE://localhost{open}/note.txt",
    "file:{open}/note.txt",
    "file://{open}/with%20space%20%26%20%C3%BCmlaut%2520.txt",
    "with space & ümlaut%20.txt",
    "~/../open/note.txt",
    "note.txt/",
]


@POSIX
@pytest.mark.parametrize("path", GOOD)
async def test_file_below_an_allowed_folder_is_read(place: Path, path: str) -> None:
    content = await read(place, path.replace("{open}", str(place / "open")))
    assert content in {b"hello", b"deep", b"odd"}


TRAVERSAL = [
    "../secret.txt",
    "../../secret.txt",
    "sub/../../secret.txt",
    "sub/deep/../../../secret.txt",
    "./../secret.txt",
    ".././secret.txt",
    "..//secret.txt",
    "sub/..//../secret.txt",
    "{open}/../secret.txt",
    "{open}/sub/../../secret.txt",
    "{open}/../open-not/note.txt",
    "{open}-not/note.txt",
    "{open}/../../../../../../../../etc/passwd",
    "../open-not/note.txt",
    "..\\secret.txt",
    "sub\\..\\..\\secret.txt",
    "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt",
    "..%2fsecret.txt",
    "..%5csecret.txt",
    "..%c0%afsecret.txt",
    "..%252fsecret.txt",
    "....//secret.txt",
    "..;/secret.txt",
    ". ./secret.txt",
    "\u2024\u2024/secret.txt",
    "\uff0e\uff0e/secret.txt",
    "..\u2215secret.txt",
    "..\uff0fsecret.txt",
    "secret.txt",
    "{place}/secret.txt",
    "{place}",
    "/",
    "//",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/hosts",
    "/etc/./passwd",
    "/etc/../etc/passwd",
    "//etc/passwd",
    "///etc/passwd",
    "~",
    "~/secret.txt",
    "~/.ssh/id_rsa",
    "~root/.ssh/id_rsa",
    "~root",
    "~+/secret.txt",
    "~-/secret.txt",
    "$HOME/secret.txt",
    "${HOME}/secret.txt",
    "%USERPROFILE%\\secret.txt",
    "`pwd`/secret.txt",
]
URLS = [
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "file://{place}/secret.txt",
    "file://{open}/../secret.txt",
    "file://{open}/%2e%2e/secret.txt",
    "file://{open}%2f..%2fsecret.txt",
    "file://{open}/note.txt%00",
    "file://{open}/note.txt?x=1",
    "file://{open}/note.txt#frag",
    "file://evil.example{open}/note.txt",
    "file://127.0.0.1{open}/note.txt",
    "file://user@localhost{open}/note.txt",
    "file:////server/share/x",
    "file:",
    "file://[::1/note.txt",
    "file://",
    "FILE:///etc/passwd",
    "fIlE:/etc/passwd",
    "file:../secret.txt",
    "jar:file:///etc/passwd",
    "ftp://host/x",
    "gopher://127.0.0.1/",
    "php://filter/resource=/etc/passwd",
    "view-source:file:///etc/passwd",
    "smb://server/share/x",
    "javascript:alert(1)",
    "netdoc:/etc/passwd",
    "anymodel://files/x",
]
DEVICES = [
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/stdin",
    "/dev/fd/0",
    "/dev/tty",
    "/dev/mem",
    "/dev/shm/x",
    "/proc/self/environ",
    "/proc/self/cmdline",
    "/proc/self/fd/0",
    "/proc/self/root/etc/passwd",
    "/proc/self/cwd/secret.txt",
    "/proc/1/environ",
    "/proc/kcore",
    "/sys/kernel/notes",
    "\\\\server\\share\\x",
    "\\\\.\\PhysicalDrive0",
    "\\\\?\\C:\\secret.txt",
    "\\\\127.0.0.1\\c$\\secret.txt",
    "//server/share/x",
    "\\/server/share",
    "/\\server/share",
    "C:\\Windows\\win.ini",
    "C:secret.txt",
    "c:/secret.txt",
    "CON",
    "NUL",
    "COM1",
    "note.txt:stream",
    "note.txt::$DATA",
]
ODD = [
    "",
    " ",
    "\0",
    "note.txt\0",
    "note.txt\0.png",
    "\0note.txt",
    "../secret.txt\0note.txt",
    "note\n.txt",
    "note.txt\x7f",
    "\x1b[31mnote.txt",
    "\ud800",
    "\ud800/note.txt",
    "x" * 5000,
    "a/" * 3000,
    "x" * 300,
    "nowhere.txt",
    "sub",
    "sub/",
    ".",
    "..",
    "...",
    "note.txt/..",
    "note.txt/../../secret.txt",
    "note.txt.",
    "NOTE.TXT/x",
    "*",
    "?",
    "note.*",
    "{a,b}",
    "-",
]
HIDDEN = [
    ".env",
    "./.env",
    "sub/../.env",
    ".ENV",
    ".hidden/note.txt",
    "{open}/.env",
    "file://{open}/.env",
    "file://{open}/%2eenv",
]


@POSIX
@pytest.mark.parametrize("path", [*TRAVERSAL, *URLS, *DEVICES, *ODD, *HIDDEN])
async def test_nothing_outside_the_policy_is_read(place: Path, path: str) -> None:
    text = path.replace("{open}", str(place / "open")).replace("{place}", str(place))
    with pytest.raises(ArgumentError) as caught:
        await read(place, text)
    assert CANARY not in str(caught.value)
    assert caught.value.failure.fix
    assert len(str(caught.value)) < 700


def test_corpus_is_as_large_as_promised() -> None:
    assert len({*TRAVERSAL, *URLS, *DEVICES, *ODD, *HIDDEN}) >= 100


SECRETS = [
    ".env",
    ".env.local",
    ".netrc",
    ".git-credentials",
    ".npmrc",
    "prod.env",
    "app.env.bak",
    "env",
    "id_rsa",
    "ID_RSA",
    "id_ed25519",
    "id_ecdsa.bak",
    "server.pem",
    "SERVER.PEM",
    "tls.key",
    "store.p12",
    "cert.pfx",
    "a.jks",
    "vault.kdbx",
    "putty.ppk",
    "credentials",
    "credentials.json",
    "aws-credentials.csv",
    "secrets.yaml",
    "my_secret.toml",
    "client_secret_123.json",
    "service-account-prod.json",
    "service_account.json",
    "known_hosts",
    "authorized_keys",
    "htpasswd",
    "shadow",
    "terraform.tfstate",
    "prod.tfvars",
    "anymodel.db",
    "anymodel.db-wal",
    "login.keychain-db",
    "Login Data",
    "cookies.sqlite",
    "key4.db",
    "logins.json",
    "wallet.dat",
]


@pytest.mark.parametrize("name", SECRETS)
async def test_names_that_hold_keys_are_refused_even_in_allowed_folders(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(CANARY, encoding="utf-8")
    with pytest.raises(ArgumentError, match="keys or settings"):
        await read_local(name, [str(tmp_path)])


@pytest.mark.parametrize(
    "name",
    ["environment.md", "keyboard.txt", "monkey.png", "secretary.txt", "recipes.pem.md", "envelope.txt", "key.txt"],
)
async def test_harmless_names_are_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("fine", encoding="utf-8")
    assert (await read_local(name, [str(tmp_path)])).content == b"fine"


@pytest.mark.parametrize(
    "content",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nx",
        "text\n-----BEGIN PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "PuTTY-User-Key-File-3: ssh-rsa",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
        f"# created by age-keygen\nAGE-SECRET-KEY-1{'Q' * 58}",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("before", [0, 65_530, 1_000_000])
async def test_private_key_under_a_harmless_name_is_refused(
    tmp_path: Path, content: str, encoding: str, before: int
) -> None:
    (tmp_path / "notes.txt").write_text("x" * before + "\n" + content, encoding=encoding)
    with pytest.raises(ArgumentError, match="keys or settings"):
        await read_local("notes.txt", [str(tmp_path)])


async def test_nothing_is_read_when_nothing_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(CANARY, encoding="utf-8")
    with pytest.raises(ArgumentError, match="not allowed") as caught:
        await read_local(str(tmp_path / "a.txt"), [])
    assert "files.allowed_dirs" in caught.value.failure.fix


@pytest.mark.parametrize(
    "entry", ["", " ", ".", "./", "..", "open", "~nobody-of-that-name/x", "$HOME", "\0", "file:///"]
)
async def test_entry_that_is_no_absolute_folder_allows_nothing(place: Path, entry: str) -> None:
    """Above all not the working directory, which a host chooses."""
    for path in (str(place / "secret.txt"), "secret.txt", "note.txt"):
        with pytest.raises(ArgumentError):
            await read_local(path, [entry])


@POSIX
async def test_allowed_folder_may_be_named_from_home(place: Path) -> None:
    assert (await read_local("note.txt", ["~/../open"])).content == b"hello"


async def test_missing_and_forbidden_files_are_refused_in_the_same_words(place: Path) -> None:
    texts: list[str] = []
    for path in ("secret.txt", "absent.txt"):
        with pytest.raises(ArgumentError) as caught:
            await read(place, str(place / path))
        texts.append(str(caught.value).replace(path.removesuffix(".txt"), ""))  # a long path is cut in its last name
    assert texts[0] == texts[1]


@POSIX
@pytest.mark.parametrize(
    "target",
    [
        "../secret.txt",
        "../../../../../../../etc/passwd",
        "/etc/passwd",
        "../open-not/note.txt",
        "/proc/self/environ",
        "/dev/zero",
        "link",
        "absent",
        ".env",
        ".",
    ],
)
async def test_link_that_leads_out_is_refused(place: Path, target: str) -> None:
    (place / "open" / "link").symlink_to(target)
    with pytest.raises(ArgumentError):
        await read(place, "link")


@POSIX
async def test_folder_link_that_leads_out_is_refused(place: Path) -> None:
    (place / "open" / "sub" / "up").symlink_to("../..")
    with pytest.raises(ArgumentError):
        await read(place, "sub/up/secret.txt")
    assert await read(place, "sub/up/open/note.txt") == b"hello"


@POSIX
async def test_link_within_the_folder_is_followed(place: Path) -> None:
    (place / "open" / "link").symlink_to("sub/deep/note.md")
    assert await read(place, "link") == b"deep"


@POSIX
async def test_allowed_folder_may_itself_be_a_link(place: Path) -> None:
    (place / "alias").symlink_to("open")
    assert (await read_local(str(place / "alias" / "note.txt"), [str(place / "alias")])).content == b"hello"
    assert (await read_local(str(place / "open" / "note.txt"), [str(place / "alias")])).content == b"hello"


async def test_relative_path_is_looked_up_in_each_allowed_folder(place: Path) -> None:
    found = await read_local("note.md", [str(place / "open-not"), str(place / "open" / "sub" / "deep"), "/nowhere"])
    assert (found.name, found.mime, found.content) == ("note.md", "text/plain", b"deep")


@pytest.mark.skipif(sys.platform != "linux", reason="kernel files are Linux")
@pytest.mark.parametrize("path", ["/proc/self/environ", "/proc/version", "/sys/kernel/notes", "/dev/null", "/dev/zero"])
async def test_kernel_files_are_refused_though_everything_is_allowed(path: str) -> None:
    with pytest.raises(ArgumentError):
        await read_local(path, ["/"])


@POSIX
@pytest.mark.parametrize("kind", ["fifo", "socket", "folder"])
async def test_what_is_no_regular_file_is_refused_at_once(place: Path, kind: str) -> None:
    path = place / "open" / "node" / "x"
    listener = socket.socket(socket.AF_UNIX)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        os.chdir(path.parent)  # a socket's path must be short
        listener.bind("x")
    else:
        path.mkdir()
    with pytest.raises(ArgumentError):
        await read(place, "node/x")
    listener.close()


async def test_size_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * 100)
    assert len((await read_local("a.txt", [str(tmp_path)], max_bytes=100)).content) == 100
    with pytest.raises(ArgumentError, match="at most"):
        await read_local("a.txt", [str(tmp_path)], max_bytes=99)


async def test_huge_sparse_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate(10**11)
    with pytest.raises(ArgumentError, match=r"100000 MB; at most 20 MB"):
        await read_local("big.bin", [str(tmp_path)])


@pytest.mark.skipif(sys.platform != "linux", reason="a file that says 0 bytes and gives more is Linux's")
async def test_file_that_gives_more_than_it_says_is_refused() -> None:
    with pytest.raises(ArgumentError, match="at most"):
        await read_local("/proc/self/smaps", ["/proc"], max_bytes=64, kernel_dirs=())


@POSIX
@pytest.mark.skipif(os.name != "nt" and os.geteuid() == 0, reason="root reads everything")
async def test_file_without_rights_is_told(place: Path) -> None:  # pragma: no cover - not as root
    (place / "open" / "note.txt").chmod(0)
    with pytest.raises(ArgumentError, match="cannot be read"):
        await read(place, "note.txt")


@POSIX
@pytest.mark.parametrize(
    ("wanted", "victim", "target"),
    [("note.txt", "note.txt", "../secret.txt"), ("sub/deep/note.md", "sub/deep", "../../open-not")],
    ids=["file", "folder"],
)
async def test_link_put_in_place_after_the_check_is_not_followed(
    place: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, victim: str, target: str
) -> None:
    """The race, made certain: between resolving and opening, the file or its folder becomes a link."""
    path = place / "open" / victim
    resolve = os.path.realpath

    def resolve_and_swap(name: str | Path, *, strict: bool = False) -> str:
        found = resolve(name, strict=strict)
        if strict and not path.is_symlink():
            path.rename(place / "old")
            path.symlink_to(target)
        return found

    monkeypatch.setattr("os.path.realpath", resolve_and_swap)
    with pytest.raises(ArgumentError, match="cannot be read"):
        await read(place, wanted)
    assert path.is_symlink()


@POSIX
async def test_racing_links_never_lead_out(place: Path) -> None:
    """The race as it is: another thread swaps file and link as fast as it can."""
    path, real, link = place / "open" / "flip", place / "open" / "real", place / "open" / "link"
    done = threading.Event()

    def flip() -> None:
        while not done.is_set():
            real.write_text("inside", encoding="utf-8")
            real.replace(path)
            link.symlink_to("../secret.txt")
            link.replace(path)

    thread = threading.Thread(target=flip)
    thread.start()
    seen: set[bytes] = set()
    try:
        for _ in range(400):
            try:
                seen.add(await read(place, "flip"))
            except ArgumentError:
                continue
    finally:
        done.set()
        thread.join()
    assert seen <= {b"inside", b""}


@POSIX
async def test_systems_without_stepwise_open_check_after_opening(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = [str(place / "open")]
    assert (await read_local("note.txt", allowed, stepwise=False)).content == b"hello"
    opened = os.open

    def swap(name: str | Path, flags: int, mode: int = 0o777) -> int:
        handle = opened(name, flags, mode)
        (place / "open" / "new").write_text("another", encoding="utf-8")
        (place / "open" / "new").replace(name)
        return handle

    monkeypatch.setattr("os.open", swap)
    with pytest.raises(ArgumentError, match="changed while"):
        await read_local("note.txt", allowed, stepwise=False)


NAMES = [
    ("Screenshot 2026-08-10 at 9.22.20\u202fPM.png", "Screenshot 2026-08-10 at 9.22.20 PM.png"),
    ("a\u00a0b.txt", "a b.txt"),
    ("a\u3000b.txt", "a b.txt"),
    ("a  b.txt", "a b.txt"),
    ("Cafe\u0301.txt", "Caf\u00e9.txt"),
    ("Caf\u00e9.txt", "Cafe\u0301.txt"),
    ("\uff21\uff22.txt", "AB.txt"),
    ("\u2075 notes.txt", "5 notes.txt"),
]


@pytest.mark.parametrize(("name", "asked"), NAMES)
async def test_a_name_that_looks_the_same_is_found(tmp_path: Path, name: str, asked: str) -> None:
    (tmp_path / "sub").mkdir()
    for folder in (tmp_path, tmp_path / "sub"):
        (folder / name).write_bytes(b"content")
    for path in (asked, f"sub/{asked}", str(tmp_path / asked)):
        file = await read_local(path, [str(tmp_path)])
        assert (file.name, file.content) == (name, b"content")


async def test_folders_with_other_spaces_are_found(tmp_path: Path) -> None:
    (tmp_path / "my\u202ffolder").mkdir()
    (tmp_path / "my\u202ffolder" / "a\u00a0b.txt").write_bytes(b"content")
    assert (await read_local("my folder/a b.txt", [str(tmp_path)])).content == b"content"


async def test_the_exact_name_wins_and_of_several_none_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a\u202fb.txt").write_bytes(b"narrow")
    (tmp_path / "a b.txt").write_bytes(b"plain")
    assert (await read_local("a b.txt", [str(tmp_path)])).content == b"plain"
    (tmp_path / "a b.txt").rename(tmp_path / "a\u00a0b.txt")
    with pytest.raises(ArgumentError, match="no file below an allowed folder"):
        await read_local("a b.txt", [str(tmp_path)])


async def test_the_checks_are_made_on_the_name_that_is_found(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "a\u202fb.txt").write_bytes(b"secret")
    (inside / "link\u202fb.txt").symlink_to(outside / "a\u202fb.txt")
    (inside / "id\uff3frsa").write_bytes(b"secret")
    (inside / "\uff0eenv").write_bytes(b"secret")
    (inside / "key.p\u2071x").write_bytes(b"secret")
    for asked in ("../outside/a b.txt", str(outside / "a b.txt"), "link b.txt"):
        with pytest.raises(ArgumentError, match="no file below an allowed folder"):
            await read_local(asked, [str(inside)])
    (inside / "credentials\u00a0.json").write_bytes(b"secret")
    (inside / "my\u202fkey.pem").write_bytes(b"secret")
    with pytest.raises(ArgumentError, match="is refused"):
        await read_local("my key.pem", [str(inside)])


async def test_the_nearest_name_is_named_only_below_an_allowed_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "report-2026.txt").write_bytes(b"x")
    (outside / "report-2026.txt").write_bytes(b"x")
    with pytest.raises(ArgumentError) as caught:
        await read_local("report-2025.txt", [str(inside)])
    assert "Did you mean 'report-2026.txt'?" in caught.value.failure.fix
    with pytest.raises(ArgumentError) as caught:
        await read_local(str(outside / "report-2025.txt"), [str(inside)])
    assert "Did you mean" not in caught.value.failure.fix
