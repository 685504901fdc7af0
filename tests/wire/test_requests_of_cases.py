"""Every request that the collected cases promise, without a network: the first one, and the one after a repair."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anymodel_mcp.config import load
from anymodel_mcp.dialects.resolve import resolve
from anymodel_mcp.types import ChatRequest, CompletionRequest, EmbeddingsRequest, ImageRequest
from anymodel_mcp.wire.chat.request import build_chat
from anymodel_mcp.wire.completions import build_completion
from anymodel_mcp.wire.embeddings.request import build_embeddings
from anymodel_mcp.wire.exchange import ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import read_failure
from anymodel_mcp.wire.failures.repair import apply, find_repair
from anymodel_mcp.wire.images.request import build_image
from anymodel_mcp.wire.models.request import build_models
from anymodel_mcp.wire.urls import join
from tests.cases.requests import MISSING, equal

Json = dict[str, Any]
_FILE = Path(__file__).parents[1] / "cases" / "cases.jsonl"
_NOT_SERVED = ("anthropic_native", "async_tasks", "audio")
_SERVED = ("chat", "complete", "embed", "generate_image", "list_models", "respond")
_NO_OPTION = [
    "model",
    "messages",
    "input",
    "prompt",
    "max_tokens",
    "temperature",
    "top_p",
    "tools",
    "stop",
    "stream",
    "size",
    "n",
    "quality",
    "output_format",
    "save",
    "extra",
    "dimensions",
    "max_output_tokens",
]


def _cases() -> list[Json]:
    cases = [json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]
    served = [c for c in cases if c["group"] not in _NOT_SERVED and c["request"]["tool"] in _SERVED]
    return [c for c in served if c["request"].get("wire")]


def _args(case: Json) -> tuple[Json, Json]:
    args: Json = {k: v for k, v in case["request"]["args"].items() if v is not None}
    options = {k: v for k, v in args.items() if k not in _NO_OPTION} | args.get("extra", {})
    return args, options


def _build(case: Json) -> WireRequest:
    args, options = _args(case)
    model: str = args.get("model", "")
    dialect = resolve("openai", model, case["request"].get("config", {}).get("profile", {}))
    stop = [args["stop"]] if isinstance(args.get("stop"), str) else args.get("stop")
    same: Json = {"model": model, "options": options}
    sampling: Json = {"max_tokens": args.get("max_tokens"), "temperature": args.get("temperature"), "stop": stop}
    match case["request"]["tool"]:
        case "chat":
            stream = args.get("stream", False)
            chat = ChatRequest(**same, **sampling, messages=args["messages"], tools=args.get("tools"), stream=stream)
            return build_chat(chat, dialect)
        case "complete":
            asked = CompletionRequest(**same, **sampling, prompt=args["prompt"], stream=args.get("stream", False))
            return build_completion(asked, dialect)
        case "embed":
            return build_embeddings(EmbeddingsRequest(**same, inputs=args["input"]), dialect)
        case "list_models":
            return build_models({}, dialect)
        case _:
            picture: Json = {name: args.get(name) for name in ("size", "n", "quality", "output_format")}
            return build_image(ImageRequest(**same, prompt=args["prompt"], **picture), dialect)


def _at(body: Any, path: str) -> Any:
    for step in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(body, list) and step.isdigit() and int(step) < len(body):  # pyright: ignore[reportUnknownArgumentType] JSON
            body = body[int(step)]  # pyright: ignore[reportUnknownVariableType] JSON
        elif isinstance(body, dict) and step in body:
            body = body[step]  # pyright: ignore[reportUnknownVariableType] JSON
        else:
            return MISSING
    return body  # pyright: ignore[reportUnknownVariableType] JSON


def _compare(wanted: Json, request: WireRequest, url: str) -> list[str]:
    body = json.loads(json.dumps(request.body))
    wrong = [p for p, value in wanted.get("body_has", {}).items() if not equal(_at(body, p), value)]
    wrong += [p for p in wanted.get("body_not", []) if _at(body, p) is not MISSING]
    if wanted.get("url", url) != url or not url.endswith(wanted.get("url_suffix", "")):
        wrong.append(url)
    if wanted.get("method", request.method) != request.method:
        wrong.append(request.method)
    return wrong


def _url(case: Json, request: WireRequest) -> str:
    """The address, by the configuration as a user would write it."""
    config: Json = case["request"].get("config", {})
    table = {"base_url": config.get("base_url", "https://api.example.com/v1")}
    if "models_url" in config:
        table["models_url"] = config["models_url"]
    toml = "[providers.p]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    provider = load({}, file_text=toml, file_name="c.toml").providers["p"]
    if request.endpoint == "models" and provider.models_url:
        return join(provider.models_url, "", {})
    return join(provider.base_url, request.path, request.query)


@pytest.mark.parametrize("case", _cases(), ids=lambda c: c["id"])
def test_the_first_request_is_as_the_case_promises(case: Json) -> None:
    request = _build(case)
    assert not _compare(case["request"]["wire"][0], request, _url(case, request))


@pytest.mark.parametrize(
    "case",
    [c for c in _cases() if len(c["request"]["wire"]) == 2 and c["http"]["sequence"][0]["status"] >= 400],
    ids=lambda c: c["id"],
)
def test_the_request_after_a_refusal_is_repaired(case: Json) -> None:
    refusal = case["http"]["sequence"][0]
    request = _build(case)
    head = ResponseHead(status=refusal["status"], headers=refusal["headers"])
    error = read_failure(
        head, refusal["body"].encode(), endpoint=request.endpoint, model="m", base_url="https://api.example.com/v1"
    )
    repair = find_repair(request, error, frozenset())
    assert repair is not None
    repaired = apply(request, [repair])
    assert not _compare(case["request"]["wire"][1], repaired, _url(case, repaired))
    assert find_repair(repaired, error, frozenset({repair})) is None
    for wanted in case["expect"].get("warnings", []):
        assert any(wanted in warning for warning in repaired.warnings)


def test_what_the_user_put_into_options_is_refused_and_never_dropped() -> None:
    (case,) = [c for c in _cases() if c["id"] == "pa-12"]
    request = _build(case)
    refusal = case["http"]["sequence"][0]
    error = read_failure(
        ResponseHead(status=refusal["status"], headers=refusal["headers"]),
        refusal["body"].encode(),
        endpoint="chat",
        model="m",
        base_url="https://api.example.com/v1",
    )
    assert find_repair(request, error, frozenset()) is None
