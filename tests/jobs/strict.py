"""Media services on loopback that behave as documented, and refuse every path and field that is not documented.

Sources are those of the rows in `dialects/jobs/`. A service takes jobs, lets each run for a number of polls, and serves
the result at its own address, for its own key only.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.raw_upstream import Line, Reply, Seen, play

Json = dict[str, Any]
KEY = "sk-media-0123456789"
VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 400
SOUND = b"ID3\x04" + bytes(range(256)) * 40
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@dataclass(slots=True)
class Service(ABC):
    """One service.

    Attributes:
        polls: how many polls find the job running.
        submits: bodies of the jobs that were taken, in order.
        cancelled: ids of jobs that were cancelled.
        refused: what was asked for and is not documented.
    """

    polls: int = 1
    submits: list[Json] = field(default_factory=list[Json])
    asked: int = 0
    cancelled: list[str] = field(default_factory=list[str])
    refused: list[str] = field(default_factory=list[str])
    origin: str = ""
    files: Mapping[str, bytes] = field(default_factory=lambda: {"/file": VIDEO})

    async def answer(self, seen: Seen, line: Line) -> None:
        """Answers one request."""
        self.origin = f"http://{seen.headers['host']}"
        if seen.headers.get("authorization") != f"Bearer {KEY}":
            await play(reply({"error": {"message": "no key"}}, 401), line)
            return
        content = self.files.get(seen.path)
        if seen.method == "GET" and content is not None:
            await play(Reply(headers={"content-type": "application/octet-stream"}, frames=[content]), line)
            return
        found = self.respond(seen, self._body(seen))
        if found is None:
            self.refused.append(f"{seen.method} {seen.target} {seen.body[:300]!r}")
            found = {"error": {"message": f"undocumented: {seen.method} {seen.target}"}}, 404
        await play(reply(*found), line)

    def _body(self, seen: Seen) -> Json:
        return seen.json() if seen.body and "json" in seen.headers.get("content-type", "") else {}

    @abstractmethod
    def respond(self, seen: Seen, body: Json) -> tuple[Any, int] | None:
        """The answer and its status; `None` = not documented."""

    def done(self) -> bool:
        """Whether the next poll finds the job ended."""
        self.asked += 1
        return self.asked > self.polls

    def take(self, body: Json, allowed: set[str], required: set[str]) -> bool:
        """Takes a job whose body has only documented fields."""
        if not required <= set(body) or not set(body) <= allowed:
            return False
        self.submits.append(body)
        return True


def reply(value: Any, status: int = 200) -> Reply:
    """A JSON answer."""
    return Reply(status=status, headers={"content-type": "application/json"}, frames=[json.dumps(value).encode()])


class Suno(Service):
    """https://docs.newapi.pro/en/docs/api (Suno)."""

    def respond(self, seen: Seen, body: Json) -> tuple[Any, int] | None:
        fields = {"prompt", "gpt_description_prompt", "mv", "title", "tags", "make_instrumental"}
        if (seen.method, seen.target) == ("POST", "/suno/submit/music") and self.take(body, fields, {"prompt"}):
            return {"code": "success", "message": "", "data": "song-1"}, 200
        if (seen.method, seen.target) != ("GET", "/suno/fetch/song-1"):
            return None
        data: Json = {"task_id": "song-1", "status": "IN_PROGRESS", "progress": "50%", "data": []}
        if self.done():
            song = {"audio_url": f"{self.origin}/file", "video_url": None, "title": "x"}
            data |= {"status": "SUCCESS", "progress": "100%", "data": [song]}
        return {"code": "success", "message": "", "data": data}, 200


class Midjourney(Service):
    """https://github.com/novicezk/midjourney-proxy/blob/main/docs/api.md."""

    def respond(self, seen: Seen, body: Json) -> tuple[Any, int] | None:
        asked = (seen.method, seen.target)
        if asked == ("POST", "/mj/submit/imagine"):
            fields = {"prompt", "base64Array", "botType", "accountFilter", "state", "notifyHook"}
            taken = self.take(body, fields, {"prompt"})
            return ({"code": 1, "description": "ok", "result": 1729}, 200) if taken else None
        if asked == ("POST", "/mj/submit/action"):
            taken = self.take(body, {"taskId", "customId", "state"}, {"taskId", "customId"})
            return ({"code": 22, "description": "queued", "result": "1730"}, 200) if taken else None
        if asked == ("GET", "/mj/task/1730/fetch"):
            return {"id": "1730", "status": "MODAL", "progress": "0%"}, 200
        if asked != ("GET", "/mj/task/1729/fetch"):
            return None
        task: Json = {"id": "1729", "status": "IN_PROGRESS", "progress": "35%", "imageUrl": f"{self.origin}/preview"}
        if self.done():
            buttons = [{"customId": "MJ::JOB::upsample::1::abc", "label": "U1", "emoji": ""}]
            task |= {"status": "SUCCESS", "progress": "100%", "imageUrl": f"{self.origin}/file", "buttons": buttons}
        return task, 200


class Kling(Service):
    """https://app.klingai.com/global/dev/document-api, behind a reseller's /kling."""

    def respond(self, seen: Seen, body: Json) -> tuple[Any, int] | None:
        path = "/kling/v1/videos/text2video"
        fields = {"model_name", "prompt", "negative_prompt", "cfg_scale", "mode", "duration", "aspect_ratio", "sound"}
        if (seen.method, seen.target) == ("POST", path) and self.take(body, fields, {"prompt"}):
            return {"code": 0, "message": "SUCCEED", "request_id": "rq", "data": {"task_id": "k1"}}, 200
        if (seen.method, seen.target) != ("GET", f"{path}/k1"):
            return None
        data: Json = {"task_id": "k1", "task_status": "processing"}
        if self.done():
            data |= {"task_status": "succeed", "task_result": {"videos": [{"id": "v", "url": f"{self.origin}/file"}]}}
        return {"code": 0, "message": "SUCCEED", "request_id": "rq", "data": data}, 200


class Replicate(Service):
    """https://replicate.com/docs/reference/http, behind a reseller's /replicate."""

    def respond(self, seen: Seen, body: Json) -> tuple[Any, int] | None:
        root = "/replicate/v1/predictions"
        asked = (seen.method, seen.target)
        if asked == ("POST", "/replicate/v1/models/owner/name/predictions"):
            taken = self.take(body, {"input", "webhook", "stream"}, {"input"})
            return ({"id": "p1", "status": "starting", "output": None, "urls": {}}, 201) if taken else None
        if asked == ("POST", f"{root}/p1/cancel"):
            self.cancelled.append("p1")
            return {"id": "p1", "status": "canceled"}, 200
        if asked != ("GET", f"{root}/p1"):
            return None
        if self.done():
            return {"id": "p1", "status": "succeeded", "output": [f"{self.origin}/file"]}, 200
        return {"id": "p1", "status": "processing", "output": None}, 200


class Ace(Service):
    """https://docs.acedata.cloud: every service by /SERVICE/..., its jobs by POST /SERVICE/tasks."""

    def respond(self, seen: Seen, body: Json) -> tuple[Any, int] | None:
        asked = (seen.method, seen.target)
        fields = {"prompt", "model", "async", "callback_url", "action", "lyric", "custom", "instrumental", "title"}
        if asked == ("POST", "/suno/audios") and self.take(body, fields, {"prompt", "async"}):
            return {"task_id": "a1", "trace_id": "t"}, 200
        if asked != ("POST", "/suno/tasks") or body != {"id": "a1", "action": "retrieve"}:
            return None
        task: Json = {"id": "a1", "request": {}}
        if self.done():
            task["response"] = {"success": True, "task_id": "a1", "data": [{"audio_url": f"{self.origin}/file"}]}
        return task, 200
