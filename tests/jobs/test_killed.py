"""kill -9 at every step of a media job: one submit is seen, and the next process brings the file or says why not."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from mcp import Client

from tests.fakes import error_of, record_of, text_of
from tests.jobs.strict import VIDEO, Suno
from tests.jobs.test_services import config
from tests.raw_upstream import Line, Reply, Seen, open_upstream, play
from tests.serving import child_environment, open_http_server, write_config
from tests.waiting import HANG_S

Step = Literal["sent", "id read", "stored", "downloading"]


class _Killed(Suno):
    """Sets `reached` at one step of the first process; the second one meets a service that just answers."""

    def __init__(self, step: Step) -> None:
        super().__init__(polls=0)
        self.step = step
        self.reached = anyio.Event()
        self.sent = 0
        self.second = False

    async def answer(self, seen: Seen, line: Line) -> None:
        submit, download = seen.method == "POST", seen.path == "/file"
        self.sent += submit
        stop = {"sent": submit, "id read": submit, "stored": not submit and not download, "downloading": download}
        if self.second or not stop[self.step]:
            await super().answer(seen, line)
            return
        if self.step == "id read":
            await super().answer(seen, line)
        elif self.step == "downloading":
            half = Reply(headers={"content-length": str(len(VIDEO))}, frames=[VIDEO[:2000]], end="stall")
            self.reached.set()
            await play(half, line)
        self.reached.set()
        await line.stall()


@pytest.mark.parametrize("step", ["sent", "id read", "stored", "downloading"])
async def test_a_killed_process_loses_no_job_and_submits_none_again(step: Step, tmp_path: Path) -> None:
    service = _Killed(step)
    with anyio.fail_after(HANG_S * 2):
        async with open_upstream(service.answer) as upstream:
            text = config({"suno": {"base_url": f"{upstream.origin}/v1"}})
            environment = child_environment(write_config(text, tmp_path), tmp_path)
            async with open_http_server(environment, tmp_path) as first, anyio.create_task_group() as group:
                group.start_soon(_call_and_lose, first.url)
                await service.reached.wait()
                if step == "stored":
                    assert _jobs(tmp_path)[0]["task_id"] == "song-1"
                first.process.kill()
                await first.process.wait()
                group.cancel_scope.cancel()
            service.second = True
            handle = _age_heartbeats(tmp_path)
            async with open_http_server(environment, tmp_path) as second, Client(second.url) as client:
                result: Any = await client.call_tool("get_result", {"id": handle, "wait_s": 40})
    assert service.sent == 1
    if step == "sent" or (step == "id read" and result.is_error):  # killed before the answer was read, or just after
        assert error_of(result)["retryable"] is False
        assert "the id of the job is not known" in text_of(result)
        assert "own list of jobs" in text_of(result)
        return
    record = record_of(result)
    assert (record["task_id"], record["status"]) == ("song-1", "complete")
    assert Path(record["media"][0]["path"]).read_bytes() == VIDEO
    assert _jobs(tmp_path) == []


async def _call_and_lose(url: str) -> None:
    try:
        async with Client(url) as client:
            await client.call_tool("create_media", {"service": "suno", "prompt": "x"})
    except Exception:
        pass


def _database(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(next(folder.rglob("anymodel.db")))


def _jobs(folder: Path) -> list[dict[str, Any]]:
    with _database(folder) as connection:
        return [json.loads(row[0]) for row in connection.execute("SELECT content FROM jobs")]


def _age_heartbeats(folder: Path) -> str:
    """Lets the killed process be silent for longer than a living one ever is; gives its call's handle."""
    with _database(folder) as connection:
        connection.execute("UPDATE calls SET beat = beat - 3600")
        ((handle,),) = connection.execute("SELECT id FROM calls").fetchall()
    return handle
