"""A scripted model behind the APIs that host programs speak: it calls our `chat` tool once, then says what came back.

Loopback only. It stands in for the paid model that drives a host, so that a host runs with no account and no network.
A second face of it, POST /upstream/v1/chat/completions, is the model behind our own server: it streams WORDS slowly.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

WORDS = ("Seven", "quick", "foxes", "were", "counted", "by", "the", "other", "model.")
QUESTION = "How many quick foxes are there?"
ARGUMENTS = {"prompt": QUESTION, "max_tokens": 40}
REPLY = "The other model answered: "


def texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def tool_names(tools: list[Any], space: str = "") -> Iterator[tuple[str, str]]:
    """(namespace, name) of each tool offered, whatever the API."""
    for tool in tools:
        if tool.get("type") == "namespace":
            yield from tool_names(tool.get("tools", []), tool["name"])
        elif "functionDeclarations" in tool:
            yield from tool_names(tool["functionDeclarations"])
        else:
            yield space, tool.get("name") or tool.get("function", {}).get("name", "")


def find_chat(tools: list[Any]) -> tuple[str, str] | None:
    """Our tool among those offered: prefixed by the host, or bare."""
    offered = list(tool_names(tools))
    ours = [t for t in offered if t[1].endswith("chat") and ("anymodel" in t[0] + t[1] or t[1] == "chat")]
    return ours[0] if ours else None


class Model(BaseHTTPRequestHandler):
    """One request to the scripted model."""

    protocol_version = "HTTP/1.1"
    log: ClassVar[list[dict[str, Any]]] = []
    lock = threading.Lock()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        """Lists of models."""
        self.answer({"object": "list", "data": [{"id": "fake", "object": "model"}]})

    def do_POST(self) -> None:
        """One turn of the model, in the API of the path."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        path = self.path.split("?")[0]
        with self.lock:
            self.log.append({"path": path, "key": self.headers.get("Authorization"), "body": body})
        if path.startswith("/upstream/"):
            self.speak_upstream(body)
        elif path.endswith("/responses"):
            self.speak_responses(body)
        elif path.endswith("/chat/completions"):
            self.speak_completions(body)
        elif path.endswith("/messages"):
            self.speak_messages(body)
        elif "enerateContent" in path:
            self.speak_gemini(body, stream=path.endswith(":streamGenerateContent"))
        else:
            self.answer({})

    # --- sending

    def answer(self, value: Any) -> None:
        """One JSON body."""
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def events(self, events: list[Any], *, named: bool = False, done: bool = False, pause_s: float = 0) -> None:
        """A stream of events."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for event in events:
            name = f"event: {event['type']}\n" if named else ""
            self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
            time.sleep(pause_s)
        if done:
            self.wfile.write(b"data: [DONE]\n\n")

    # --- the APIs

    def speak_upstream(self, body: Any) -> None:
        """The model behind our server: word by word when asked to stream."""
        head = {"id": "c1", "object": "chat.completion.chunk", "model": body.get("model")}
        pieces = [{"content": w if i == 0 else f" {w}"} for i, w in enumerate(WORDS)]
        if not body.get("stream"):
            message = {"role": "assistant", "content": " ".join(WORDS)}
            self.answer({**head, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
            return
        chunks = [{**head, "choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in pieces]
        chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.events(chunks, done=True, pause_s=0.05)

    def speak_completions(self, body: Any) -> None:
        """Chat Completions: opencode, Continue."""
        messages = body.get("messages", [])
        results = [m for m in messages if m.get("role") == "tool"]
        chat = find_chat(body.get("tools") or [])
        head = {"id": "c1", "object": "chat.completion.chunk", "model": "fake"}
        if results or not chat:
            said = REPLY + " ".join(texts(results[-1].get("content"))) if results else "ok"
            delta: dict[str, Any] = {"role": "assistant", "content": said}
            reason = "stop"
        else:
            function = {"name": chat[1], "arguments": json.dumps(ARGUMENTS)}
            delta = {
                "role": "assistant",
                "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}],
            }
            reason = "tool_calls"
        if not body.get("stream"):
            self.answer({**head, "choices": [{"index": 0, "message": delta, "finish_reason": reason}]})
            return
        self.events(
            [
                {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
                {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
                {**head, "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}},
            ],
            done=True,
        )

    def speak_responses(self, body: Any) -> None:
        """Responses: Codex."""
        items = body.get("input", [])
        results = [i for i in items if isinstance(i, dict) and i.get("type") == "function_call_output"]
        chat = find_chat(body.get("tools") or [])
        if results or not chat:
            said = REPLY + " ".join(texts(results[-1].get("output"))) if results else "ok"
            content = [{"type": "output_text", "text": said, "annotations": []}]
            item: dict[str, Any] = {"type": "message", "role": "assistant", "id": "m1", "content": content}
        else:
            item = {"type": "function_call", "id": "f1", "call_id": "call_1", "name": chat[1]}
            item |= {"arguments": json.dumps(ARGUMENTS)}
            item |= {"namespace": chat[0]} if chat[0] else {}
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        self.events(
            [
                {"type": "response.created", "response": {"id": "r1"}},
                {"type": "response.output_item.done", "output_index": 0, "item": item},
                {"type": "response.completed", "response": {"id": "r1", "output": [item], "usage": usage}},
            ],
            named=True,
        )

    def speak_messages(self, body: Any) -> None:
        """Messages: Claude Code, which may have to search for a tool before it can call it."""
        blocks = [b for m in body.get("messages", []) if isinstance(m["content"], list) for b in m["content"]]
        results = [b for b in blocks if b.get("type") == "tool_result" and b.get("tool_use_id") == "toolu_chat"]
        searched = any(b.get("tool_use_id") == "toolu_search" for b in blocks)
        tools = body.get("tools") or []
        chat = find_chat(tools) or (("", "mcp__anymodel__chat") if searched else None)
        call: tuple[str, str, Any] | None = None
        if not results and chat:
            call = ("toolu_chat", chat[1], ARGUMENTS)
        elif not results and any(t.get("name") == "ToolSearch" for t in tools):
            call = ("toolu_search", "ToolSearch", {"query": "select:mcp__anymodel__chat", "max_results": 1})
        self.message(call, REPLY + " ".join(texts(results[-1].get("content"))) if results else "ok", body)

    def message(self, call: tuple[str, str, Any] | None, said: str, body: Any) -> None:
        """One message of the Messages API."""
        usage = {"input_tokens": 1, "output_tokens": 1}
        reason = "tool_use" if call else "end_turn"
        whole: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "fake", "usage": usage}
        if call:
            block: dict[str, Any] = {"type": "tool_use", "id": call[0], "name": call[1], "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(call[2])}
            full = {**block, "input": call[2]}
        else:
            block = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": said}
            full = {"type": "text", "text": said}
        if not body.get("stream"):
            self.answer({**whole, "content": [full], "stop_reason": reason, "stop_sequence": None})
            return
        start = {**whole, "content": [], "stop_reason": None, "stop_sequence": None}
        self.events(
            [
                {"type": "message_start", "message": start},
                {"type": "content_block_start", "index": 0, "content_block": block},
                {"type": "content_block_delta", "index": 0, "delta": delta},
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage},
                {"type": "message_stop"},
            ],
            named=True,
        )

    def speak_gemini(self, body: Any, *, stream: bool) -> None:
        """generateContent: Gemini CLI."""
        parts = [p for c in body.get("contents", []) for p in c.get("parts", [])]
        results = [p["functionResponse"] for p in parts if "functionResponse" in p]
        chat = find_chat(body.get("tools") or [])
        part: dict[str, Any] = {"text": "ok"}
        if results:
            part = {"text": REPLY + " ".join(texts(results[-1].get("response")))}
        elif chat:
            part = {"functionCall": {"name": chat[1], "args": ARGUMENTS}}
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        content = {"role": "model", "parts": [part]}
        value = {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}
        if stream:
            self.events([value])
        else:
            self.answer(value)


def serve_model() -> tuple[ThreadingHTTPServer, str]:
    """Starts it on a free loopback port; gives the server and its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"
