"""Keys in every place that can hold one, every failure driven: no trace of them in what leaves the process."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import httpx2
import pytest

from anymodel_mcp.cli.serve import StderrLines
from anymodel_mcp.config import Limits, Secret, Settings, StoreSettings
from anymodel_mcp.redact import Redactor
from tests.fakes import DONE, chunk, completion, connect, problem, provider, settings, stream
from tests.waiting import HANG_S

PLAIN_KEY = "sk-canary-0123456789abcdefghij"
HEADER = "canary-header-value-998877"
SECRETS = (PLAIN_KEY, HEADER)


def _forms(secret: str) -> set[str]:
    """A secret as it may be echoed: plain, escaped, and in base64 alone or in a header's value."""
    encoded = {base64.b64encode(lead + secret.encode()).decode() for lead in (b"", b":", b"u:", b"Bearer ")}
    escaped = "".join(
        c if c.isalnum() else f"%{ord(c):02x}" for c in secret
    )  # `sk%2dcanary`, as some gateways write it
    every = "".join(f"%{byte:02X}" for byte in secret.encode())
    return {
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        escaped,
        escaped.replace("%2d", "%2D"),
        every,
        *encoded,
    }


def _clean(text: str) -> None:
    """No form of a secret is in the text, nor the middle of one."""
    for secret in SECRETS:
        for form in _forms(secret):
            assert form[12:-8] not in text, form


def _echo(status: int) -> Callable[[httpx2.Request], httpx2.Response]:
    """An upstream that sends back all that it was sent, in every form."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        echoed = " ".join(f"{k}: {v}" for k, v in request.headers.items())
        forms = " ".join(form for secret in SECRETS for form in sorted(_forms(secret)))
        return problem(
            status, f"{echoed} {forms}", {"x-request-id": PLAIN_KEY, "location": f"https://x.test/?k={PLAIN_KEY}"}
        )

    return handle


def _answers_with_keys(_: httpx2.Request) -> httpx2.Response:
    return completion(f"your key is {PLAIN_KEY} and {HEADER}", reasoning_content=PLAIN_KEY)


def _stream_error(_: httpx2.Request) -> httpx2.Response:
    frame = json.dumps({"error": {"message": f"bad {PLAIN_KEY}", "code": PLAIN_KEY}}).encode()
    return stream(chunk(f"half {PLAIN_KEY}"), b"data: " + frame + b"\n\n")


def _split_key(_: httpx2.Request) -> httpx2.Response:
    return stream(chunk(PLAIN_KEY[:9]), chunk(PLAIN_KEY[9:]), chunk(finish="stop"), DONE)


def _not_json(_: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, text=f"<html><title>{PLAIN_KEY}</title></html>", headers={"content-type": "text/html"})


def _network(_: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError(f"cannot connect with {PLAIN_KEY}")


UPSTREAMS: dict[str, Callable[[httpx2.Request], httpx2.Response]] = {
    **{
        f"http {status}": _echo(status)
        for status in (307, 400, 401, 402, 403, 404, 408, 410, 413, 422, 429, 500, 503, 529)
    },
    "answer": _answers_with_keys,
    "stream error": _stream_error,
    "key in pieces": _split_key,
    "html": _not_json,
    "network": _network,
}
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("chat", {"prompt": "x"}),
    ("chat", {"prompt": "x", "models": ["p/a", "p/b"], "stream": False}),
    ("chat", {"prompt": "x", "conversation": "new"}),
    ("complete", {"prompt": "x", "model": "p/m"}),
    ("embed", {"input": ["x"], "model": "p/m"}),
    ("generate_image", {"prompt": "x", "model": "p/m"}),
    ("list_models", {"refresh": True}),
    ("get_result", {"id": PLAIN_KEY}),
)


def _settings() -> Settings:
    place = provider(api_key=Secret(PLAIN_KEY), headers={"x-team": HEADER}, max_attempts=1)
    return settings(place, limits=Limits(max_output_bytes=600), store=StoreSettings())


@pytest.mark.parametrize("upstream", UPSTREAMS, ids=str)
async def test_no_key_leaves_the_process(
    upstream: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    notes: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        notes.append(f"{progress} {total} {message}")

    with caplog.at_level(logging.DEBUG, logger="anymodel_mcp"):
        async with connect(UPSTREAMS[upstream], tmp_path, _settings(), mode="legacy") as client:
            for name, arguments in CALLS:
                result = await client.call_tool(name, arguments, progress_callback=note)
                _clean(result.model_dump_json())
            for uri in ("anymodel://models", "anymodel://conversations", "anymodel://usage"):
                _clean((await client.read_resource(uri)).model_dump_json())
    _clean("".join(notes))
    _clean("".join(capfd.readouterr()))
    formatter = StderrLines(Redactor(SECRETS))
    _clean("\n".join(formatter.format(record) for record in caplog.records))
    for file in [f for f in tmp_path.rglob("*") if f.is_file()]:
        _clean(file.read_bytes().decode("latin-1"))


async def test_settings_show_no_key() -> None:
    configured = _settings()
    _clean(repr(configured) + str(configured))
    _clean(repr(replace(configured, http=replace(configured.http, token=Secret(PLAIN_KEY)))))


async def test_a_key_command_s_key_is_known_to_the_redactor(tmp_path: Path) -> None:
    place = provider(api_key=None, key_command=("printf", "%s", PLAIN_KEY))
    seen: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            seen.append(request.headers["authorization"])
        return problem(401, f"wrong key {PLAIN_KEY}")

    with anyio.fail_after(HANG_S):
        async with connect(handle, tmp_path, settings(place)) as client:
            result = await client.call_tool("chat", {"prompt": "x"})
    assert seen == [f"Bearer {PLAIN_KEY}"]
    _clean(result.model_dump_json())


@pytest.mark.parametrize(
    ("command", "words"),
    [(("false",), "exit status 1"), (("no-such-program-here",), "cannot be run"), (("true",), "no key")],
)
async def test_a_key_command_that_gives_no_key_is_named(tmp_path: Path, command: tuple[str, ...], words: str) -> None:
    place = provider(api_key=None, key_command=command)
    async with connect(lambda _: completion("x"), tmp_path, settings(place)) as client:
        result = await client.call_tool("chat", {"prompt": "x"})
    assert words in result.model_dump_json()
    assert "api_key_command" in result.model_dump_json()


@pytest.mark.parametrize("secret", SECRETS)
def test_every_form_of_a_key_is_removed_wherever_it_stands(secret: str) -> None:
    redactor = Redactor(SECRETS)
    for form in _forms(secret):
        assert form[12:-8] not in redactor.clean(f"before {form} after"), form
