"""Serves stdio: answers the greeting of a client from prepared bytes, then hands the connection to the server.

Hosts wait for the greeting, some only for a fraction of a second, and importing the server takes half a second. So the
greeting is answered before anything heavy is imported. At the first line that is no part of it (a call, as a rule) the
connection goes to the server for good, which then reads the handshake once more. The server is imported beforehand, in
a thread, when the client has been silent for a second.

Until the handover there is nothing to save: signals and the end of the input end the process at once.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from anymodel_mcp.greeting import listing
from anymodel_mcp.greeting.answers import MOST_BYTES, Greeting
from anymodel_mcp.greeting.quick import read_quickly
from anymodel_mcp.greeting.raw import meant
from anymodel_mcp.greeting.visible import DEFAULT_SET, Visible, instructions, listed_tools
from anymodel_mcp.transports.descriptors import claim, ensure_stdio, flush_stdout
from anymodel_mcp.transports.handover import Handover

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from anymodel_mcp.cli.serve import Prepared

IDLE_S = 1.0
"""How long a client must be silent before the server is imported."""

_READ_BYTES = 1 << 16
_MOST_FILE_BYTES = 1_000_000


def serve_front(config: str | None = None) -> int:
    """Serves one client over stdio; returns the exit status.

    Args:
        config: the configuration file; `None` = the usual one.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        ensure_stdio()
    except OSError as error:
        sys.stderr.write(f"anymodel-mcp: standard input and output cannot be used: {error.strerror or error}\n")
        return 1
    flush_stdout()
    server = Server(config)
    stdin, stdout = claim(0), claim(1)
    return server.take_over(greet(stdin, stdout, server) if is_current() else Handover(stdin, stdout))


def _end(*_: object) -> NoReturn:
    os._exit(0)


def is_current() -> bool:
    """Whether the generated answers belong to the tools that are installed: a new tool must be listed at once."""
    folder = os.path.join(os.path.dirname(__file__), "tools")
    try:
        return made_from(folder) == listing.MADE_FROM
    except OSError:
        return False


def made_from(folder: str) -> str:
    """Returns what tells one set of tools from another: the names of the modules, and the size of their list.

    Raises:
        OSError: the folder cannot be read.
    """
    names = sorted(name for name in os.listdir(folder) if name.endswith(".py"))
    return f"{os.stat(os.path.join(folder, '__init__.py')).st_size} {' '.join(names)}"


def greet(stdin: int, stdout: int, server: Server) -> Handover:
    """Answers the greeting until a line comes that is no part of it. Ends the process when the input ends.

    Args:
        stdin: the descriptor that lines come from.
        stdout: the descriptor that answers go to.
        server: gets ready meanwhile.
    """
    greeting = Greeting(server.shown)
    rest, unknown, data = b"", list[bytes](), b"\n"
    while not unknown and len(rest) <= MOST_BYTES:
        data = _read(stdin)
        *lines, rest = (rest + data).split(b"\n")
        if not data and rest:  # the last line has no end
            lines, rest = [rest], b""
        answers, unknown = _answer(greeting, lines)
        if not data and not unknown:
            answers += greeting.farewell()
        _write(stdout, answers)
        if not data and not unknown:
            _end()
        server.note_line()
    rest = b"\n".join([*unknown, rest])
    return Handover(
        stdin, stdout, replay=greeting.replay, muted=greeting.muted, listening=greeting.listening, rest=rest
    )


def _answer(greeting: Greeting, lines: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """Returns the answers, and the lines from the first one on that is for the server."""
    answers: list[bytes] = []
    for number, line in enumerate(lines):
        answer = greeting.answer(line)
        if answer is None:
            return b"".join(answers), [*lines[number:]]
        answers.append(answer)
    return b"".join(answers), []


def _read(fd: int) -> bytes:
    """Returns the next bytes; empty at the end, which a broken pipe also is."""
    while True:
        try:
            return os.read(fd, _READ_BYTES)
        except BlockingIOError:
            _wait([fd], [])
        except OSError:
            return b""


def _write(fd: int, data: bytes) -> None:
    """Writes everything. Ends the process if the reader has closed the pipe."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            _wait([], [fd])
        except OSError:
            _end()


def _wait(readable: list[int], writable: list[int]) -> None:
    import select  # only for hosts whose pipes do not block

    select.select(readable, writable, [])


class Server:
    """The server that the connection is handed to, from nothing to ready.

    Args:
        config: the configuration file; `None` = the usual one.
    """

    def __init__(self, config: str | None) -> None:
        self._config = config
        self._known: Any = None
        self._preload = "call"
        self._prepared: Prepared | None = None
        self._last_line_at = 0.0
        self._waiting = False
        self._loading = _thread.allocate_lock()

    def shown(self) -> tuple[Visible, str]:
        """Returns what clients see of the configuration, and the instructions."""
        visible = read_visible(os.environ, self._config)
        if visible is not None:
            self._preload = visible.preload
            return visible, instructions(visible, listed_tools(listing.TOOLS, visible))
        with self._loading:  # two threads must not import at once
            return self._read_everything()

    def _read_everything(self) -> tuple[Visible, str]:
        from anymodel_mcp.config import Settings, read_settings
        from anymodel_mcp.errors import ConfigError
        from anymodel_mcp.redact import Redactor, one_line

        settings = Settings()
        try:
            settings = self._known = read_settings(os.environ, self._config)
            if not {*settings.tools.enabled} <= {*listing.TOOLS, DEFAULT_SET}:
                settings = Settings()  # the server finds the wrong name
        except ConfigError as error:
            self._known = error
        visible = settings.visible
        self._preload = visible.preload
        words = instructions(visible, listed_tools(listing.TOOLS, visible), one_line)
        redactor = Redactor(settings.secrets())
        if visible.prompts is not None:
            visible.prompts = {name: redactor.clean(text) for name, text in visible.prompts.items()}
        return visible, redactor.clean(words)

    def note_line(self) -> None:
        """Starts the time after which the server is imported anew."""
        self._last_line_at = time.monotonic()
        if self._preload == "idle" and not self._waiting:
            self._waiting = True
            _thread.start_new_thread(self._load_when_idle, ())

    def _load_when_idle(self) -> None:
        while (left_s := self._last_line_at + IDLE_S - time.monotonic()) > 0:
            time.sleep(left_s)
        from contextlib import suppress

        with suppress(BaseException):  # the first call tries again, and reports it
            self.load()

    def load(self) -> Prepared:
        """Imports and builds the server, once."""
        with self._loading:
            if self._prepared is None:
                from anymodel_mcp.cli.serve import prepare

                self._prepared = prepare(self._config, known=self._known, preload=True)
        return self._prepared

    def take_over(self, handover: Handover) -> int:
        """Serves the connection to its end; returns the exit status."""
        prepared = self.load()
        from anymodel_mcp.cli.serve import run_prepared

        return run_prepared(prepared, handover)


def read_visible(environ: Mapping[str, str], config: str | None) -> Visible | None:
    """Returns what clients see of a simple configuration; `None` = the whole of it must be read."""
    try:
        path = _config_path(environ, config)
        text = _read_text(path)
        if text is None and (config or meant(environ.get("ANYMODEL_CONFIG"))):
            return None
        keys = _read_text(os.path.join(os.path.dirname(path), "keys.json"))
        return read_quickly(environ, _parse(text), keys, listing.PROVIDERS, listing.TOOLS)
    except (OSError, ValueError, RecursionError):
        return None


def _config_path(environ: Mapping[str, str], config: str | None) -> str:
    """Returns where the configuration file is, or would be.

    Raises:
        ValueError: it is not certain.
    """
    named = config or meant(environ.get("ANYMODEL_CONFIG"))
    if named:
        if named.startswith("~") or not (config or os.path.isabs(named)):
            raise ValueError
        return named
    folder = environ.get("XDG_CONFIG_HOME", "")
    home = environ.get("HOME", "")
    if sys.platform != "linux" or "ANDROID_DATA" in environ or not home.startswith("/"):
        import platformdirs  # it knows the other systems

        return f"{platformdirs.user_config_dir('anymodel', appauthor=False)}/config.toml"
    return f"{folder if folder.startswith('/') else f'{home}/.config'}/anymodel/config.toml"


def _read_text(path: str) -> str | None:
    """Returns the text of a file; `None` = there is none."""
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(content) > _MOST_FILE_BYTES:
        raise ValueError
    return content.decode("utf-8-sig")


def _parse(text: str | None) -> Mapping[str, Any]:
    if text is None or not text.strip("\ufeff \t\r\n"):
        return {}
    import tomllib  # only where there is a file

    return tomllib.loads(text.removeprefix("\ufeff"))
