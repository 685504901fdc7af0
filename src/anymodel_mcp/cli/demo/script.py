"""What the demo shows: six things that a host can do with this server, each by real calls."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anyio

from anymodel_mcp.cli.demo.models import DemoModel
from anymodel_mcp.cli.demo.relay import Relay
from anymodel_mcp.cli.demo.screen import Screen, text_of

if TYPE_CHECKING:
    from mcp import Client

CALL_TIMEOUT_S = 120.0
HOST_WAITS_S = 2.0
_CLOSE_S = 10.0
_MARK = " … "  # precedes the newest text in a progress note, see calls/progress.py
_SHOWN_CHARS = 300

BEGINNING = "The lighthouse keeper lit the lamp, looked out over the dark sea and"
QUESTION = "Why is the sky blue? Answer in two sentences."
QUERY = "a sleepy pet"
TEXTS = [
    "The train to Berlin leaves at noon.",
    "Our cat sleeps all day.",
    "Boil the grains in water for fifteen minutes.",
]
PERSON = "Extract the person: Anna Schmidt is 34 years old and lives in Berlin."
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    "required": ["name", "age", "city"],
}
STORY = "Write a bedtime story about a lighthouse keeper and a whale."
LONG = {"prompt": STORY, "temperature": 0, "max_tokens": 400}


async def show_calls(screen: Screen, client: Client, model: DemoModel) -> None:
    """The calls of a host that waits as long as it takes."""
    if model.embedded:
        screen.step(1, "Another model writes. Its words arrive while it does.")
        tool, arguments = "complete", {"prompt": BEGINNING, "temperature": 0, "max_tokens": 60, "stop": ["\n"]}
    else:
        screen.step(1, "Ask another model. Its words arrive while it answers.")
        tool, arguments = "chat", {"prompt": QUESTION, "max_tokens": 300}
    await _stream(screen, client, tool, arguments)
    screen.step(2, "Rank texts by meaning. The vectors never enter the chat, only the ranking does.")
    if model.embedding is None:
        screen.say(f"{model.title} lists no model for embeddings, so this is left out.")
    else:
        await _call(screen, client, "embed", {"query": QUERY, "input": TEXTS})
    screen.step(3, "Get JSON that keeps to a schema. The server checks it.")
    await _call(screen, client, "chat", {"prompt": PERSON, "json_schema": SCHEMA, "temperature": 0, "max_tokens": 200})


async def show_limits(screen: Screen, client: Client, relay: Relay, model: DemoModel) -> None:
    """The calls of a host that gives up after two seconds, or whose user does."""
    screen.step(4, f"A long call outlives the host's patience. This one waits {HOST_WAITS_S:g} seconds.")
    handle, offset = await _call(screen, client, "chat", LONG, most=_SHOWN_CHARS)
    if handle is None:
        screen.say("The model was faster, so there is no id to fetch the rest with.")
    else:
        await _rest(screen, client, handle, offset)
    screen.step(5, "Cancel a call. The connection to the model closes, so nothing more is generated or paid for.")
    await _cancel(screen, client, relay)
    if model.embedded:
        screen.step(6, "What a model cannot do is refused at once, with a way out.")
        await _call(screen, client, "generate_image", {"prompt": "a lighthouse at night"}, refused=True)
    else:
        screen.step(6, "A mistake is answered with a way out, before anything is sent.")
        await _call(screen, client, "chat", {"prompt": "hi", "temprature": 0.2}, refused=True)


async def _stream(screen: Screen, client: Client, tool: str, arguments: Mapping[str, Any]) -> None:
    """Makes a call and prints the text of the progress notes, and the rest from the result."""
    screen.call(tool, arguments)
    shown: list[str] = []

    async def on_note(progress: float, total: float | None, message: str | None) -> None:
        _, mark, words = (message or "").partition(_MARK)
        if mark:
            screen.words(words if shown else words.lstrip())
            shown.append(words)

    result = await client.call_tool(
        tool, dict(arguments), progress_callback=on_note, read_timeout_seconds=CALL_TIMEOUT_S
    )
    screen.words(missing_words(text_of(result), "".join(shown)) if not result.is_error else "")
    screen.end_words()
    screen.result(result, shown=not result.is_error)


def missing_words(text: str, shown: str) -> str:
    """What to print after `shown` to complete `text`: the rest, or the whole text if parts were skipped."""
    flat, head = " ".join(text.split()), shown.strip()
    if not flat.startswith(head):
        return f"\n\nThe whole answer:\n{text.strip()}"
    rest = flat[len(head) :]
    return rest.lstrip() if shown.endswith(" ") else rest


async def _call(
    screen: Screen,
    client: Client,
    tool: str,
    arguments: Mapping[str, Any],
    *,
    refused: bool = False,
    most: int = 2000,
) -> tuple[str | None, int]:
    """Makes a call and shows its result; returns the id and the offset of the rest, if there is one."""
    screen.call(tool, arguments)
    result = await client.call_tool(tool, dict(arguments), read_timeout_seconds=CALL_TIMEOUT_S)
    screen.result(result, refused=refused, most=most)
    record: Mapping[str, Any] = (result.meta or {}).get("anymodel/result", {})
    handle = record.get("result_id") if record.get("status") == "running" else None
    return handle, len(text_of(result).partition("\n\n[")[0])


async def _rest(screen: Screen, client: Client, handle: str, offset: int) -> None:
    """Fetches the rest of a call, as often as the host's two seconds make it necessary."""
    arguments = {"id": handle, "offset": offset}
    screen.call("get_result", arguments)
    while True:
        result = await client.call_tool("get_result", arguments, read_timeout_seconds=CALL_TIMEOUT_S)
        record: Mapping[str, Any] = (result.meta or {}).get("anymodel/result", {})
        if result.is_error or record.get("status") != "running":
            screen.result(result, most=_SHOWN_CHARS)
            return


async def _cancel(screen: Screen, client: Client, relay: Relay) -> None:
    """Makes a call and cancels it, as a host does, when its first words have arrived."""
    screen.call("chat", LONG)
    began, closed = 0.0, anyio.Event()
    with anyio.move_on_after(CALL_TIMEOUT_S) as scope:

        async def on_note(progress: float, total: float | None, message: str | None) -> None:
            nonlocal began, closed
            _, mark, words = (message or "").partition(_MARK)
            if mark and not scope.cancel_called:
                screen.say(f"{words.strip()} …")
                began, closed = time.monotonic(), relay.answering or closed
                scope.cancel()

        await client.call_tool("chat", dict(LONG), progress_callback=on_note)
    with anyio.move_on_after(_CLOSE_S):
        await closed.wait()
    if closed.is_set():
        screen.say(f"[cancelled; the connection to the model was closed {time.monotonic() - began:.2f} s later]")
    else:
        screen.failed = True
        screen.say("[cancelled, but the connection to the model is still open: please report this]")
