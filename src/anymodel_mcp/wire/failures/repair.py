"""Finds one repair for each parameter that a provider refuses. Pure; the sender remembers them per provider and model.

Rules: at most one repair for each cause in one call, never back and forth between two names, never a field of the
user's own `options` (`WireRequest.protected`), never one whose loss would change what the answer is (`dimensions`,
`size`, `tools`, `messages`). `_RULES` are tried in order; each returns a repair, or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from anymodel_mcp.errors import Failure, ProviderError
from anymodel_mcp.wire.decode.json_values import as_object, objects
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.failures import meanings
from anymodel_mcp.wire.failures.limits import named_bounds, output_room
from anymodel_mcp.wire.failures.missing import missing_field
from anymodel_mcp.wire.failures.repair_steps import (
    FORM_ONLY,
    STRUCTURE_FIELDS,
    Repair,
    apply,
    structure_of,
    value_at,
)
from anymodel_mcp.wire.failures.search import without_search
from anymodel_mcp.wire.fields.efforts import LADDER, nearest
from anymodel_mcp.wire.fields.options import TOKEN_LIMITS, TOKEN_PARAMS
from anymodel_mcp.wire.patterns import LazyPattern

__all__ = ["Repair", "apply", "find_repair"]

_DROPPABLE = FORM_ONLY | {
    "temperature",
    "top_p",
    "stop",
    "n",
    "quality",
    "output_format",
    "input_type",
    "reasoning_effort",
    "reasoning",
    "thinking",
    "enable_thinking",
    "thinking_budget",
    "image_config",
    "modalities",
}
_THINKING = ("reasoning_effort", "reasoning.effort", "thinking", "enable_thinking", "thinking_budget", "reasoning")
"""The fields of a body that may hold an effort."""
_NUMBERS = (
    *TOKEN_LIMITS,
    "temperature",
    "top_p",
    "n",
    "top_k",
    "presence_penalty",
    "frequency_penalty",
    "thinking_budget",
)
_UNKNOWN_NAME = LazyPattern(
    r"unsupported[_ ]param|unknown[_ ](?:param|field|name|argument)|unrecogni[sz]ed|extra[_ ]forbidden|extra inputs"
    r"|not permitted|unexpected keyword|use '?max_\w*tokens'? instead|not support(?:ed)?\b",
    re.IGNORECASE,
)
_NO_PLAIN_THINKING = LazyPattern(r"enable[_ ]thinking.*(?:stream|流)", re.IGNORECASE | re.DOTALL)
_STREAM_ONLY = LazyPattern(
    r"only supports? stream|stream(?:ing)? (?:mode )?(?:is )?(?:only|required)|enable the stream|仅支持流式"
    r"|stream.{0,20}must be (?:set to )?true",
    re.IGNORECASE,
)
_STREAM_REFUSED = LazyPattern(r"verified to stream|unsupported for stream|remove ['\"`]?stream", re.IGNORECASE)
_ESSENTIAL = frozenset({"model", "messages", "input", "prompt", "tools"})
"""Fields that no repair removes; any sentence may mention them."""
_MOST_REPAIRS = 8
_ONCE_A_FIELD = frozenset({"cap", "raise", "supply"})
"""The limit of repairs for a provider that names another number each time."""
_LEAST_MAX_TOKENS = 4096
_KNOWN_VALUES: dict[str, float] = {"temperature": 1, "top_p": 1, "n": 1}
"""The default of an endpoint that does not require the parameter."""


def find_repair(request: WireRequest, error: ProviderError, tried: frozenset[Repair]) -> Repair | None:
    """Returns a change after which the request may succeed, if there is one.

    Args:
        request: as it was sent, earlier repairs included.
        error: the refusal, as read from the response.
        tried: the repairs of this call so far.
    """
    failure = error.failure
    if failure.status == 200 and failure.kind not in _RULES:
        return _untried(_base64_gave_nothing(request, failure), tried)
    for rule in _RULES.get(failure.kind, ()):
        repair = rule(request, failure)
        if repair is not None:
            return _untried(repair, tried)
    return None


def _untried(repair: Repair | None, tried: frozenset[Repair]) -> Repair | None:
    if repair is None or repair in tried or len(tried) >= _MOST_REPAIRS:
        return None
    if repair.action in _ONCE_A_FIELD and any(t.field == repair.field and t.action in _ONCE_A_FIELD for t in tried):
        return None
    back = repair.action == "rename" and any(t.action == "rename" and t.field == repair.to for t in tried)
    return None if back else repair


def _names(request: WireRequest, failure: Failure) -> set[str]:
    """The fields of our request that a refusal names.

    Its own word for the field counts first; then the fields, the values and the ideas in its sentence. Names are
    compared without case and underscores: `reasoningEffort` is `reasoning_effort`.
    """
    ours = _squeezed_names(request)
    said = [_squeezed(word) for word in re.split(r"[^A-Za-z_]+", failure.param or "")]
    named = {ours[word] for word in said if word in ours}
    if named:
        return named
    if failure.kind != "unsupported_parameter" and not meanings.refuses(failure.message):
        return set()
    words = {_squeezed(word) for word in re.findall(r"[A-Za-z_]+", failure.message)}
    return {ours[word] for word in words & set(ours)} or _valued(request, failure) or _meant(request, failure)


def _squeezed_names(request: WireRequest) -> dict[str, str]:
    """Our fields by their normalized names; a field inside one (`reasoning.effort`) refers to it too."""
    ours: dict[str, str] = {}
    for name in _fields(request) - _ESSENTIAL:
        ours[_squeezed(name)] = name
        ours.update({_squeezed(name + inner): name for inner in as_object((request.body or {}).get(name))})
    return ours


def _squeezed(name: str) -> str:
    return name.replace("_", "").lower()


def _valued(request: WireRequest, failure: Failure) -> set[str]:
    """The fields of our request whose value a refusal names: "base64 encoding is not supported"."""
    words = set(re.findall(r"[\w-]+", failure.message.lower()))
    values = {name: (request.body or {}).get(name) for name in _fields(request) & _DROPPABLE}
    return {n for n, v in values.items() if isinstance(v, str) and len(v) >= _TELLING and v.lower() in words}


def _meant(request: WireRequest, failure: Failure) -> set[str]:
    """The fields of our request that a refusal means by a feature: "does not support thinking"."""
    if meanings.lacks_idea("reasoning", failure.message) or _THINK_VALUE.search(failure.message):
        return _fields(request) & set(_THINKING)
    return set()


_TELLING = 6
"""A shorter value may be a word of any sentence ("low", "auto")."""
_THINK_VALUE = LazyPattern(
    r"\b(?:invalid|unsupported|unknown) (?:think|reasoning)\w* (?:value|level|effort|mode)", re.IGNORECASE
)


def _fields(request: WireRequest) -> set[str]:
    return set(request.body or ()) - request.protected


def _rename_tokens(request: WireRequest, failure: Failure) -> Repair | None:
    found = [name for name in TOKEN_PARAMS if name in _fields(request)]
    if request.endpoint != "chat" or not found:
        return None
    old, new = found[0], next(name for name in TOKEN_PARAMS if name != found[0])
    named = failure.param is not None and old in re.findall(r"\w+", failure.param)
    words = f"{failure.code or ''} {failure.message}"
    if (named or re.search(rf"\b{old}\b", failure.message)) and _UNKNOWN_NAME.search(words):
        return Repair(endpoint="chat", action="rename", field=old, to=new)
    return None


def _thinking_needs_stream(request: WireRequest, failure: Failure) -> Repair | None:
    if request.stream or request.endpoint not in ("chat", "completions"):
        return None
    wants_thoughts = request.body is not None and request.body.get("enable_thinking") is True
    if _NO_PLAIN_THINKING.search(failure.message) and not wants_thoughts and "enable_thinking" not in request.protected:
        return Repair(endpoint=request.endpoint, action="set", field="enable_thinking", to=False, plain_only=True)
    refused = _NO_PLAIN_THINKING.search(failure.message) or _STREAM_ONLY.search(failure.message)
    if refused and "stream" not in request.protected:
        return Repair(endpoint=request.endpoint, action="set", field="stream", to=True, plain_only=True)
    return None


def _no_stream(request: WireRequest, failure: Failure) -> Repair | None:
    if not request.stream or "stream" in request.protected:
        return None
    named = (failure.param or "").lower() == "stream" and meanings.REFUSAL.search(failure.message)
    meant = meanings.lacks_idea("stream", failure.message) and _names(request, failure) <= {"stream"}
    if named or meant or _STREAM_REFUSED.search(failure.message):
        return Repair(endpoint=request.endpoint, action="set", field="stream", to=False)
    return None


def _within_limit(request: WireRequest, failure: Failure) -> Repair | None:
    """A repair that moves a number to the limit that the refusal names."""
    text = f"{failure.param or ''} {failure.message}"
    for name in _NUMBERS:
        value = (request.body or {}).get(name)
        if name in request.protected or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if not _speaks_of(name, text):
            continue
        limit = named_bounds(failure.message, value).nearest
        if limit is not None:
            to = int(limit) if isinstance(value, int) else limit
            return Repair(endpoint=request.endpoint, action="cap" if limit < value else "raise", field=name, to=to)
    return None


def _speaks_of(name: str, text: str) -> bool:
    if _squeezed(name) in {_squeezed(word) for word in re.findall(r"[A-Za-z_]+", text)}:
        return True
    return name in TOKEN_LIMITS and bool(
        re.search(r"max\w*[_ ](?:\w+[_ ])?tokens|(?:completion|output) tokens", text, re.I)
    )


def _fits_beside_input(request: WireRequest, failure: Failure) -> Repair | None:
    """A repair that reduces the output, if input and output together exceed the context and the refusal names both."""
    for name in TOKEN_LIMITS:
        asked = (request.body or {}).get(name)
        if isinstance(asked, int) and name not in request.protected:
            room = output_room(failure.message, asked)
            if room is not None and str(asked) in failure.message:
                return Repair(endpoint=request.endpoint, action="cap", field=name, to=room, once=True)
    return None


def _supplied(request: WireRequest, failure: Failure) -> Repair | None:
    """A repair that adds a required field, if a value is known for it."""
    name = missing_field(failure.message)
    if name is None and re.search(r"\b(?:missing|required)\b", failure.message, re.IGNORECASE):
        name = failure.param
    name = (name or "").split(".")[-1]
    if name in TOKEN_LIMITS:
        return _supplied_limit(request, name)
    value = _KNOWN_VALUES.get(name)
    if value is None or request.body is None or name in request.body:
        return None
    return Repair(endpoint=request.endpoint, action="supply", field=name, to=value)


def _supplied_limit(request: WireRequest, name: str) -> Repair | None:
    """A repair that sends the token limit under the requested name: the sent limit, else the model's own."""
    name = "max_output_tokens" if request.endpoint == "responses" else name
    sent = next((n for n in TOKEN_LIMITS if n in (request.body or {})), None)
    if sent == name or request.body is None or (sent and sent in request.protected):
        return None
    if sent:
        return Repair(endpoint=request.endpoint, action="rename", field=sent, to=name)
    return Repair(endpoint=request.endpoint, action="supply", field=name, to=request.output_limit or _LEAST_MAX_TOKENS)


def _weaker_structure(request: WireRequest, failure: Failure) -> Repair | None:
    field = STRUCTURE_FIELDS.get(request.endpoint, "response_format")
    form = structure_of(request, field)
    if form is None or field in request.protected:
        return None
    said = f"{failure.param or ''} {failure.message}".lower()
    if (failure.param or "").startswith("tools") or not re.search(
        r"response[_ ]?(?:format|json_?schema|mime_?type)|output_config|json_schema|json_object|structured output"
        r"|text\.format|\bschema\b",
        said,
    ):
        return None
    to = "json_object" if form == "json_schema" and field in ("text", "response_format") else "instruction"
    return Repair(endpoint=request.endpoint, action="structured", field=field, to=to)


def _answer_form(request: WireRequest, failure: Failure) -> Repair | None:
    """A repair of the response format: JSON for transcripts, which every server supports; none for pictures."""
    if request.endpoint not in ("images", "transcription") or "response_format" not in _names(request, failure):
        return None
    asked = (request.body or {}).get("response_format")
    if request.endpoint == "transcription" and isinstance(asked, str) and asked != "json":
        return Repair(endpoint="transcription", action="set", field="response_format", to="json", when=asked)
    return Repair(endpoint=request.endpoint, action="drop", field="response_format")


def _picture_modalities(request: WireRequest, failure: Failure) -> Repair | None:
    value = (request.body or {}).get("modalities")
    if value == ["image", "text"] and "modalit" in failure.message.lower() and "modalities" not in request.protected:
        return Repair(endpoint=request.endpoint, action="set", field="modalities", to="image")
    return None


def _other_role(request: WireRequest, failure: Failure) -> Repair | None:
    said = f"{failure.param or ''} {failure.message}"
    if request.endpoint != "chat" or "messages" in request.protected or not meanings.refuses_roles(said):
        return None
    roles = [m.get("role") for m in objects((request.body or {}).get("messages"))]
    if "developer" in roles:
        return Repair(endpoint="chat", action="role", field="messages", to="system")
    alike = any(one == other for one, other in pairwise(roles))
    return Repair(endpoint="chat", action="role", field="messages", to="user") if "system" in roles or alike else None


def _effort(request: WireRequest, failure: Failure) -> Repair | None:
    """A repair of the effort: the nearest one that the refusal offers, or none."""
    path = "reasoning.effort" if "reasoning" in (request.body or {}) else "reasoning_effort"
    sent = value_at(request.body or {}, path)
    if not isinstance(sent, str) or not _names(request, failure) & set(_THINKING):
        return None
    if path == "reasoning.effort" and "reasoning" in request.protected:
        return None
    offered = [w for w in re.findall(r"\b[a-z]+\b", _offers(failure.message, sent)) if w in LADDER and w != sent]
    word = nearest(sent, offered) if offered else sent
    if word != sent:
        return Repair(endpoint=request.endpoint, action="set", field=path, to=word, when=sent)
    valued = failure.code == "unsupported_value" or re.search(rf"['\"`]{re.escape(sent)}['\"`]", failure.message)
    return Repair(endpoint=request.endpoint, action="drop", field=path, when=sent if valued else None)


def _offers(message: str, sent: str) -> str:
    """The part of a refusal that lists the accepted values."""
    found = _OFFER.search(message)
    if found:
        return message[found.end() :].lower()
    quoted = re.findall(r"['\"`](\w+)['\"`]", message)
    return " ".join(w for w in quoted if w != sent).lower()


_OFFER = LazyPattern(
    r"(?:supported|allowed|accepted|valid|available|possible|permitted) (?:\w+ )?(?:values?|options?|levels?|efforts?)?"
    r" ?(?:are|is)?:?|must be(?: one of)?|(?:please )?use|should be(?: one of)?|one of|expected",
    re.IGNORECASE,
)


_ENCODING = LazyPattern(r"\bencodings?\b", re.IGNORECASE)


def _encoding(request: WireRequest, failure: Failure) -> Repair | None:
    meant = request.endpoint == "embeddings" and _ENCODING.search(failure.message) and meanings.refuses(failure.message)
    if "encoding_format" not in _fields(request) or not (meant or "encoding_format" in _names(request, failure)):
        return None
    if (request.body or {}).get("encoding_format") == "base64":
        return Repair(endpoint=request.endpoint, action="set", field="encoding_format", to="float")
    return Repair(endpoint=request.endpoint, action="drop", field="encoding_format")


def _drop(request: WireRequest, failure: Failure) -> Repair | None:
    named = _names(request, failure) & _DROPPABLE
    if not named:
        return None
    first = min(named, key=lambda name: _place(name, failure))
    return Repair(endpoint=request.endpoint, action="drop", field=first)


def _place(name: str, failure: Failure) -> int:
    return f"{failure.param or ''} {failure.message}".lower().find(name)


def _base64_gave_nothing(request: WireRequest, failure: Failure) -> Repair | None:
    """A repair for empty data in a base64 response: https://github.com/plastic-labs/honcho/issues/932, 2026-11-20."""
    asked = request.endpoint == "embeddings" and (request.body or {}).get("encoding_format") == "base64"
    if asked and failure.kind in ("upstream", "protocol"):
        return Repair(endpoint="embeddings", action="set", field="encoding_format", to="float")
    return None


_Rule = Callable[[WireRequest, Failure], Repair | None]
_REFUSALS: tuple[_Rule, ...] = (
    _rename_tokens,
    _within_limit,
    _thinking_needs_stream,
    _no_stream,
    _answer_form,
    _picture_modalities,
    _weaker_structure,
    _other_role,
    _effort,
    _encoding,
    without_search,
    _supplied,
    _drop,
)
_RULES: dict[str, tuple[_Rule, ...]] = {
    "unsupported_parameter": _REFUSALS,
    "bad_request": _REFUSALS,
    "invalid_argument": _REFUSALS,
    # a router that finds no host for the request reports an unknown model
    "context_length": (_fits_beside_input,),
    "model_not_found": (_picture_modalities, without_search),
    "endpoint_not_found": (_picture_modalities, without_search),
    "auth": (without_search,),
    "gone": (without_search,),
}
