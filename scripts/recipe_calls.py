"""The recipes themselves: what is said, what is called, who answers; `recipes.py` runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mcp.types import CallToolResult

Json = dict[str, Any]
Done = Sequence[CallToolResult]
ENGINE = "the embedded engine, a real but tiny model"
MOCK = "aimock, a mock server: real requests, canned answers"
BYTES = "recorded or documented bytes of {}, replayed on loopback"
STRICT = "a server made after the documentation of {}, which refuses every field that is not documented"
LOCAL = "local/smollm2-135m-instruct"
LOOK_UP = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {"type": "object", "properties": {"box": {"type": "integer"}}, "required": ["box"]},
    },
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call; `arguments` may use the results of the calls before it in the same recipe.

    With `restart` the server is started anew before it.
    """

    tool: str
    arguments: Callable[[Done], Json]
    before: str = ""
    record: Sequence[str] = ()
    notes: bool = False
    restart: bool = False


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
        says=(
            "The simplest call. The answer streams: a host that shows progress notifications shows the text as it "
            "arrives."
        ),
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
            "The note in brackets says that the answer was cut. The host's model does not see the record; programs "
            'find it in `_meta["anymodel/result"]`.'
        ),
    ),
    Recipe(
        title="Pictures in",
        says=(
            "`images` accepts https URLs, data URLs and paths in a folder that you allow. Large pictures are scaled "
            "down first; a provider that accepts no URLs gets the bytes."
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
                before="A path outside these folders is refused:",
            ),
        ],
    ),
    Recipe(
        title="Pictures out, and edits",
        says=(
            "The picture is saved unchanged; the host gets its path, a preview of at most 512 pixels and 200 kB, "
            'and a link. `inline` selects "preview", "full" or "none". With `images`, the call edits pictures.'
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
                before="Edit that picture:",
            ),
        ],
    ),
    Recipe(
        title="Files in",
        says=(
            "Text files are added to the prompt under their names; PDF and other documents are sent as file parts "
            "if the provider accepts them."
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
                before="If the provider does not accept documents:",
            ),
        ],
    ),
    Recipe(
        title="Speech and transcripts",
        says=(
            "`speak` saves a sound and gives its path; `transcribe` gives the words, with `format` also subtitles "
            "(`srt`, `vtt`) or times (`segments`). Both are listed where a configured provider offers them."
        ),
        upstream=BYTES.format("Mistral"),
        calls=[
            call(
                "speak",
                {"model": "mistral/voxtral-mini-tts-latest", "text": "Hello", "voice": "v1"},
                record=("audio",),
            ),
            call(
                "transcribe",
                {"model": "mistral/voxtral-mini-latest", "file": "~/Documents/call.wav", "format": "srt"},
                before="A recording as subtitles, with the speakers that the provider tells apart:",
            ),
        ],
    ),
    Recipe(
        title="Sound in a chat",
        says=(
            "A model that hears takes recordings among `files`; each provider gets the form that it wants. A model "
            "that speaks needs `modalities` and `audio` in `options`: the words are the text, the sound is saved."
        ),
        upstream=BYTES.format("OpenAI"),
        calls=[
            call(
                "chat",
                {"model": "openai/gpt-audio-mini", "prompt": "What is said here?", "files": ["~/Documents/call.wav"]},
                before="A recording as a question:",
            ),
            call(
                "chat",
                {
                    "model": "openai/gpt-audio",
                    "prompt": "Say yes.",
                    "options": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
                },
                before="An answer that is spoken:",
                record=("audio",),
            ),
        ],
    ),
    Recipe(
        title="Rank texts by meaning",
        says="With `query`, `embed` compares the vectors itself; none of them enters the chat.",
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
        says="Without `query`, the vectors are saved to a file for numpy; a JSON file beside it contains the texts.",
        upstream=ENGINE,
        calls=[call("embed", {"input": ["red", "green", "red"]}, record=("vectors", "usage"))],
    ),
    Recipe(
        title="Keep a conversation",
        says=(
            '`conversation: "new"` returns an id. With the id, any model can continue the conversation, even after '
            "a restart. The resource `anymodel://conversations/ID` contains all of it."
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
                before="Continue:",
            ),
        ],
    ),
    Recipe(
        title="Ask several models at once",
        says="All models are asked at the same time. If one fails, you still get the answers of the others.",
        upstream=f"{ENGINE}; {MOCK}; documented bytes of OpenAI",
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
            'An alias can be a list: `smart = ["gemini/gemini-2.5-pro", "local/smollm2-135m-instruct"]`. The next '
            "model is asked if one has no quota, is overloaded, is down or times out, but never after text has "
            "arrived. The answer says which model gave it."
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
            "The answer is validated against the schema. If it does not match, the model gets one chance to correct "
            "it; after that, the call fails with an error that contains the text."
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
            "Tool definitions are passed on, and the tool calls are returned. The server runs nothing: you run the "
            "tool and send its result in `messages`."
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
                before="The second half, with the tool's result:",
            ),
        ],
    ),
    Recipe(
        title="Reasoning",
        says=("`reasoning_effort` is translated for each model. The reasoning is in the record, not in the text."),
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
        title="Signed reasoning after a restart",
        says=(
            "Models that reason sign their thoughts, and refuse to continue a tool loop without them. A conversation "
            "keeps what was signed byte for byte and sends it back to the provider that signed it, also after a "
            "restart. Here the model asks for a tool; then the server is stopped and started again; then the result of "
            "the tool goes in."
        ),
        upstream=(
            "a server made for this recipe after Anthropic's documentation, which answers 400 if the signed block does "
            "not come back unchanged"
        ),
        calls=[
            call(
                "chat",
                {
                    "model": "anthropic/claude-sonnet-4-5",
                    "prompt": "What is in box 7?",
                    "reasoning_effort": "high",
                    "tools": [LOOK_UP],
                    "conversation": "new",
                },
                record=("reasoning", "finish_reason"),
            ),
            call(
                "chat",
                lambda done: {
                    "messages": [{"role": "tool", "tool_call_id": "toolu_01", "content": "a key"}],
                    "reasoning_effort": "high",
                    "tools": [LOOK_UP],
                    "conversation": record_of(done[0])["conversation"],
                },
                before="The server is stopped and started here.",
                restart=True,
            ),
        ],
    ),
    Recipe(
        title="A realtime model",
        says=(
            "A model whose id contains `realtime` is asked over a WebSocket: one turn, one answer. Install the extra "
            '`anymodel-mcp[realtime]`. With `options: {"audio": ...}` the answer is spoken: the sound is saved, its '
            "transcript is the text."
        ),
        upstream=BYTES.format("OpenAI"),
        calls=[
            call(
                "chat",
                {"model": "openai/gpt-realtime", "prompt": "hello", "options": {"audio": {"voice": "marin"}}},
                record=("model", "audio", "usage"),
            )
        ],
    ),
    Recipe(
        title="Search the web",
        says=(
            "`search` lets the model search the web, with the field or tool that its provider has for it. The sources "
            "stand in the text and in the record. Where this server knows no web search, or the provider refuses it, "
            "the answer says so in brackets."
        ),
        upstream=BYTES.format("Perplexity"),
        calls=[
            call(
                "chat",
                {
                    "model": "perplexity/sonar",
                    "prompt": "Where is the opera with the walkable roof?",
                    "search": True,
                },
                record=("citations", "usage"),
            )
        ],
    ),
    Recipe(
        title="Usage and cost",
        says=(
            "The cost is the provider's own figure, or tokens times the price in its model list. Otherwise it is "
            "left out, never guessed. `anymodel-mcp usage` adds it up."
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
            "Before the host's timeout, the call returns the answer so far with an id, and continues in the "
            "background. For this page the limit was set to two seconds (`soft_deadline_s = 2`); the default is 50, "
            "and more for hosts that are known to wait longer."
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
                before="The rest, with the id and offset from the note:",
            ),
        ],
        after=(
            "The second answer starts where the first one ended. If it is still not complete, its note contains the "
            "next offset. `cancel: true` stops a call."
        ),
    ),
    Recipe(
        title="Music and video",
        says=(
            "`create_media` submits a job to a media service: Suno, Midjourney, Kling and others, directly "
            "or behind a reseller. The job gets an id at once; a job that outlasts the host's patience continues "
            "at its provider, and `get_result` saves the file. Nothing is submitted twice. For this page the limit was "
            "set to six seconds (`soft_deadline_s = 6`)."
        ),
        upstream=STRICT.format("Suno and Kling"),
        patience_s=6,
        calls=[
            call(
                "create_media",
                {"service": "suno", "prompt": "a sea shanty", "options": {"tags": "folk"}},
                before="Music:",
                notes=True,
                record=("status", "result_id", "service", "action", "task_id"),
            ),
            call(
                "create_media",
                {
                    "model": "kling/kling-v2-6",
                    "prompt": "a fox on a beach",
                    "options": {"duration": "5", "aspect_ratio": "16:9"},
                },
                before="Video, while the song is being made:",
                notes=True,
            ),
            call(
                "get_result",
                lambda done: {"id": record_of(done[0])["result_id"], "wait_s": 30},
                before="The song:",
                notes=True,
                record=("status", "media", "service", "task_id"),
            ),
            call(
                "get_result",
                lambda done: {"id": record_of(done[1])["result_id"], "wait_s": 30},
                before="The video:",
                notes=True,
            ),
        ],
        after="`cancel: true` stops the job where its service offers that; else the answer says that it continues.",
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
            "`query`, `provider` and `capability` filter the list. It is paged, with prices in dollars per million "
            "input and output tokens."
        ),
        upstream=BYTES.format("OpenRouter"),
        calls=[
            call("list_models", {"provider": "openrouter", "capability": "vision"}),
        ],
    ),
    Recipe(
        title="A parameter that the model refuses",
        says=(
            "The parameter is corrected or left out once, the answer says so, and the server remembers it for that "
            "model. Your own `options` are never changed."
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
        says="Three lines: what failed, why (in the provider's own words), and what to do.",
        upstream=BYTES.format("OpenAI"),
        calls=[call("chat", {"model": "openai/gpt-9", "prompt": "Hi"})],
    ),
]
