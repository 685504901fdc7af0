"""Servers that recipes need and nobody offers without a key: made for them, after the providers' documentation."""

from __future__ import annotations

import json
from typing import Any

from tests.cases.runner import CASES_FILES, load_cases
from tests.jobs.strict import SOUND, VIDEO, Kling, Service, Suno
from tests.raw_upstream import Answer, Line, Reply, Seen, play
from tests.sockets import converse

Json = dict[str, Any]
SPOKEN = "rl-02"
"""The case with the documented events of a spoken answer."""

# https://platform.claude.com/docs/en/build-with-claude/extended-thinking (read 2026-11-28)
_THOUGHT = "The question is about box 7, so I look it up in the list."
_SIGNATURE = "EqoBCkgIARABGAIiQKzv+Zu0dJ0Tq3x0nV7bM1pQ9c2f4H8oT6yLwS5kA/9JrXeN3uG+Dg=="
_CALL = {"type": "tool_use", "id": "toolu_01", "name": "look_up", "input": {"box": 7}}
_ANSWER = {"type": "text", "text": "Box 7 holds a key."}


def _message(*content: Json, stop: str) -> Json:
    usage = {"input_tokens": 310, "output_tokens": 42}
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": list(content),
        "stop_reason": stop,
        "usage": usage,
    }


async def sign_thoughts(seen: Seen, line: Line) -> None:
    """A Messages API that signs what was thought, and refuses to go on if that does not come back unchanged."""
    thought = {"type": "thinking", "thinking": _THOUGHT, "signature": _SIGNATURE}
    turns: list[Json] = seen.json()["messages"]
    status, body = 200, _message(thought, _CALL, stop="tool_use")
    last: list[Json] | str = turns[-1]["content"]
    if not isinstance(last, str) and any(block.get("type") == "tool_result" for block in last):
        if turns[-2]["content"][:2] == [thought, _CALL]:
            body = _message(_ANSWER, stop="end_turn")
        else:
            told = "messages.1.content.0: Expected `thinking` with the `signature` of the latest assistant message"
            status, body = 400, {"type": "error", "error": {"type": "invalid_request_error", "message": told}}
    headers = {"content-type": "application/json"}
    await play(Reply(status=status, headers=headers, frames=[json.dumps(body).encode()]), line)


async def speak(seen: Seen, line: Line) -> None:
    """A Realtime API that plays the documented events of a spoken answer."""
    case = next(case for case in load_cases(*CASES_FILES) if case["id"] == SPOKEN)
    await converse(seen, line, case["ws"]["recv"])


_MEDIA: dict[str, tuple[type[Service], bytes]] = {"suno": (Suno, SOUND), "kling": (Kling, VIDEO)}
MEDIA = tuple(_MEDIA)
"""The media services."""


def make_media(service: str) -> Answer:
    """A media service that lets each job run for one poll."""
    made, content = _MEDIA[service]
    current = made(files={"/file": content})

    async def answer(seen: Seen, line: Line) -> None:
        nonlocal current
        if seen.method == "POST":
            current = made(files={"/file": content})
        await current.answer(seen, line)

    return answer
