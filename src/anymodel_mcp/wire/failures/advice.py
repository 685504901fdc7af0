"""Advice for a failure: by its cause if the message names one, else one or two sentences for its kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from anymodel_mcp.errors import ADVICE, ErrorKind
from anymodel_mcp.record import record
from anymodel_mcp.wire.decode.json_values import objects
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.failures import meanings
from anymodel_mcp.wire.failures.limits import named_bounds
from anymodel_mcp.wire.failures.missing import missing_field
from anymodel_mcp.wire.fields.efforts import LADDER
from anymodel_mcp.wire.patterns import LazyPattern

_VERSIONED = LazyPattern(r"/(?:v\d|api|openai|inference|compat)", re.IGNORECASE)
_FILE_PARTS = frozenset({"image_url", "input_image", "file", "input_file", "input_audio", "image", "file_url"})


@record
class Situation:
    """What the advice depends on besides the message.

    Attributes:
        endpoint: which kind of request it was.
        base_url: from the configuration.
        html: the response was a web page.
        param: the field that the provider names, if it names one.
        sent: the request, if known.
    """

    endpoint: str
    base_url: str = ""
    html: bool = False
    param: str = ""
    sent: WireRequest | None = None

    @property
    def holds_files(self) -> bool:
        """Whether the request contains pictures, documents or sound; assumed if the request is not known."""
        if self.sent is None or self.sent.files:
            return True
        body = self.sent.body or {}
        messages = [*objects(body.get("messages")), *objects(body.get("input"))]
        return any(part.get("type") in _FILE_PARTS for m in messages for part in objects(m.get("content")))


def advise(kind: ErrorKind, words: str, situation: Situation) -> str:
    """Returns the advice.

    Args:
        kind: the kind of failure.
        words: the provider's message.
        situation: the request and the response.
    """
    words = words[:2000]
    if kind in _BY_CAUSE_KINDS:
        for applies, advice in _CAUSES:
            if applies.search(words):
                return advice
    by_rule = next((found for rule in _RULES.get(kind, ()) if (found := rule(words, situation))), "")
    return by_rule or ADVICE[kind]


_BY_CAUSE_KINDS: frozenset[ErrorKind] = frozenset(
    {"bad_request", "unsupported_parameter", "upstream", "server", "endpoint_not_found", "model_not_found"}
)


def _cause(pattern: str, advice: str) -> tuple[LazyPattern, str]:
    return LazyPattern(pattern, re.IGNORECASE), advice


_CAUSES: tuple[tuple[LazyPattern, str], ...] = (
    _cause(
        r"v1/responses and not in|responses api (?:only|instead)|(?:use|please use) (?:the )?(?:/?v1/responses"
        r"|responses api)",
        'This model answers through the Responses API only: set api = "responses" for its provider in the '
        'configuration, or for this model alone under [providers.NAME.overrides."MODEL"].',
    ),
    _cause(r"realtime beta api", "Remove the header OpenAI-Beta from the headers of this provider."),
    _cause(
        r"not a chat model|use v1/completions|does ?n[o']t support (?:a )?chat (?:template|completions?)"
        r"|no chat template",
        "This is not a chat model: use the complete tool, or another model.",
    ),
    _cause(
        r"does ?n[o']t support embeddings?|not an embeddings? model",
        "This model or server makes no embeddings: use an embedding model (list_models shows them), or start "
        "the server with them.",
    ),
    _cause(
        r"requires? --\w|start (?:it|the server) with|--[a-z]+-[a-z-]+[^.\n]{0,40}to be set",
        "Start that server with the flags that its message names, or leave out what needs them.",
    ),
    _cause(
        r"input_type",
        'Set quirks = { embed_input_type = "nvidia" } for this provider, or pass options {"input_type": "query"}.',
    ),
    _cause(
        r"enable_thinking|stream=False",
        'This model thinks only when streaming: leave stream on, or pass options {"enable_thinking": false}.',
    ),
    _cause(r"missing .?reasoning_content", "Send reasoning_content of the assistant's turn back with it."),
    _cause(
        r"batch size|(?:number of|too many) (?:inputs|items)",
        "Send fewer inputs at once: set quirks = { embed_batch = N } for this provider, with the number that it names.",
    ),
    _cause(
        r"last (?:message|role)|must end with a user|final (?:message|turn)",
        "End the messages with one of the user.",
    ),
    _cause(
        r"tool_call_id|tool (?:message|result)s? must|must be followed by tool|tool_use.{0,40}tool_result",
        "Send every tool call back together with its result: one tool message for each id, right after the "
        "assistant's turn.",
    ),
    _cause(
        r"invalid schema for function|tools?\[\d+\]|function\.parameters|invalid tool",
        "Correct the definition of the tool that is named: a name of letters, digits, _ and -, and a JSON "
        "Schema of type object.",
    ),
    _cause(
        r"(?:download|fetch|retriev|access|load)\w*[^.\n]{0,40}(?:image|file|url)|(?:image|file"
        r"|url)[^.\n]{0,40}(?:download|fetch|not be retrieved)",
        "The provider cannot read that address: give the picture or file itself (a path or a data URL) instead "
        "of a link.",
    ),
    _cause(
        r"(?:invalid|unsupported|corrupt\w*|decode)[^.\n]{0,30}(?:image|base64 (?!encod))|image (?:format|type|data)"
        r"|(?:invalid|corrupt\w*|decode) base64",
        "Send the picture as PNG or JPEG, whole and not too large.",
    ),
    _cause(
        r"terms (?:acceptance|of (?:use|service))|accept the terms", "Accept the terms of this model at the provider."
    ),
    _cause(
        r"(?:not|n't) (?:been )?activated|not open(?:ed)?\b|enable (?:the|this) (?:model|api)",
        "Activate this model in the provider's console, or use another one.",
    ),
    _cause(
        r"parse (?:the )?(?:json|body)|malformed|invalid json|could not parse",
        "The provider could not read the request: take out unusual characters or options.",
    ),
)


def _about_missing(words: str, situation: Situation) -> str:
    name = missing_field(words)
    if name is None:
        return ""
    if "[" in name or "." in name:
        return f"Add {name} to the request: this provider requires it."
    argument = _ARGUMENTS.get(name)
    return (
        f"Name {argument}: this provider requires it."
        if argument
        else f"This provider requires {name!r}: pass it in options, such as {{{name!r}: ...}}.".replace("'", '"')
    )


_ARGUMENTS = {
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "model": "a model",
    "messages": "a prompt or messages",
    "input": "an input",
    "prompt": "a prompt",
    "size": "a size",
    "image": "images",
    "dimensions": "dimensions",
    "stop": "stop",
}


def _about_ideas(words: str, situation: Situation) -> str:
    for idea, advice in _LACKING.items():
        if meanings.lacks_idea(idea, words) or (idea == "vision" and meanings.names_idea(idea, words)):
            return advice
    if meanings.refuses_roles(words):
        return (
            "This model's template refuses these roles: leave the system text out, or begin with a user's "
            "message and alternate."
        )
    return ""


_LACKING = {
    "vision": "This model has no vision: leave the pictures out, or use a model with vision (list_models "
    "capability=vision).",
    "tools": "Leave tools out, or use a model that can call tools (list_models capability=tools).",
    "reasoning": "Leave reasoning_effort out, or use a model that can think (list_models capability=reasoning).",
    "stream": "Set stream to false for this model.",
}


def _about_numbers(words: str, situation: Situation) -> str:
    body: dict[str, Any] = dict(situation.sent.body or {}) if situation.sent else {}
    numbers = {k: v for k, v in body.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    lowered = words.lower()
    for name, value in numbers.items():
        limit = named_bounds(words, value).nearest
        if limit is not None and (name in lowered or (name.endswith("_tokens") and "tokens" in lowered)):
            return f"Ask for {name} of {'at most' if limit < value else 'at least'} {limit:g}."
    bounds = named_bounds(words, float("inf")), named_bounds(words, float("-inf"))
    if situation.param and any(b.nearest is not None for b in bounds):
        return f"Keep {situation.param} within the limit that the message names."
    return ""


def _about_effort(words: str, situation: Situation) -> str:
    offered = set(re.findall(r"['\"`](\w+)['\"`]", words)) & set(LADDER)
    if len(offered) < _A_LIST or "effort" not in f"{situation.param} {words}".lower():
        return ""
    return "Ask for a reasoning_effort that the message lists."


_A_LIST = 2


def _about_field(words: str, situation: Situation) -> str:
    name = situation.param.split(".")[0].split("[")[0]
    if situation.sent is None or name not in situation.sent.protected:
        return ""
    return f"Leave {name} out of options, or use a model that takes it."


def _about_size(words: str, situation: Situation) -> str:
    if situation.holds_files:
        return "Send less: fewer or smaller pictures and files."
    return "Send less text, or use a provider that takes larger requests."


def _about_overflow(words: str, situation: Situation) -> str:
    if not meanings.exceeds_limit(words) or "context" in words.lower():
        return ""
    return (
        "This one request is larger than the account's limit, and waiting does not help: shorten it, ask for "
        "fewer tokens, or use another provider or plan."
    )


def _about_daily(words: str, situation: Situation) -> str:
    if meanings.long_window_s(words) is None:
        return ""
    return "The allowance of this period is used up: use another model or provider, or another plan."


def _about_walls(words: str, situation: Situation) -> str:
    if meanings.says_region_blocked(words) or not (situation.html or meanings.says_challenged(words)):
        return (
            "The provider does not serve this country or network address, whatever the key: use another "
            "provider, or a proxy (HTTPS_PROXY) in a country that it serves."
        )
    return ""


def _about_endpoint(words: str, situation: Situation) -> str:
    advice = {
        "completions": "This provider may have no completions endpoint: use the chat tool instead.",
        "models": "This provider may have no model list: name the models under `models` in its configuration.",
        "realtime": 'This provider may have no Realtime API there: check base_url, or set api = "chat" for this model.',
        "responses": 'This provider may have no Responses API: set api = "chat".',
    }.get(situation.endpoint, "Check base_url: only the endpoint's path is added to it.")
    lacks = situation.base_url and not _VERSIONED.search(urlsplit(situation.base_url).path)
    return f"{advice} Does base_url lack /v1?" if lacks or situation.html else advice


_Rule = Callable[[str, Situation], str]
_RULES: dict[ErrorKind, tuple[_Rule, ...]] = {
    "bad_request": (_about_missing, _about_ideas, _about_numbers),
    "unsupported_parameter": (_about_numbers, _about_effort, _about_ideas, _about_field, _about_missing),
    "server": (_about_ideas,),
    "too_large": (_about_size,),
    "context_length": (_about_overflow,),
    "rate_limit": (_about_daily,),
    "blocked": (_about_walls,),
    "endpoint_not_found": (_about_endpoint,),
}
