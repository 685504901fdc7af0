"""Runs the commands as a person would, and saves what the terminal shows as SVG in docs/screens.

Everything is real: the embedded model answers; model lists are the recorded bytes of tests/cases, served on loopback.
Only what differs from one machine to the next (ports, folders) is replaced by what a reader would see on his own.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import platformdirs
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "screens"
BIN = Path(sys.executable).parent
WIDTH = 110
QUESTION = "Give me three tips for a good night's sleep."
LISTS = {"openai": "mo-01", "openrouter": "mo-02", "groq": "mo-05", "mistral": "mo-06", "huggingface": "mo-10"}
_DARK = ["#161b22", "#e6edf3"]
_NORMAL = ["#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4"]
_BRIGHT = ["#6e7681", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#ffffff"]
_FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)  # rich's own would be fetched from a web host


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One picture: what is typed, and what the configuration is meanwhile.

    Attributes:
        name: of the file.
        arguments: of the command.
        config: the configuration file.
        answers: what a person types, after which words on the screen; run in tmux.
        folders: of hosts, in the home folder.
    """

    name: str
    arguments: tuple[str, ...]
    config: str = ""
    answers: tuple[tuple[str, str], ...] = ()
    folders: tuple[str, ...] = ()


def recorded_lists() -> dict[str, bytes]:
    """The bodies of recorded model lists, by the path under which they are served."""
    bodies: dict[str, bytes] = {}
    with (ROOT / "tests" / "cases" / "cases.jsonl").open(encoding="utf-8") as lines:
        for case in map(json.loads, lines):
            for provider, wanted in LISTS.items():
                if case["id"] == wanted:
                    bodies[f"/{provider}/v1/models"] = case["http"]["body"].encode()
    return bodies


@contextmanager
def serving(bodies: Mapping[str, bytes]) -> Generator[str]:
    """The origin of a loopback server with these bodies; whatever else is asked for is a web page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path.partition("?")[0])
            self.send_response(200)
            self.send_header("content-type", "application/json" if body else "text/html")
            body = body or b"<html><title>Our gateway</title></html>"
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            if "/v1/" not in self.path:
                self.send_error(404)
                return
            message = {"role": "assistant", "content": "pong"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            body = json.dumps({"id": "c", "choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def screens(origin: str) -> list[Screen]:
    """The pictures of the documentation."""
    local = 'default_model = "local/smollm2-135m-instruct"\n[providers.local]\n'
    lists = "".join(f'[providers.{p}]\nbase_url = "{origin}/{p}/v1"\napi_key = "none"\n' for p in LISTS)
    gateway = f'default_model = "work/gpt-5.2"\n[providers.work]\nbase_url = "{origin}/openai"\napi_key = "none"\n'
    answers = (
        ("OpenAI-compatible API:", f"{origin}/openai/v1"),
        ("A name for it", "work"),
        ("Key for work", "sk-0123456789abcdef"),
        ("Number, id, or", ""),
        ("Add it to which", "cursor"),
        ("Write this?", "y"),
    )
    return [
        Screen(name="demo", arguments=("demo", "--embedded")),
        Screen(name="setup", arguments=("setup",), answers=answers, folders=(".cursor",)),
        Screen(name="ask", arguments=("ask", QUESTION), config=local),
        Screen(name="doctor", arguments=("doctor",), config=gateway),
        Screen(name="models", arguments=("models",), config=lists),
        Screen(name="install", arguments=("install", "cursor", "--dry-run"), config=local),
    ]


def run(screen: Screen, home: Path) -> str:
    """What the command prints, colours included."""
    config = home / ".config" / "anymodel" / "config.toml"
    if screen.config:
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(screen.config, encoding="utf-8")
    for folder in screen.folders:
        (home / folder).mkdir(parents=True)
    if screen.answers:
        return play(screen, home)
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TMPDIR", "LANG") if name in os.environ}
    environ = kept | {
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(Path(platformdirs.user_cache_dir()).absolute()),  # the model is fetched once
        "PYTHONIOENCODING": "utf-8",
        "FORCE_COLOR": "1",
        "TTY_INTERACTIVE": "0",
        "COLUMNS": str(WIDTH),
        "TERM": "xterm-256color",
    }
    done = subprocess.run(
        [sys.executable, "-m", "anymodel_mcp", *screen.arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
        cwd=home,
        timeout=300,
        check=False,
    )
    return done.stdout.decode("utf-8", "replace")


def play(screen: Screen, home: Path) -> str:
    """What a terminal shows after a person has answered the questions of the command."""
    session = f"anymodel-screens-{os.getpid()}"
    tmux = ["tmux", "-L", session]
    environ = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    shell = ["env", "-i", *(f"{name}={value}" for name, value in environ.items()), "sh", "-c"]
    line = f"cd; anymodel-mcp {' '.join(screen.arguments)}; echo; echo END; sleep 600"
    size = ["-x", str(WIDTH), "-y", "100"]
    subprocess.run([*tmux, "new-session", "-d", "-s", session, *size, *shell, line], check=True)
    try:
        for words, answer in screen.answers:
            _shown(tmux, words)
            if answer:
                subprocess.run([*tmux, "send-keys", "-l", answer], check=True)
            subprocess.run([*tmux, "send-keys", "Enter"], check=True)
        return _shown(tmux, "\nEND").partition("\nEND")[0].rstrip()
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def _shown(tmux: list[str], words: str) -> str:
    """The screen, colours included, once it shows these words."""
    for _ in range(600):
        plain = subprocess.run([*tmux, "capture-pane", "-p", "-J"], capture_output=True, check=True).stdout.decode()
        if words in plain:
            return subprocess.run(
                [*tmux, "capture-pane", "-p", "-e", "-J"], capture_output=True, check=True
            ).stdout.decode()
        time.sleep(0.1)
    raise TimeoutError(f"{words!r} never came; the screen shows:\n{plain}")


def neutral(text: str, home: Path, origin: str) -> str:
    """The text as it would be on the reader's machine."""
    text = text.replace(str(home), "~").replace(f"{BIN}/", "~/.local/bin/")
    return text.replace(origin, "http://127.0.0.1:8080")


def theme() -> TerminalTheme:
    """Dark, with colours that are readable on it."""

    def rgb(colours: list[str]) -> list[tuple[int, int, int]]:
        return [(int(c[1:3], 16), int(c[3:5], 16), int(c[5:7], 16)) for c in colours]

    background, foreground = rgb(_DARK)
    return TerminalTheme(background, foreground, rgb(_NORMAL), rgb(_BRIGHT))


def draw(screen: Screen, text: str) -> str:
    """The picture as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    words = [f'"{word}"' if " " in word else word for word in screen.arguments]
    console.print(Text.assemble(("$ ", "bold green"), " ".join(("anymodel-mcp", *words))))
    console.print(Text.from_ansi(text.rstrip()))
    return console.export_svg(
        title=f"anymodel-mcp {screen.arguments[0]}",
        theme=theme(),
        code_format=_FONTS.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code", "ui-monospace, Menlo, Consolas"),
        unique_id=f"anymodel-{screen.name}",
    )


def main(wanted: list[str]) -> int:
    """Makes the pictures that are named, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with serving(recorded_lists()) as origin, tempfile.TemporaryDirectory(prefix="anymodel-screens-") as folder:
        for screen in screens(origin):
            if not wanted or screen.name in wanted:
                home = Path(folder) / screen.name
                home.mkdir()
                path = FOLDER / f"{screen.name}.svg"
                path.write_text(draw(screen, neutral(run(screen, home), home, origin)), encoding="utf-8")
                print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
