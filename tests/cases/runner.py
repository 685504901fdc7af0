"""Plays every case against this server, started for real, through the official Python client.

One process serves all cases of a transport: each case is a provider of its own (`c-` + id) whose base URL points to a
loopback upstream that plays the case's bytes. A case that sets the server's environment gets a process of its own.
"""

from __future__ import annotations

import base64
import io
import json
import re
import wave
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit, urlunsplit

import anyio
import tomlkit
from mcp import Client, MCPError
from mcp.types import CallToolResult, TextContent
from PIL import Image

from anymodel_mcp.dialects.jobs import find_job_row
from anymodel_mcp.wire.jobs.request import root_of
from tests.cases.compare import Outcome, compare
from tests.cases.requests import Json
from tests.raw_upstream import Answer, Line, Reply, Seen, Upstream, Upstreams, open_upstreams, play, serve
from tests.serving import Transport, open_client
from tests.sockets import closing, converse

CASES_FILES = tuple(Path(__file__).with_name(name) for name in ("cases.jsonl", "cases2.jsonl", "cases3.jsonl"))
AT_ONCE = 16
CALL_S = 55
"""A case waits 26 s at most; a call that hangs is a failure, not a wait."""

_MEDIA = "media_task"
_TOOLS = {"edit_image": "generate_image", "respond": "chat", "media_task": "create_media", "rerank": "embed"}
_RENAMED = {"max_output_tokens": "max_tokens"}
_RENAMED_IN = {"speak": {"input": "text"}, "rerank": {"documents": "input"}}
_STREAMED = frozenset({"chat", "complete"})
_LEFT_OUT = frozenset({"save", "extra"})
_MADE_FILE = re.compile(r"<(\d+) MB \+ (\d+) bytes?>")
_SOUND = re.compile(r"^(?![a-z]+:).*\.(wav|mp3)$", re.IGNORECASE)
_PICTURE = re.compile(r"^(?![a-z]+:).*\.(png|jpe?g|webp|gif)$", re.IGNORECASE)
_CONFIG_RENAMED = {"profile": "quirks"}
_CONFIG_READ_ELSEWHERE = frozenset({"base_url", "api_key", "auth", "retry", "models_url", "env"})


def load_cases(*paths: Path) -> list[Json]:
    """All cases of the files; of the suite's own where none is named."""
    lines = [line for path in paths or CASES_FILES for line in path.read_text(encoding="utf-8").split("\n")]
    return [json.loads(line) for line in lines if line.strip()]


# --- what the upstream plays ----------------------------------------------------------------------------------------


def to_reply(http: Json, rewrite: Callable[[str], str] = str) -> Reply:
    """One response of a case as a `Reply`; `rewrite` receives each `location`."""
    headers: dict[str, str] = {
        name: rewrite(value) if name.lower() == "location" else value for name, value in http["headers"].items()
    }
    frames, streamed = _frames(http)
    end = http.get("end", "keep")
    names = {name.lower() for name in headers}
    if "transfer-encoding" in names:
        framing: Literal["length", "close", "chunked"] = "chunked"
    else:
        # A body that ends in a reset or in silence must not look whole before that.
        framing = "close" if streamed or end in ("reset", "stall") or "content-length" in names else "length"
    return Reply(status=http["status"], headers=headers, frames=frames, framing=framing, end=end)


def _frames(http: Json) -> tuple[list[bytes], bool]:
    if "sse" in http:
        return [frame.encode() for frame in http["sse"]], True
    if "chunks_b64" in http:
        return [base64.b64decode(piece) for piece in http["chunks_b64"]], True
    if "body_b64" in http:
        return [base64.b64decode(http["body_b64"])], False
    return [http["body"].encode()] if http.get("body") else [], False


def to_answer(case: Json, origin: Callable[[], str], counted: list[Seen]) -> Answer:
    """What a case's upstream does; requests that count are put into `counted`."""
    host = urlsplit(_base_url(case)).netloc

    def rewrite(location: str) -> str:
        return to_loopback(location, origin()) if urlsplit(location).netloc == host else location

    if "ws" in case:
        return _to_socket(case["ws"], counted)
    http = case["http"]
    media = case["request"]["tool"] == _MEDIA

    def at_home(one: Json) -> Json:
        """The same answer; of media services with its URLs at the base URL's host leading to the upstream."""
        if not media or "body" not in one:
            return one
        return {**one, "body": one["body"].replace(f"https://{host}/", f"{origin()}/")}

    def play_next() -> Answer:
        return serve([to_reply(at_home(one), rewrite) for one in http.get("sequence", [http])])

    turns: list[Answer] = []
    lists = case["request"]["tool"] == "list_models"
    models_url: str = case["request"].get("config", {}).get("models_url") or ""

    async def answer(seen: Seen, line: Line) -> None:
        is_list = seen.method == "GET" and (seen.path.endswith("/models") or seen.path == urlsplit(models_url).path)
        if is_list and not lists:
            await play(Reply(status=404), line)
            return
        counted.append(seen)
        if not turns:
            turns.append(play_next())  # only now is the upstream's own address known
        await turns[0](seen, line)

    return answer


def _to_socket(script: Json, counted: list[Seen]) -> Answer:
    """A realtime upstream: the first event at once, the others when a response is asked for."""
    end: Any = script.get("close") or {}
    told: Json = {"code": end} if isinstance(end, int) else end
    close = closing(told.get("code", 1000), told.get("reason", "")) if told else b""

    async def answer(seen: Seen, line: Line) -> None:
        if "upgrade" not in seen.headers:
            await play(Reply(status=404), line)
            return
        counted.append(seen)
        await converse(seen, line, script["recv"], close)

    return answer


# --- what the server receives ----------------------------------------------------------------------------------------


def _base_url(case: Json) -> str:
    return case["request"].get("config", {}).get("base_url") or "https://api.example.com/v1"


def to_loopback(url: str, origin: str) -> str:
    """The same address on the loopback upstream."""
    parts = urlsplit(url)
    return origin + urlunsplit(("", "", parts.path, parts.query, parts.fragment))


def provider_name(case: Json) -> str:
    return f"c-{case['id']}"


def to_provider(case: Json, origin: str) -> Json:
    """The `[providers.c-ID]` table of a case."""
    config: Json = case["request"].get("config", {})
    table: Json = {"base_url": to_loopback(_base_url(case), origin)}
    if config.get("api_key", "") is not None:
        table["api_key"] = config.get("api_key", "sk-test")
    if case["request"]["tool"] == "respond":
        table["api"] = "responses"
    if "auth" in config:
        auth = config["auth"]
        style = auth["style"]
        table["auth"] = f"{style}:{auth[style]}" if style in ("header", "scheme") else style
    if case["request"]["tool"] == _MEDIA:
        table |= _media_fields(case, origin)
    if "models_url" in config:
        table["models_url"] = to_loopback(config["models_url"], origin)
    retry: Json = config.get("retry", {})
    for ours, theirs in (("max_attempts", "attempts"), ("max_retry_wait_s", "max_wait_s")):
        if theirs in retry:
            table[ours] = retry[theirs]
    for key in config.keys() - _CONFIG_READ_ELSEWHERE:
        table[_CONFIG_RENAMED.get(key, key)] = config[key]
    return table


def _media_fields(case: Json, origin: str) -> Json:
    """The service that the provider sells; at a vendor's own address also the root of the vendor's own paths."""
    args = case["request"]["args"]
    base_url = _base_url(case)
    found = find_job_row(args["service"], args.get("action", ""), urlsplit(base_url).hostname or "")
    assert found, args
    row, _ = found
    fields: Json = {"services": [args["service"]]}
    if (urlsplit(base_url).hostname or "").endswith(row.hosts or ("none",)):
        fields["media_url"] = to_loopback(root_of(row, base_url), origin)
    return fields


def to_config(providers: Mapping[str, Json], folder: Path) -> str:
    """A whole configuration file; pictures are read from and written below `folder`."""
    files = {"allowed_dirs": [str(folder / "pictures")], "output_dir": str(folder / "saved")}
    tools = {"enabled": ["default", "transcribe", "speak"]}  # listed whatever the providers sell
    return tomlkit.dumps({"files": files, "tools": tools, "providers": dict(providers)})  # pyright: ignore[reportUnknownMemberType]


# --- what the tool receives ------------------------------------------------------------------------------------------


def to_call(case: Json, schemas: Mapping[str, Json], pictures: Path) -> tuple[str, Json]:
    """The tool's name and its arguments; what the tool does not name goes into `options`."""
    request = case["request"]
    asked: str = request["tool"]
    tool = _TOOLS.get(asked, asked)
    known = schemas[tool]["properties"]
    given: Json = dict(request["args"])
    if asked == "respond":
        given = _from_responses(given)
    renamed = {**_RENAMED, **_RENAMED_IN.get(asked, {})}
    given = {renamed.get(k, k): v for k, v in given.items() if v is not None and k not in _LEFT_OUT}
    options: Json = {k: v for k, v in given.items() if k not in known} | dict(request["args"].get("extra") or {})
    args = _shape(tool, {k: v for k, v in given.items() if k in known}, case)
    if options:
        args["options"] = options
    return tool, _with_files(args, pictures)


def _from_responses(given: Json) -> Json:
    value = given.pop("input")
    return {**given, ("prompt" if isinstance(value, str) else "messages"): value}


def _shape(tool: str, args: Json, case: Json) -> Json:
    if tool == "list_models":
        return {**args, "provider": provider_name(case)}
    args["model"] = f"{provider_name(case)}/{args['model'] if tool != _TOOLS[_MEDIA] else args.get('model', '')}"
    if tool in _STREAMED:
        args.setdefault("stream", False)
    if isinstance(args.get("stop"), str):
        args["stop"] = [args["stop"]]
    if tool == "embed" and "query" not in args:
        args["output"] = "vectors"
        if isinstance(args["input"], str):
            args["input"] = [args["input"]]
    if tool == "generate_image" and isinstance(args.get("images"), str):
        args["images"] = [args["images"]]
    return args


def _with_files(value: Any, pictures: Path) -> Any:
    """Makes the files that a case only names: an oversized document, small pictures."""
    if isinstance(value, dict):
        return {
            k: _local(v, pictures) if k in ("images", "mask", "file", "files") else _with_files(v, pictures)
            for k, v in cast("Json", value).items()
        }
    if isinstance(value, list):
        return [_with_files(v, pictures) for v in cast("list[Any]", value)]
    made = _MADE_FILE.fullmatch(value) if isinstance(value, str) else None
    if made is None:
        return value
    size = int(made[1]) * 1_000_000 + int(made[2])
    return "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.7\n".ljust(size, b"0")).decode()


def _local(value: Any, pictures: Path) -> Any:
    if isinstance(value, list):
        return [_local(v, pictures) for v in cast("list[Any]", value)]
    if not isinstance(value, str) or not (_PICTURE.match(value) or _SOUND.match(value)):
        return value
    path = pictures / Path(value).name
    if not path.exists():
        pictures.mkdir(parents=True, exist_ok=True)
        if _SOUND.match(value):
            path.write_bytes(silence(path.suffix))
        else:
            Image.new("RGB", (8, 8), "teal").save(path)
    return str(path)


def silence(suffix: str) -> bytes:
    """A tenth of a second of nothing, as WAV or MP3."""
    if suffix.lower() == ".mp3":
        return b"\xff\xfb\x90\x64".ljust(417, b"\0") * 4
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(3200))
    return made.getvalue()


# --- playing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One case and what differed."""

    case: Json
    problems: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """A case with its upstream, ready to be called."""

    case: Json
    upstream: Upstream
    counted: list[Seen]


def _set_up(cases: Iterable[Json], upstreams: Upstreams) -> list[_Stage]:
    stages: list[_Stage] = []
    for case in cases:
        counted: list[Seen] = []
        box: list[Upstream] = []
        answer = to_answer(case, lambda box=box: box[0].origin, counted)
        box.append(upstreams.open(answer))
        stages.append(_Stage(case=case, upstream=box[0], counted=counted))
    return stages


async def play_cases(cases: Sequence[Json], transport: Transport, folder: Path) -> list[Played]:
    """Plays all cases, several at once, in the order of `cases`."""
    results: dict[str, Played] = {}
    async with open_upstreams() as upstreams:
        stages = _set_up(cases, upstreams)
        together = [s for s in stages if not _env(s.case)]
        alone = [s for s in stages if _env(s.case)]
        for number, group in enumerate([together, *([s] for s in alone)]):
            await _play_group(group, transport, folder / str(number), results)
    return [results[case["id"]] for case in cases]


def _env(case: Json) -> dict[str, str]:
    return dict(case["request"].get("config", {}).get("env") or {})


async def _play_group(group: Sequence[_Stage], transport: Transport, folder: Path, results: dict[str, Played]) -> None:
    async with _open_session(group, transport, folder) as (client, schemas):
        limit = anyio.CapacityLimiter(AT_ONCE)

        async def run(stage: _Stage) -> None:
            async with limit:
                problems = await _play_one(stage, client, schemas, folder / "pictures")
            results[stage.case["id"]] = Played(case=stage.case, problems=problems)

        async with anyio.create_task_group() as tasks:
            for stage in sorted(group, key=_longest_first):
                tasks.start_soon(run, stage)


def _longest_first(stage: _Stage) -> float:
    return -sum(stage.case["expect"].get("waits_s", ()))


@asynccontextmanager
async def _open_session(
    group: Sequence[_Stage], transport: Transport, folder: Path
) -> AsyncGenerator[tuple[Client, dict[str, Json]], None]:
    config = to_config({provider_name(s.case): to_provider(s.case, s.upstream.origin) for s in group}, folder)
    env = {name: value for stage in group for name, value in _env(stage.case).items()}
    async with open_client(config, folder, transport=transport, env=env) as client:
        listed = await client.list_tools()
        yield client, {tool.name: tool.input_schema for tool in listed.tools}


async def _play_one(stage: _Stage, client: Client, schemas: Mapping[str, Json], pictures: Path) -> list[str]:
    tool, args = to_call(stage.case, schemas, pictures)
    try:
        result = await client.call_tool(tool, args, read_timeout_seconds=CALL_S)
    except MCPError as exc:
        return [f"the call failed: {exc!r}"]
    return compare(stage.case, to_outcome(result, stage.counted))


def to_outcome(result: CallToolResult, requests: Sequence[Seen]) -> Outcome:
    """What a result and the requests behind it say."""
    return Outcome(
        text="".join(block.text for block in result.content if isinstance(block, TextContent)),
        is_error=result.is_error,
        meta=result.meta or {},
        structured=result.structured_content,
        requests=list(requests),
    )
