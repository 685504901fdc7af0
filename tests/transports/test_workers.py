"""The HTTP server as processes: one, and several."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest

from anymodel_mcp.config import HttpSettings
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.transports import http
from anymodel_mcp.transports.http import open_socket, run_http, run_worker
from anymodel_mcp.transports.workers import supervise
from tests.transports.servers import Events, build, build_loud
from tests.transports.test_http import ACCEPT, LEGACY, call
from tests.waiting import HANG_S

URL = re.compile(rb"serving on (http://127\.0\.0\.1:\d+)/mcp\n")


class Running:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said = b""

    def read_until(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        assert self.process.stderr is not None
        while not (match := pattern.search(self.said)):
            assert select.select([self.process.stderr], [], [], HANG_S)[0], self.said
            piece = os.read(self.process.stderr.fileno(), 10_000)
            assert piece, self.said
            self.said += piece
        return match


@contextmanager
def running(workers: int) -> Generator[tuple[Running, str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.transports.servers", "http", "0", str(workers)], stderr=subprocess.PIPE
    )
    server = Running(process)
    try:
        yield server, server.read_until(URL)[1].decode()
    finally:
        process.kill()
        process.communicate()


def ask(url: str) -> str:
    headers = {"accept": ACCEPT, "content-type": "application/json", "mcp-protocol-version": LEGACY}
    transport = httpx2.HTTPTransport(retries=5)
    with httpx2.Client(transport=transport, timeout=HANG_S, trust_env=False) as client:
        response = client.post(f"{url}/mcp", json=call(1, "echo", {"text": "hi"}, modern=False), headers=headers)
    assert response.status_code == 200, response.text
    return response.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_a_signal_ends_the_http_process_cleanly(number: signal.Signals) -> None:
    with running(1) as (server, url):
        assert httpx2.get(f"{url}/readyz", trust_env=False).status_code == 200
        server.process.send_signal(number)
        assert server.process.wait(HANG_S) == 0
        server.read_until(re.compile(b"<closed>\n"))


def test_several_workers_are_stateless_and_stop_together() -> None:
    with running(2) as (server, url):
        assert b"share no sessions" in server.said
        for _ in range(6):
            assert '"hi"' in ask(url)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(HANG_S) == 0


def test_a_worker_that_cannot_start_ends_the_server_with_its_status(capfd: pytest.CaptureFixture[str]) -> None:
    with signals_kept():
        assert supervise(partial(int, "7"), 1) == 1
    assert "ended with status 7" in capfd.readouterr().err


def die_and_stop_the_third_time(starts: Path) -> int:
    """Work that ends at once; the third time it stops its supervisor."""
    with starts.open("a", encoding="ascii") as file:
        file.write("x")
    if starts.stat().st_size == 3:
        os.kill(os.getppid(), signal.SIGTERM)
    return 0


def test_a_worker_that_dies_later_is_replaced(tmp_path: Path) -> None:
    with signals_kept():
        assert supervise(partial(die_and_stop_the_third_time, tmp_path / "starts"), 1, too_soon_s=0) == 0
    assert (tmp_path / "starts").stat().st_size >= 3


def stubborn() -> int:
    """Work that does not listen to anybody."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stderr.write("<deaf>\n")
    sys.stderr.flush()
    while True:
        time.sleep(1)


def test_a_worker_that_does_not_stop_is_killed() -> None:
    code = (
        "import sys; from anymodel_mcp.transports import workers; from tests.transports.test_workers import stubborn; "
        "sys.exit(workers.supervise(stubborn, 2, stop_s=0.1))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    server = Running(process)
    server.read_until(re.compile(b"<deaf>\n.*<deaf>\n", re.DOTALL))
    process.send_signal(signal.SIGTERM)
    assert process.wait(HANG_S) == 0
    process.communicate()


@contextmanager
def signals_kept() -> Generator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def test_an_open_address_without_a_token_never_listens() -> None:
    with pytest.raises(ConfigError, match="no token is set"):
        run_http(build_loud, HttpSettings(host="0.0.0.0"))


def test_an_interrupt_where_signals_come_as_exceptions_is_a_normal_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*arguments: object, **named: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(http, "serve_http", interrupted)
    with open_socket("127.0.0.1", 0) as listener:
        assert run_worker(partial(build, Events()), HttpSettings(), listener) == 0
