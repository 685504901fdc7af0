"""The recipes themselves: what is said, what is called, who answers; `recipes.py` runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mcp.types import CallToolResult

Json = dict[str, Any]
Done = Sequence[CallToolResult]
ENGINE = "the embedded engine: a real model, though a tiny one"
MOCK = "aimock, a mock server: canned words and pictures, real requests"
BYTES = "bytes of {} as recordings or documents show them, played on loopback"
LOCAL = "local/smollm2-135m-instruct"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call; `arguments` may use the results of the calls before it in the same recipe."""

    tool: str
    arguments: Callable[[Done], Json]
    before: str = ""
    record: Sequence[str] = ()
    notes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Calls that belong together; `patience_s` is the soft deadline of its server."""

    title: str
    says: str
    upstream: str
    calls: Sequence[Call]
    after: str = ""
    patience_s: float = 50


def call(tool: str, arguments: Json | Callable[[Done], Json], **more: Any) -> Call:
    """A call with fixed arguments, or such as follow from earlier results."""
    return Call(tool=tool, arguments=arguments if callable(arguments) else lambda _: arguments, **more)


def record_of(result: CallToolResult) -> Json:
    """The record of a result, or of its error."""
    meta: Json = dict(result.meta or {})
    return meta.get("anymodel/result") or meta.get("anymodel/error") or {}


def text_of(result: CallToolResult) -> str:
    """The text of a result."""
    return "\n".join(block.text for block in result.content if block.type == "text")


RECIPES: list[Recipe] = [
    Recipe(
        title="Ask a question",
        says="The simplest call. The words come while they are made: a host that shows progress notes shows them.",
        upstream=ENGINE,
        calls=[
            call(
                "chat",
                {"prompt": "What is a lighthouse for?", "temperature": 0, "max_tokens": 60},
                notes=True,
                record=("provider", "model", "finish_reason", "truncated", "usage"),
            )
        ],
        after=(
            "The note is there because the answer was cut. The record is not shown to the host's model; programs "
            'find it in `_meta["anymodel/result"]`.'
        ),
    ),
    Recipe(
        title="Pictures in",
        says=(
            "`images` takes https URLs, data URLs and paths below a folder that you allow. Large pictures are "
            "made smaller first; where a provider takes no URLs, it gets the bytes."
        ),
        upstream=MOCK,
        calls=[
            call(
                "chat",
                {
                    "model": "mock/gpt-5-mini",
                    "prompt": "What is in this picture?",
                    "images": ["~/Pictures/harbour.png"],
                },
            ),
            call(
                "chat",
                {"model": "mock/gpt-5-mini", "prompt": "What is in this picture?", "images": ["/etc/hostname"]},
                before="A path elsewhere is refused:",
            ),
        ],
    ),
    Recipe(
        title="Pictures out, and edits",
        says=(
            "The picture is saved as it came; the host gets its path, a preview of at most 512 pixels and 200 kB, "
            'and a link. `inline` chooses "preview", "full" or "none". With `images` it is an edit.'
        ),
        upstream=MOCK,
        calls=[
            call(
                "generate_image",
                {"model": "mock/gpt-image-1", "prompt": "a lighthouse at night", "size": "1536x1024"},
                record=("images",),
            ),
            call(
                "generate_image",
                lambda done: {
                    "model": "mock/gpt-image-1",
                    "prompt": "make it day",
                    "images": [record_of(done[0])["images"][0]["path"]],
                    "inline": "none",
                },
                before="Edit the picture that was just made:",
            ),
        ],
    ),
    Recipe(
        title="Files in",
        says=(
            "Text files are put into the question under their names; PDF and other documents go as file parts "
            "where the provider takes them."
        ),
        upstream=ENGINE,
        calls=[
            call(
                "chat",
                {
                    "prompt": "On which day do we sail?",
                    "files": ["~/Documents/trip.txt"],
                    "temperature": 0,
                    "max_tokens": 30,
                },
            ),
            call(
                "chat",
                {"prompt": "Sum it up.", "files": ["~/Documents/report.pdf"]},
                before="A provider that takes no documents says so:",
            ),
        ],
    ),
    Recipe(
        title="Rank texts by meaning",
        says="With `query`, `embed` compares by itself; no vector enters the chat.",
        upstream=ENGINE,
        calls=[
            call(
                "embed",
                {
                    "query": "a sleepy pet",
                    "input": [
                        "The train to Berlin leaves at noon.",
                        "Our cat sleeps all day.",
                        "Boil the grains in water for fifteen minutes.",
                    ],
                },
            )
        ],
    ),
    Recipe(
        title="Save vectors to a file",
        says="Without `query` the vectors go to a file that numpy reads; the texts stand in a JSON file beside it.",
        upstream=ENGINE,
        calls=[call("embed", {"input": ["red", "green", "red"]}, record=("vectors", "usage"))],
    ),
    Recipe(
        title="Keep a conversation",
        says=(
            '`conversation: "new"` gives an id; with the id any model goes on, also after a restart. The whole '
            "thread is the resource `anymodel://conversations/ID`."
        ),
        upstream=ENGINE,
        calls=[
            call(
                "chat",
                {
                    "prompt": "The secret word is blue. Please repeat the secret word.",
                    "conversation": "new",
                    "temperature": 0,
                    "max_tokens": 40,
                },
            ),
            call(
                "chat",
                lambda done: {
                    "prompt": "What was the secret word?",
                    "conversation": record_of(done[0])["conversation"],
                    "temperature": 0,
                    "max_tokens": 40,
                },
                before="Go on:",
            ),
        ],
    ),
    Recipe(
        title="Ask several models at once",
        says="All are asked at the same time. One that fails does not spoil the others.",
        upstream=f"{ENGINE}; {MOCK}; bytes of OpenAI as its documents show them",
        calls=[
            call(
                "chat",
                {
                    "models": [LOCAL, "mock/gpt-5-mini", "openai/gpt-9"],
                    "prompt": "Tabs or spaces? One sentence.",
                    "temperature": 0,
                    "max_tokens": 40,
                },
            )
        ],
    ),
    Recipe(
        title="A chain of models",
        says=(
            'An alias may be a list: `smart = ["gemini/gemini-2.5-pro", "local/smollm2-135m-instruct"]`. The next '
            "one answers when the first has no quota, is overloaded, down or silent; never after words have come. "
            "The answer says so."
        ),
        upstream=f"{BYTES.format('Google Gemini')}; then {ENGINE}",
        calls=[
            call(
                "chat",
                {"model": "smart", "prompt": "Name a colour.", "temperature": 0, "max_tokens": 20},
                record=("provider", "model", "requested_model"),
            )
        ],
    ),
    Recipe(
        title="An answer as JSON",
        says=(
            "The answer is checked against the schema. If it does not fit, the model gets one chance to mend it; "
            "after that it is an error that holds the text."
        ),
        upstream=ENGINE,
        calls=[
            call(
                "chat",
                {
                    "prompt": "Give me the capital of France and its country.",
                    "json_schema": {
                        "type": "object",
                        "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
                        "required": ["city", "country"],
                    },
                    "temperature": 0,
                    "max_tokens": 60,
                },
            )
        ],
    ),
    Recipe(
        title="Let another model call tools",
        says=(
            "Tool definitions pass through; the calls come back. Nothing is run here: you run the tool, and send "
            "its result in `messages`."
        ),
        upstream=MOCK,
        calls=[
            call(
                "chat",
                {
                    "model": "mock/gpt-5-mini",
                    "messages": [{"role": "user", "content": "weather in Paris"}],
                    "tools": [WEATHER],
                },
                record=("finish_reason", "tool_calls"),
            ),
            call(
                "chat",
                lambda done: {
                    "model": "mock/gpt-5-mini",
                    "messages": [
                        {"role": "user", "content": "weather in Paris"},
                        {
                            "role": "assistant",
                            "content": None,
                            "tool_calls": [
                                {
                                    "id": record_of(done[0])["tool_calls"][0]["id"],
                                    "type": "function",
                                    "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
                                }
                            ],
                        },
                        {
                            "role": "tool",
                            "tool_call_id": record_of(done[0])["tool_calls"][0]["id"],
                            "content": "sunny, 21 degrees",
                        },
                    ],
                    "tools": [WEATHER],
                },
                before="The second half:",
            ),
        ],
    ),
    Recipe(
        title="Reasoning",
        says=(
            "`reasoning_effort` is said in each model's own way. What the model thought stays out of the text and "
            "stands in the record."
        ),
        upstream=BYTES.format("DeepSeek"),
        calls=[
            call(
                "chat",
                {"model": "deepseek/deepseek-reasoner", "prompt": "Greet me.", "reasoning_effort": "high"},
                record=("reasoning", "finish_reason", "usage"),
            )
        ],
    ),
    Recipe(
        title="Search the web",
        says=(
            "Models that search give their sources: in the text and in the record. Where a switch is needed it "
            "goes into `options`, word for word as the provider wants it."
        ),
        upstream=BYTES.format("Perplexity"),
        calls=[
            call(
                "chat",
                {
                    "model": "perplexity/sonar",
                    "prompt": "Where is the opera with the walkable roof?",
                    "options": {"web_search_options": {"search_context_size": "low"}},
                },
                record=("citations", "usage"),
            )
        ],
    ),
    Recipe(
        title="Usage and cost",
        says=(
            "The cost is the provider's own figure, or tokens times the price in its model list, or left out. It "
            "is never guessed. `anymodel-mcp usage` adds it up."
        ),
        upstream=BYTES.format("OpenRouter"),
        calls=[
            call(
                "chat",
                {"model": "openrouter/anthropic/claude-sonnet-4.5", "prompt": "ping"},
                record=("usage", "attempts"),
            )
        ],
    ),
    Recipe(
        title="A long call",
        says=(
            "Before the host gives up, the answer so far comes back with an id, and the call goes on. For this "
            "page the limit was set to two seconds (`soft_deadline_s = 2`); it is 50 by default, and longer for "
            "hosts that are known to wait longer."
        ),
        upstream=ENGINE,
        patience_s=2,
        calls=[
            call(
                "chat",
                {"prompt": "How do I build a small wooden boat? Give the steps.", "temperature": 0, "max_tokens": 320},
            ),
            call(
                "get_result",
                lambda done: {
                    "id": record_of(done[0])["result_id"],
                    "offset": len(text_of(done[0]).partition("\n\n[still running")[0]),
                    "wait_s": 30,
                },
                before="The rest, by the numbers of the note:",
            ),
        ],
        after=(
            "The second answer starts where the first one ended. If it is still not whole, its note gives the "
            "next numbers. `cancel: true` stops a call."
        ),
    ),
    Recipe(
        title="Continue a text",
        says="The legacy endpoint, for base models and code.",
        upstream=ENGINE,
        calls=[call("complete", {"prompt": "The sun rises in the", "temperature": 0, "max_tokens": 40, "stop": ["."]})],
    ),
    Recipe(
        title="Find a model",
        says=(
            "`query`, `provider` and `capability` narrow the list; it comes a page at a time, with prices in "
            "dollars per million tokens in and out."
        ),
        upstream=BYTES.format("OpenRouter"),
        calls=[
            call("list_models", {"provider": "openrouter", "capability": "vision"}),
        ],
    ),
    Recipe(
        title="A parameter that the model refuses",
        says=(
            "It is changed or left out once, told, and remembered for that model. What you put into `options` is "
            "never changed."
        ),
        upstream=BYTES.format("OpenAI"),
        calls=[
            call(
                "chat",
                {"model": "openai/gpt-5.2", "prompt": "Hi", "temperature": 0.2, "stream": False},
                record=("warnings", "attempts"),
            )
        ],
    ),
    Recipe(
        title="When it fails",
        says="Three lines: what failed, why in the provider's own words, what to do.",
        upstream=BYTES.format("OpenAI"),
        calls=[call("chat", {"model": "openai/gpt-9", "prompt": "Hi"})],
    ),
]
