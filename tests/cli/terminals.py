"""Terminals of strings: what a command printed, and whether a person was looking."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from anymodel_mcp.cli.screen import Terminal
from tests.fakes import FakeProvider


class Screen(io.StringIO):
    """A stream that remembers, and may be a person's."""

    def __init__(self, text: str = "", *, tty: bool = False, encoding: str = "utf-8") -> None:
        super().__init__(text)
        self._tty = tty
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] StringIO has None
        return self._encoding

    def isatty(self) -> bool:
        return self._tty


@dataclass(frozen=True, slots=True)
class Desk:
    """A terminal with its two screens."""

    terminal: Terminal
    out: Screen
    err: Screen

    @property
    def said(self) -> str:
        return self.out.getvalue()

    @property
    def remarked(self) -> str:
        return self.err.getvalue()


def make_desk(
    folder: Path,
    *,
    fake: FakeProvider | Callable[[httpx2.Request], Any] | None = None,
    environ: Mapping[str, str] | None = None,
    stdin: str | None = None,
    tty: bool = False,
    encoding: str = "utf-8",
    platform: str = "linux",
) -> Desk:
    """A terminal whose files lie below `folder` and whose providers are `fake` (none: the network)."""
    out, err = Screen(tty=tty, encoding=encoding), Screen(tty=tty, encoding=encoding)
    handler = fake.handle if isinstance(fake, FakeProvider) else fake
    known = {"HOME": str(folder), "ANYMODEL_CONFIG": "", "COLUMNS": "120", "TERM": "xterm"}
    terminal = Terminal(
        environ=known | dict(environ or {}),
        stdin=Screen(stdin) if stdin is not None else None,
        stdout=out,
        stderr=err,
        home=folder,
        platform=platform,
        transport=httpx2.MockTransport(handler) if handler else None,
        data_dir=folder / "data",
    )
    return Desk(terminal, out, err)
