"""Web search: what each provider, API and model is sent, and which refusals mean it."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from anymodel_mcp.dialects.families import FAMILIES
from anymodel_mcp.dialects.fields import ApiName, SearchForm
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.dialects.resolve import resolve
from anymodel_mcp.types import ChatRequest
from anymodel_mcp.wire.apis import CHAT_APIS
from anymodel_mcp.wire.exchange import ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import read_failure
from anymodel_mcp.wire.failures.repair import apply, find_repair
from anymodel_mcp.wire.fields.search import SEARCH_FIELDS

Json = dict[str, Any]
HI: Json = {"role": "user", "content": "hi"}
LOOK: Json = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
TOOL = {"type": "web_search"}
CLAUDE_TOOL = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}
GLM_TOOL = {
    "type": "web_search",
    "web_search": {"enable": True, "search_engine": "search_std", "search_result": True},
}
KIMI_TOOL = {"type": "builtin_function", "function": {"name": "$web_search"}}


def built(row: str, model: str, api: ApiName, *, search: bool = True, **more: Any) -> WireRequest:
    request = ChatRequest(model=model, messages=[HI], search=search, **more)
    return CHAT_APIS[api].build(request, resolve(row, model, {"api": api}, api))


SENT: list[tuple[str, str, ApiName, Json]] = [
    ("openai", "gpt-5.2", "responses", {"tools": [TOOL]}),
    ("openai", "gpt-4o-search-preview", "chat", {"web_search_options": {}}),
    ("openai", "gpt-4o-mini-search-preview-2025-03-11", "chat", {"web_search_options": {}}),
    ("openai", "gpt-5-search-api", "chat", {"web_search_options": {}}),
    ("openai", "gpt-5.2", "chat", {}),
    ("openai", "m", "anthropic", {"tools": [CLAUDE_TOOL]}),
    ("openai", "m", "gemini", {"tools": [{"google_search": {}}]}),
    ("azure", "deployment", "responses", {"tools": [TOOL]}),
    ("anthropic", "claude-sonnet-4-6", "anthropic", {"tools": [CLAUDE_TOOL]}),
    ("anthropic", "claude-sonnet-4-6", "chat", {}),
    ("gemini", "gemini-3-flash", "gemini", {"tools": [{"google_search": {}}]}),
    ("gemini", "gemini-3-flash", "chat", {}),
    ("xai", "grok-4", "responses", {"tools": [TOOL]}),
    ("xai", "grok-4", "chat", {}),
    ("dashscope", "qwen-plus", "chat", {"enable_search": True}),
    ("dashscope", "qwen3.7-max", "responses", {"tools": [TOOL]}),
    ("leapx", "qwen3-max", "chat", {"parameters": {"enable_search": True}}),
    ("leapx", "claude-sonnet-4-5", "chat", {}),
    ("openrouter", "openai/gpt-5.2", "chat", {"plugins": [{"id": "web"}]}),
    ("openrouter", "perplexity/sonar-pro", "chat", {}),
    ("zhipu", "glm-4.7", "chat", {"tools": [GLM_TOOL]}),
    ("zai", "glm-5", "chat", {"tools": [GLM_TOOL]}),
    ("moonshot", "kimi-k2.5", "chat", {"tools": [KIMI_TOOL]}),
    ("ark", "doubao-seed-1-8", "responses", {"tools": [TOOL]}),
    ("groq", "openai/gpt-oss-120b", "chat", {"tools": [{"type": "browser_search"}]}),
    ("groq", "groq/compound-mini", "chat", {}),
    ("groq", "llama-3.3-70b-versatile", "chat", {}),
    ("perplexity", "sonar", "chat", {}),
    ("newapi", "claude-sonnet-4-6", "chat", {"web_search_options": {}}),
    ("newapi", "glm-4.7", "chat", {}),
    ("newapi", "claude-sonnet-4-6", "anthropic", {"tools": [CLAUDE_TOOL]}),
    ("litellm", "vertex/gemini-3-flash", "chat", {"web_search_options": {}}),
    ("mistral", "mistral-large-latest", "chat", {}),
    ("deepseek", "deepseek-chat", "chat", {}),
    ("deepseek", "deepseek-chat", "anthropic", {}),
    ("zhipu", "glm-5", "anthropic", {}),
    ("moonshot", "kimi-k2.5", "anthropic", {}),
    ("openrouter", "openai/gpt-5.2", "responses", {"plugins": [{"id": "web"}]}),
    ("ollama", "llama3", "responses", {}),
    ("llamacpp", "m", "anthropic", {}),
    ("local", "m", "chat", {}),
]


@pytest.mark.parametrize(("row", "model", "api", "fields"), SENT)
def test_search_is_sent_in_the_form_of_its_row(row: str, model: str, api: ApiName, fields: Json) -> None:
    body, plain = built(row, model, api).body or {}, built(row, model, api, search=False).body or {}
    assert {name: value for name, value in body.items() if name not in plain} == fields
    assert {name: value for name, value in body.items() if name in plain} == plain


@pytest.mark.parametrize(
    ("row", "model"), [("perplexity", "sonar"), ("openrouter", "perplexity/sonar"), ("groq", "groq/compound")]
)
def test_a_model_that_always_searches_says_so_in_its_row(row: str, model: str) -> None:
    assert resolve(row, model, {}).search == "always"


def test_a_realtime_model_has_no_search() -> None:
    dialect = resolve("zhipu", "glm-realtime", {})
    assert (dialect.api, dialect.search) == ("realtime", "none")


@pytest.mark.parametrize("row", ["xai", "azure", "ark"])
def test_a_provider_that_searches_through_responses_only_names_that_api(row: str) -> None:
    assert resolve(row, "m", {}).search_api == "responses"


def test_openai_itself_searches_through_responses_and_an_unlisted_provider_does_not() -> None:
    assert PROVIDERS["openai"].own.get("search_api") == "responses"
    assert resolve("openai", "m", {}).search_api is None


def test_every_form_has_its_field_and_a_row() -> None:
    assert {*SEARCH_FIELDS, "none", "always"} == set(get_args(SearchForm))
    layers = [row.quirks for row in PROVIDERS.values()] + [family.quirks for family in FAMILIES]
    layers += [access.quirks for row in PROVIDERS.values() for access in row.apis.values()]
    assert {layer.get("search") for layer in layers} >= set(SEARCH_FIELDS)


def test_the_tools_of_the_caller_stay_beside_the_search() -> None:
    assert (built("zhipu", "glm-5", "chat", tools=[LOOK]).body or {})["tools"] == [LOOK, GLM_TOOL]
    tools = (built("openai", "m", "gemini", tools=[LOOK]).body or {})["tools"]
    assert tools == [{"functionDeclarations": [{"name": "look"}]}, {"google_search": {}}]


@pytest.mark.parametrize(
    ("row", "model", "options", "warned"),
    [
        ("dashscope", "qwen-plus", {"enable_search": False}, False),
        ("openai", "gpt-5-search-api", {"web_search_options": {"search_context_size": "high"}}, False),
        ("openrouter", "m", {"plugins": [{"id": "web", "max_results": 3}]}, True),
        ("openrouter", "m", {"plugins": [{"id": "web"}]}, False),
        ("zhipu", "glm-5", {"tools": [LOOK]}, True),
    ],
)
def test_the_users_own_field_is_sent_verbatim(row: str, model: str, options: Json, warned: bool) -> None:
    wire = built(row, model, "chat", options=options)
    assert wire.body
    assert {name: wire.body[name] for name in options} == options
    assert wire.search is None
    assert any("search was left out" in warning for warning in wire.warnings) == warned


# --- refusals ---------------------------------------------------------------------------------------------------------


def _said(message: str, **more: Any) -> Json:
    return {"error": {"message": message, **more}}


REFUSED: list[tuple[str, str, str, ApiName, Json]] = [
    # (page, row, model, api, body of the 400)
    (
        "https://github.com/pydantic/pydantic-ai/issues/2822",
        "openai",
        "gpt-5-search-api",
        "chat",
        _said(
            "Unknown parameter: 'web_search_options'.",
            type="invalid_request_error",
            param="web_search_options",
            code="unknown_parameter",
        ),
    ),
    (
        "https://github.com/cpbotha/obsidian-ai-chat-as-md/issues/5",
        "newapi",
        "claude-3-haiku",
        "chat",
        _said("Web search options not supported with this model."),
    ),
    (
        "https://github.com/open-gsd/gsd-pi/issues/648",
        "openai",
        "gpt-5",
        "responses",
        _said("The use of the web search tool is not supported.", code="unsupported_value"),
    ),
    (
        "https://github.com/just-every/code/issues/149",
        "openai",
        "gpt-5",
        "responses",
        {"detail": "Unsupported tool type: web_search"},
    ),
    (
        "https://github.com/BerriAI/litellm/issues/9914",
        "zhipu",
        "glm-4",
        "chat",
        _said(
            "Invalid type for 'tools[0].function': expected a function definition, but got null instead.",
            type="invalid_request_error",
            param="tools[0].function",
            code="invalid_type",
        ),
    ),
    (
        "https://github.com/Kochava-Studios/witsy/issues/428",
        "groq",
        "openai/gpt-oss-20b",
        "chat",
        _said("`tool calling` is not supported with this model", type="invalid_request_error"),
    ),
    (
        "https://platform.moonshot.ai/docs, as quoted in public code, 2026-11-28",
        "moonshot",
        "kimi-k2.5",
        "chat",
        _said("Invalid request: unknown tool type: builtin_function", type="invalid_request_error"),
    ),
    (
        "https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool, as quoted in public code",
        "anthropic",
        "claude-3-haiku-20240307",
        "anthropic",
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "'claude-3-haiku-20240307' does not support tool types: web_search_20250305",
            },
        },
    ),
    (
        "https://ai.google.dev/gemini-api/docs/google-search, as quoted in public code, 2026-11-28",
        "gemini",
        "gemini-2.0-flash-lite",
        "gemini",
        {"error": {"code": 400, "message": "Search Grounding is not supported.", "status": "INVALID_ARGUMENT"}},
    ),
    (
        "https://www.volcengine.com/docs/82379/1756990, as quoted in public code, 2026-11-28",
        "zhipu",
        "glm-4",
        "chat",
        _said("The request failed because it is missing `tools.function` parameter", code="MissingParameter"),
    ),
    (
        "strict gateways: https://docs.pydantic.dev/latest/errors/validation_errors/#extra_forbidden",
        "leapx",
        "qwen3-max",
        "chat",
        {
            "detail": [
                {"type": "extra_forbidden", "loc": ["body", "enable_search"], "msg": "Extra inputs are not permitted"}
            ]
        },
    ),
]


def refuse(sent: WireRequest, body: Json, status: int = 400) -> Any:
    head = ResponseHead(status=status, headers={"content-type": "application/json"})

    return read_failure(
        head, json.dumps(body).encode(), endpoint=sent.endpoint, model="m", base_url="https://x.example/v1"
    )


@pytest.mark.parametrize(("page", "row", "model", "api", "body"), REFUSED, ids=[case[0] for case in REFUSED])
def test_a_refused_search_is_left_out_and_said(page: str, row: str, model: str, api: ApiName, body: Json) -> None:
    sent, plain = built(row, model, api), built(row, model, api, search=False)
    error = refuse(sent, body)
    repair = find_repair(sent, error, frozenset())
    assert repair is not None, error.failure
    again = apply(sent, [repair])
    assert again.body == plain.body
    assert any("search was left out" in warning for warning in again.warnings)
    assert find_repair(again, error, frozenset({repair})) is None
    assert apply(plain, [repair]) == plain  # learned for this model, it changes nothing where no search is asked for


NOT_OPEN: list[tuple[int, Json]] = [
    # https://www.volcengine.com/docs/82379/1756990, as quoted in public code, 2026-11-28
    (404, _said("Your account 2100 has not activated web search.", code="ToolNotOpen", type="NotFound")),
    (403, _said("Web search is not enabled for this organization.", type="permission_error")),
    # https://github.com/vercel/ai/pull/15713
    (410, _said("Live search is deprecated. Please switch to the Agent Tools API, which has web search.")),
]


@pytest.mark.parametrize(("status", "body"), NOT_OPEN, ids=[str(case[0]) for case in NOT_OPEN])
def test_a_search_that_the_account_has_not_is_left_out_for_this_call(status: int, body: Json) -> None:
    sent = built("ark", "doubao-seed-1-8", "responses")
    repair = find_repair(sent, refuse(sent, body, status), frozenset())
    assert repair is not None
    assert repair.once
    assert apply(sent, [repair]).body == built("ark", "doubao-seed-1-8", "responses", search=False).body


@pytest.mark.parametrize(
    ("status", "message"), [(401, "Invalid API key"), (404, "The model 'x' does not exist"), (403, "tools not allowed")]
)
def test_a_refused_key_or_model_is_no_refused_search(status: int, message: str) -> None:
    sent = built("ark", "doubao-seed-1-8", "responses")
    assert find_repair(sent, refuse(sent, _said(message), status), frozenset()) is None


OTHERS: list[tuple[str, str, ApiName, Json]] = [
    (
        "zhipu",
        "glm-4",
        "chat",
        _said("Invalid 'tools[0].function.name': string too long", param="tools[0].function.name"),
    ),
    ("zhipu", "glm-4", "chat", _said("messages must not be empty", param="messages")),
    ("dashscope", "qwen-plus", "chat", _said("Unknown parameter: 'top_k'", param="top_k")),
]


@pytest.mark.parametrize(("row", "model", "api", "body"), OTHERS)
def test_a_refusal_of_something_else_keeps_the_search(row: str, model: str, api: ApiName, body: Json) -> None:
    sent = built(row, model, api, tools=[LOOK])
    repair = find_repair(sent, refuse(sent, body), frozenset())
    assert repair is None or repair.action != "search"


def test_only_the_search_is_taken_out_of_the_tools() -> None:
    sent = built("zhipu", "glm-4", "chat", tools=[LOOK])
    repair = find_repair(sent, refuse(sent, _said("unknown tool type: web_search", param="tools[1].type")), frozenset())
    assert repair is not None
    assert (apply(sent, [repair]).body or {})["tools"] == [LOOK]
