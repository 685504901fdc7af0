"""Pictures that a provider makes in a job: never submitted twice, never lost, continued by any process."""

from __future__ import annotations

import base64
import json
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests.raw_upstream import Line, Reply, Seen, Upstream, open_upstream, play
from tests.rawclient import post_call, text_of_result
from tests.serving import child_environment, open_http_server, write_config
from tests.slow import slow
from tests.waiting import HANG_S

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE = {"b64_json": base64.b64encode(PNG).decode()}


def _reply(body: Any, status: int = 200) -> Reply:
    return Reply(status=status, headers={"content-type": "application/json"}, frames=[json.dumps(body).encode()])


class Maker:
    """An upstream that takes pictures as jobs; `answers` are the polls' answers in turn, the last one repeats."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers)
        self.asked: Counter[str] = Counter()

    async def answer(self, seen: Seen, line: Line) -> None:
        self.asked[seen.path] += 1
        if seen.path == "/v1/images/generations":
            await play(_reply({"task_id": "t-42"}), line)
            return
        assert (seen.path, seen.json()) == ("/v1/tasks", {"id": "t-42", "action": "retrieve"})
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await play(_reply(body, status), line)

    @property
    def submits(self) -> int:
        return self.asked["/v1/images/generations"]


PENDING: tuple[int, Any] = (200, {"id": "t-42", "request": {}})
DONE: tuple[int, Any] = (200, {"response": {"success": True, "data": [PICTURE]}})


def _config(upstream: Upstream, more: str = "", limits: str = "soft_deadline_s = 1") -> str:
    return f"""
[providers.f]
base_url = "{upstream.origin}/v1"
api_key = "sk-test-0123456789"
{more}
[limits]
{limits}
"""


class Caller:
    """Calls tools over connections of their own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = count(1)

    async def __call__(self, tool: str, **arguments: Any) -> Any:
        async with httpx2.AsyncClient(timeout=HANG_S, trust_env=False) as client:
            return await post_call(client, self._url, tool, arguments, number=next(self._numbers))


async def test_a_killed_servers_job_is_continued_by_the_next_one(tmp_path: Path) -> None:
    maker = Maker(PENDING)
    with anyio.fail_after(3 * HANG_S):
        async with open_upstream(maker.answer) as upstream:
            environment = child_environment(write_config(_config(upstream), tmp_path), tmp_path)
            async with open_http_server(environment, tmp_path) as server:
                call = Caller(server.url)
                running = await call("generate_image", model="f/m", prompt="a box")
                record = running["_meta"]["anymodel/result"]
                while not record.get("task_id"):  # the submit is still on its way
                    running = await call("get_result", id=record["result_id"])
                    record = running["_meta"]["anymodel/result"]
                assert (record["status"], record["task_id"]) == ("running", "t-42")
                assert "t-42" in text_of_result(running)
                server.process.kill()
                await server.process.wait()
            maker.answers = [DONE]
            async with open_http_server(environment, tmp_path) as server:
                call = Caller(server.url)
                result = await call("get_result", id=record["result_id"])
                while result["_meta"].get("anymodel/result", {}).get("status") != "complete":
                    await anyio.sleep(0.5)  # the first server counts as running until its heartbeat is old
                    result = await call("get_result", id=record["result_id"], wait_s=1)
                (image,) = result["_meta"]["anymodel/result"]["images"]
                assert Path(image["path"]).read_bytes() == PNG
            assert maker.submits == 1


@pytest.mark.parametrize(
    "failing",
    [(502, {"error": "bad gateway"}), pytest.param((429, {"error": {"message": "slow down"}}), marks=slow)],
)
async def test_polls_that_fail_end_no_job_and_the_deadline_leaves_a_handle(tmp_path: Path, failing: Any) -> None:
    maker = Maker(failing)
    with anyio.fail_after(3 * HANG_S):
        async with open_upstream(maker.answer) as upstream:
            more = "total_timeout_s = 4\nmax_attempts = 1"
            config = _config(upstream, more, limits="soft_deadline_s = 0")
            environment = child_environment(write_config(config, tmp_path), tmp_path)
            async with open_http_server(environment, tmp_path) as server:
                call = Caller(server.url)
                failed = await call("generate_image", model="f/m", prompt="a box")
                error = failed["_meta"]["anymodel/error"]
                assert (error["kind"], error["retryable"], error["task_id"]) == ("timeout", False, "t-42")
                assert f"get_result(id='{error['result_id']}')" in text_of_result(failed)
                maker.answers = [DONE]
                result = await call("get_result", id=error["result_id"])
                assert result["_meta"]["anymodel/result"]["images"]
            assert maker.submits == 1


async def test_a_job_that_failed_is_not_asked_for_again(tmp_path: Path) -> None:
    maker = Maker(PENDING, (200, {"response": {"success": False, "error": {"message": "the worker broke"}}}))
    with anyio.fail_after(2 * HANG_S):
        async with open_upstream(maker.answer) as upstream:
            environment = child_environment(write_config(_config(upstream), tmp_path), tmp_path)
            async with open_http_server(environment, tmp_path) as server:
                call = Caller(server.url)
                result = await call("generate_image", model="f/m", prompt="a box")
                while "anymodel/result" in result["_meta"]:
                    result = await call("get_result", id=result["_meta"]["anymodel/result"]["result_id"])
                error = result["_meta"]["anymodel/error"]
                assert "the worker broke" in error["message"]
                assert (error["kind"], error["task_id"]) == ("task_failed", "t-42")
                assert not error["retryable"]
            assert (maker.submits, maker.asked["/v1/tasks"]) == (1, 2)
