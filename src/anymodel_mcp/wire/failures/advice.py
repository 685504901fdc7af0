"""What to do about a failure: one or two sentences for each kind, more precise where the words allow it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from anymodel_mcp.errors import ErrorKind

_BY_KIND: dict[ErrorKind, str] = {
    "auth": "Check the key of this provider: that it is set, complete, not expired, and meant for this address.",
    "quota": "The account has no credit or quota left: top it up at the provider, or use another provider.",
    "rate_limit": "Wait and ask again, ask less at once, or use another provider.",
    "overloaded": "The provider is overloaded: try again in a moment, or use another model or provider.",
    "timeout": "Ask again, ask for less, or raise the timeouts of this provider in the configuration.",
    "server": "The provider failed: try again; if it stays, use another model or provider.",
    "upstream": "Try again, or use another model.",
    "model_not_found": "Call list_models to see the names that this provider knows.",
    "context_length": "Shorten the input, ask for fewer tokens, or use a model with a larger context.",
    "content_filter": "The provider's filter refused this content: rephrase it, or use another model.",
    "too_large": "Send less: fewer or smaller pictures and files.",
    "gone": "The provider has switched this off: leave the option out, or use what its message names.",
    "unsupported_parameter": "Leave the named field out, or use a model that takes it.",
    "endpoint_not_found": "Check base_url and what this provider offers.",
}
_WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"input_type", re.IGNORECASE),
        'Set quirks = { embed_input_type = "nvidia" } for this provider, or pass options {"input_type": "query"}.',
    ),
    (
        re.compile(r"enable_thinking|stream=False", re.IGNORECASE),
        'This model thinks only in streams: leave stream on, or pass options {"enable_thinking": false}.',
    ),
    (re.compile(r"does ?n[o']t support tools", re.IGNORECASE), "Leave tools out, or use a model that can call tools."),
    (
        re.compile(r"missing .?reasoning_content", re.IGNORECASE),
        "Send reasoning_content of the assistant's turn back with it.",
    ),
)
_VERSIONED = re.compile(r"/(?:v\d|api|openai|inference|compat)", re.IGNORECASE)


def advise(kind: ErrorKind, message: str, *, endpoint: str, base_url: str = "", html: bool = False) -> str:
    """What to do.

    Args:
        kind: the kind of failure.
        message: the provider's words.
        endpoint: which kind of request it was.
        base_url: from the configuration.
        html: the answer was a web page.
    """
    for pattern, words in _WORDS:
        if pattern.search(message[:2000]) and kind in ("bad_request", "unsupported_parameter", "upstream"):
            return words
    if kind == "endpoint_not_found":
        return _about_endpoint(endpoint, base_url, html=html)
    return _BY_KIND.get(kind, "")


def _about_endpoint(endpoint: str, base_url: str, *, html: bool) -> str:
    advice = {
        "completions": "This provider may have no completions endpoint: use the chat tool instead.",
        "models": "This provider may have no model list: name the models under `models` in its configuration.",
        "responses": 'This provider may have no Responses API: set api = "chat".',
    }.get(endpoint, "Check base_url: only the endpoint's path is added to it.")
    lacks = base_url and not _VERSIONED.search(urlsplit(base_url).path)
    return f"{advice} Does base_url lack /v1?" if lacks or html else advice
