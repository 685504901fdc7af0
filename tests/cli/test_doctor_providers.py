"""The doctor at a provider's bedside: real sockets on loopback, one illness each, the finding and its fix by name."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from anymodel_mcp.cli.doctor import Patience, doctor
from tests.cli.terminals import Desk, make_desk
from tests.fakes import FakeProvider, completion
from tests.raw_upstream import Answer, Line, Reply, Seen, open_upstream, play

KEY = "sk-canary-0123456789abcdef"
JSON = {"content-type": "application/json"}
HTML = Reply(headers={"content-type": "text/html"}, frames=[b"<html><title>Welcome</title><body>Hello</body></html>"])
MODELS = Reply(headers=JSON, frames=[json.dumps({"object": "list", "data": [{"id": "m"}, {"id": "n"}]}).encode()])
NOT_FOUND = Reply(status=404, headers={"content-type": "text/plain"}, frames=[b"404 page not found"])
UNAUTHORISED = Reply(
    status=401, headers=JSON, frames=[json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}"}}).encode()]
)
NO_CREDIT = Reply(
    status=429,
    headers=JSON,
    frames=[json.dumps({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}).encode()],
)
BUSY = Reply(status=503, headers=JSON, frames=[b'{"error": {"message": "warming up"}}'])
SILENT = Reply(end="stall", framing="close")


def _frame(**choice: Any) -> bytes:
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [{"index": 0, **choice}]}).encode() + b"\n\n"


STREAM = Reply(
    headers={"content-type": "text/event-stream"},
    frames=[_frame(delta={"content": "OK"}), _frame(delta={}, finish_reason="stop"), b"data: [DONE]\n\n"],
)
WHOLE = Reply(
    headers=JSON,
    frames=[
        json.dumps(
            {
                "id": "c",
                "choices": [{"index": 0, "message": {"content": "OK"}, "finish_reason": "stop"}],
                "usage": {"total_tokens": 9},
            }
        ).encode()
    ],
)


def _serving(replies: Mapping[str, Reply], otherwise: Reply = NOT_FOUND) -> Answer:
    async def answer(seen: Seen, line: Line) -> None:
        await play(replies.get(seen.path, otherwise), line)

    return answer


def _upstream(replies: Mapping[str, Reply], otherwise: Reply = NOT_FOUND) -> AbstractAsyncContextManager[Any]:
    return open_upstream(_serving(replies, otherwise))


HEALTHY = {"/v1/models": MODELS, "/v1/chat/completions": STREAM}


async def _examine(
    folder: Path,
    base_url: str,
    *,
    environ: Mapping[str, str] | None = None,
    patience: Patience | None = None,
    model: str | None = "m",
    as_json: bool = False,
) -> tuple[int, Desk]:
    known = {
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": base_url,
        "XDG_CONFIG_HOME": str(folder),
        "NO_PROXY": "127.0.0.1",
    }
    if model:
        known["ANYMODEL_MODEL"] = f"openai/{model}"
    config = folder / "config.toml"
    config.touch()
    desk = make_desk(folder, environ=known | {"ANYMODEL_CONFIG": str(config)} | dict(environ or {}))
    status = await doctor(desk.terminal, None, patience=patience or Patience(answer_s=5), as_json=as_json)
    assert KEY not in desk.said + desk.remarked
    return status, desk


async def test_a_healthy_provider_is_called_so(tmp_path: Path) -> None:
    async with _upstream(HEALTHY) as upstream:
        status, desk = await _examine(tmp_path, f"{upstream.origin}/v1")
    assert status == 0, desk.said
    assert "lists 2 models" in desk.said
    assert "the key works: m answers" in desk.said
    assert "to fix" not in desk.said
    body = upstream.seen[-1].json()
    assert (body["stream"], len(body["messages"])) == (True, 1)
    assert body.get("max_tokens", body.get("max_completion_tokens")) == 32


ILLNESSES: dict[str, tuple[str, Mapping[str, Reply], Reply, str, str, int]] = {
    "wrong-key": ("/v1", {}, UNAUTHORISED, "the key is refused", "Check the key: ", 1),
    "key-refused-by-the-model-only": (
        "/v1",
        {"/v1/models": MODELS, "/v1/chat/completions": UNAUTHORISED},
        NOT_FOUND,
        "the key is refused by m",
        "Check the key: ",
        1,
    ),
    "v1-missing": ("", HEALTHY, NOT_FOUND, "is not the base URL of the API", "Set base_url = {origin}/v1", 1),
    "v1-missing-and-html": ("", HEALTHY, HTML, "is not the base URL of the API", "Set base_url = {origin}/v1", 1),
    "v1-too-much": (
        "/v1",
        {"/models": MODELS, "/chat/completions": STREAM},
        NOT_FOUND,
        "is not the base URL of the API",
        "Set base_url = {origin}",
        1,
    ),
    "elsewhere": (
        "/v1",
        {"/api/v1/models": UNAUTHORISED},
        NOT_FOUND,
        "is not the base URL of the API",
        "Set base_url = {origin}/api/v1",
        1,
    ),
    "html-everywhere": ("/v1", {}, HTML, "HTML", "do:", 1),
    "no-list": ("/v1", {"/v1/chat/completions": STREAM}, NOT_FOUND, "has no model list", 'models = ["m", ...]', 0),
    "no-credit": ("/v1", {"/v1/models": MODELS}, NO_CREDIT, "m gave no answer (quota)", "do:", 1),
    "busy": ("/v1", {}, BUSY, "no model list (overloaded)", "warming up", 0),
    "does-not-stream": (
        "/v1",
        {"/v1/models": MODELS, "/v1/chat/completions": WHOLE},
        NOT_FOUND,
        "m answers",
        "but does not stream",
        0,
    ),
}


@pytest.mark.parametrize(
    ("path", "replies", "otherwise", "finding", "fix", "status"), ILLNESSES.values(), ids=ILLNESSES
)
async def test_each_illness_is_named_with_its_fix(
    tmp_path: Path, path: str, replies: Mapping[str, Reply], otherwise: Reply, finding: str, fix: str, status: int
) -> None:
    async with _upstream(replies, otherwise) as upstream:
        found, desk = await _examine(tmp_path, f"{upstream.origin}{path}")
    assert finding in desk.said, desk.said
    assert fix.format(origin=upstream.origin) in desk.said, desk.said
    assert found == status, desk.said


async def test_an_endpoint_that_never_answers_is_given_up(tmp_path: Path) -> None:
    async with _upstream({}, SILENT) as upstream:
        status, desk = await _examine(tmp_path, f"{upstream.origin}/v1", patience=Patience(answer_s=0.2))
    assert status == 1
    assert "0.2 s" in desk.said


async def test_a_model_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    replies = {"/v1/models": MODELS, "/v1/chat/completions": SILENT}
    async with _upstream(replies) as upstream:
        status, desk = await _examine(tmp_path, f"{upstream.origin}/v1", patience=Patience(word_s=0.3))
    assert status == 1
    assert "m gave no answer (timeout): no answer within 0.3 s" in desk.said


async def test_a_slow_endpoint_is_a_warning(tmp_path: Path) -> None:
    async with _upstream(HEALTHY) as upstream:
        status, desk = await _examine(tmp_path, f"{upstream.origin}/v1", patience=Patience(slow_s=0))
    assert status == 0
    assert desk.said.count("slow: ") == 2


async def test_a_closed_port_is_named(tmp_path: Path) -> None:
    async with _upstream(HEALTHY) as upstream:
        origin = upstream.origin
    status, desk = await _examine(tmp_path, f"{origin}/v1")
    assert status == 1
    assert f"no connection to {origin}" in desk.said


async def test_a_name_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    status, desk = await _examine(tmp_path, "https://nobody.invalid/v1")
    assert status == 1
    assert "the name nobody.invalid does not resolve" in desk.said


async def test_a_lookup_that_hangs_is_given_up(tmp_path: Path) -> None:
    status, desk = await _examine(tmp_path, "https://nobody.invalid/v1", patience=Patience(lookup_s=0))
    assert status == 1
    assert "looking up nobody.invalid takes longer than 0 s" in desk.said


async def test_tls_at_a_port_that_speaks_none_is_explained(tmp_path: Path) -> None:
    async with _upstream(HEALTHY) as upstream:
        status, desk = await _examine(tmp_path, f"https://127.0.0.1:{upstream.port}/v1")
    assert status == 1
    assert f"127.0.0.1:{upstream.port} closed the connection in the TLS handshake" in desk.said
    assert "http:// in base_url" in desk.said


async def test_the_proxy_on_the_way_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _upstream({}, BUSY) as upstream:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:hunter22@127.0.0.1:{upstream.port}")
        monkeypatch.delenv("REQUEST_METHOD", raising=False)
        status, desk = await _examine(tmp_path, "http://gateway.invalid/v1")
    assert f"through the proxy http://127.0.0.1:{upstream.port} (HTTP_PROXY)" in desk.said
    assert "hunter22" not in desk.said
    assert status == 0
    assert upstream.seen


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "gopher://127.0.0.1:70"])
async def test_a_proxy_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    status, desk = await _examine(tmp_path, "https://gateway.invalid/v1")
    assert status == 1
    assert f"the proxy {proxy} (ALL_PROXY) cannot be used" in desk.said
    assert "NO_PROXY" in desk.said


async def test_a_key_command_that_fails_is_the_finding_and_runs_once(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"open({str(count)!r}, 'a').write('x'); raise SystemExit(3)"
    async with _upstream(HEALTHY) as upstream:
        config = (
            f'default_model = "work/m"\n[providers.work]\nbase_url = "{upstream.origin}/v1"\n'
            f"api_key_command = {json.dumps([sys.executable, '-c', script])}\n"
        )
        (tmp_path / "config.toml").write_text(config, encoding="utf-8")
        desk = make_desk(tmp_path, environ={"ANYMODEL_CONFIG": str(tmp_path / "config.toml")})
        status = await doctor(desk.terminal, None)
    assert status == 1
    assert "printed no key (exit status 3)" in desk.said
    assert (upstream.seen, count.read_text(encoding="utf-8")) == ([], "x")


async def test_without_list_and_chat_model_the_list_is_the_finding(tmp_path: Path) -> None:
    async with _upstream({}, NOT_FOUND) as upstream:
        status, desk = await _examine(tmp_path, f"{upstream.origin}/v1", model=None)
    assert status == 1
    assert "no model list (" in desk.said
    assert "no chat model" not in desk.said


async def test_a_bare_default_of_the_only_provider_is_asked(tmp_path: Path) -> None:
    async with _upstream(HEALTHY) as upstream:
        environ = {"ANYMODEL_MODEL": "own"}
        await _examine(tmp_path, f"{upstream.origin}/v1", model=None, environ=environ)
    assert upstream.seen[-1].json()["model"] == "own"


async def test_without_a_network_of_its_own_no_name_is_looked_up(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://nobody.invalid/v1", "ANYMODEL_MODEL": "openai/m"}
    fake = FakeProvider([completion("OK")], models=[{"id": "m"}])
    desk = make_desk(tmp_path, fake=fake, environ=environ | {"ANYMODEL_CONFIG": str(tmp_path / "config.toml")})
    assert await doctor(desk.terminal, None) == 0
    assert "lists 1 models" in desk.said


async def test_without_a_chat_model_none_is_asked(tmp_path: Path) -> None:
    models = Reply(headers=JSON, frames=[b'{"data": [{"id": "whisper-1"}, {"id": "text-embedding-3-small"}]}'])
    async with _upstream({"/v1/models": models}) as upstream:
        status, desk = await _examine(tmp_path, f"{upstream.origin}/v1", model=None)
    assert status == 0
    assert "no chat model is known" in desk.said
    assert [seen.method for seen in upstream.seen] == ["GET"]


async def test_the_cheapest_known_chat_model_is_asked(tmp_path: Path) -> None:
    entries = [
        {"id": "dear", "type": "chat", "pricing": {"prompt": "0.001", "completion": "0.002"}},
        {"id": "cheap", "type": "chat", "pricing": {"prompt": "0.000001", "completion": "0.000002"}},
        {"id": "vectors", "type": "embedding"},
    ]
    models = Reply(headers=JSON, frames=[json.dumps({"data": entries}).encode()])
    async with _upstream({"/v1/models": models, "/v1/chat/completions": STREAM}) as upstream:
        await _examine(tmp_path, f"{upstream.origin}/v1", model=None)
    assert upstream.seen[-1].json()["model"] == "cheap"


async def test_without_prices_a_small_name_is_asked(tmp_path: Path) -> None:
    models = Reply(headers=JSON, frames=[b'{"data": [{"id": "gpt-5-pro"}, {"id": "gpt-5-nano"}, {"id": "gpt-5"}]}'])
    async with _upstream({"/v1/models": models, "/v1/chat/completions": STREAM}) as upstream:
        await _examine(tmp_path, f"{upstream.origin}/v1", model=None)
    assert upstream.seen[-1].json()["model"] == "gpt-5-nano"


async def test_json_holds_the_same_findings(tmp_path: Path) -> None:
    async with _upstream({}, UNAUTHORISED) as upstream:
        status, desk = await _examine(tmp_path, f"{upstream.origin}/v1", as_json=True)
    report = json.loads(desk.said)
    assert (status, report["ok"], report["failures"]) == (1, False, 1)
    findings = {s["section"]: s["findings"] for s in report["sections"]}
    assert [f["level"] for f in findings["provider openai"]] == ["ok", "fail"]
    assert "Check the key" in findings["provider openai"][1]["fix"]
