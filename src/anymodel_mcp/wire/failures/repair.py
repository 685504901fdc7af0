"""One repair for each parameter that a provider refuses; pure, and remembered per provider and model by the sender.

Rules: at most one repair for each cause in one call, never back and forth between two names, never a field of the
user's own `options` (`WireRequest.protected`), never one whose loss would change what the answer is (`dimensions`,
`size`, `tools`, `messages`). `_RULES` are asked in order; each looks at a request and a
refusal and gives a repair or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from anymodel_mcp.errors import Failure, ProviderError
from anymodel_mcp.wire.decode.json_values import objects
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.failures.repair_steps import FORM_ONLY, Repair, apply, structure_of
from anymodel_mcp.wire.fields.efforts import LADDER, nearest
from anymodel_mcp.wire.fields.options import TOKEN_PARAMS

__all__ = ["Repair", "apply", "find_repair"]

_DROPPABLE = FORM_ONLY | {
    "temperature",
    "top_p",
    "stop",
    "n",
    "quality",
    "output_format",
    "input_type",
    "reasoning",
    "thinking",
    "enable_thinking",
    "thinking_budget",
    "image_config",
    "modalities",
}
_REFUSED = re.compile(
    r"unsupported|not support|does ?n.t support|not permitted|not allowed|unrecogni[sz]ed|unknown|unexpected|deprecated"
    r"|extra (?:input|field)|extra_forbidden|may only|only be set|invalid (?:param|field|argument)|can ?not be"
    r"|must be|not available|only the default|不支持|无效",
    re.IGNORECASE,
)
_UNKNOWN_NAME = re.compile(
    r"unsupported[_ ]param|unknown[_ ](?:param|field|name|argument)|unrecogni[sz]ed|extra[_ ]forbidden|extra inputs"
    r"|not permitted|unexpected keyword|use '?max_\w*tokens'? instead|not support(?:ed)?\b",
    re.IGNORECASE,
)
_NO_PLAIN_THINKING = re.compile(r"enable[_ ]thinking.*(?:stream|流)", re.IGNORECASE | re.DOTALL)
_STREAM_ONLY = re.compile(
    r"only supports? stream|stream(?:ing)? (?:mode )?(?:is )?(?:only|required)|enable the stream|仅支持流式"
    r"|stream.{0,20}must be (?:set to )?true",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"messages\[\d+\]\.role|'?(?:system|developer)'? role|role.{0,30}'?(?:system|developer)'?", re.IGNORECASE
)
_WORD = re.compile(r"[a-z_]+")


def find_repair(request: WireRequest, error: ProviderError, tried: frozenset[Repair]) -> Repair | None:
    """The change after which the request is worth sending again, if there is one.

    Args:
        request: as it was sent, earlier repairs included.
        error: the refusal, as the reader of error bodies gives it.
        tried: repairs of this call so far.
    """
    failure = error.failure
    if failure.status == 200:
        return _untried(_base64_gave_nothing(request, failure), tried)
    for rule in _RULES.get(failure.kind, ()):
        repair = rule(request, failure)
        if repair is not None:
            return _untried(repair, tried)
    return None


def _untried(repair: Repair | None, tried: frozenset[Repair]) -> Repair | None:
    if repair is None or repair in tried:
        return None
    back = repair.action == "rename" and any(t.action == "rename" and t.field == repair.to for t in tried)
    return None if back else repair


def _names(request: WireRequest, failure: Failure) -> set[str]:
    """The fields of ours that a refusal names: its own word for it where it has one, else those in its sentence."""
    ours = _fields(request)
    if failure.param:
        said = set(re.findall(r"[a-z_]+", failure.param.lower()))
        if said & ours:
            return said & ours
    if not _REFUSED.search(failure.message) and failure.kind != "unsupported_parameter":
        return set()
    return set(_WORD.findall(failure.message.lower())) & ours


def _fields(request: WireRequest) -> set[str]:
    names = set(request.body or ()) | {name for name, _ in request.form}
    return names - request.protected


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


def _weaker_structure(request: WireRequest, failure: Failure) -> Repair | None:
    field = "text" if request.endpoint == "responses" else "response_format"
    form = structure_of(request, field)
    if form is None or field in request.protected:
        return None
    said = f"{failure.param or ''} {failure.message}".lower()
    if (failure.param or "").startswith("tools") or not re.search(
        r"response[_ ]format|json_schema|json_object|structured output|text\.format|\bschema\b", said
    ):
        return None
    to = "json_object" if form == "json_schema" else "instruction"
    return Repair(endpoint=request.endpoint, action="structured", field=field, to=to)


def _picture_form(request: WireRequest, failure: Failure) -> Repair | None:
    if request.endpoint == "images" and "response_format" in _names(request, failure):
        return Repair(endpoint="images", action="drop", field="response_format")
    return None


def _picture_modalities(request: WireRequest, failure: Failure) -> Repair | None:
    value = (request.body or {}).get("modalities")
    if value == ["image", "text"] and "modalit" in failure.message.lower() and "modalities" not in request.protected:
        return Repair(endpoint=request.endpoint, action="set", field="modalities", to="image")
    return None


def _other_role(request: WireRequest, failure: Failure) -> Repair | None:
    said = f"{failure.param or ''} {failure.message}"
    if request.endpoint != "chat" or "messages" in request.protected:
        return None
    if not _ROLE.search(said) or not _REFUSED.search(failure.message):
        return None
    roles = {m.get("role") for m in objects((request.body or {}).get("messages"))}
    if "developer" in roles:
        return Repair(endpoint="chat", action="role", field="messages", to="system")
    return Repair(endpoint="chat", action="role", field="messages", to="user") if "system" in roles else None


def _effort(request: WireRequest, failure: Failure) -> Repair | None:
    if "reasoning_effort" not in _names(request, failure):
        return None
    sent = str((request.body or {}).get("reasoning_effort"))
    offered = [
        w for w in re.findall(r"'(\w+)'|\"(\w+)\"|`(\w+)`", failure.message) for w in w if w in LADDER and w != sent
    ]
    if offered:
        word = nearest(sent, offered)
        if word != sent:
            return Repair(endpoint=request.endpoint, action="set", field="reasoning_effort", to=word, when=sent)
    if failure.code == "unsupported_value" or re.search(rf"'{re.escape(sent)}'", failure.message):
        return Repair(endpoint=request.endpoint, action="drop", field="reasoning_effort", when=sent)
    return Repair(endpoint=request.endpoint, action="drop", field="reasoning_effort")


def _encoding(request: WireRequest, failure: Failure) -> Repair | None:
    if "encoding_format" not in _names(request, failure):
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
    """Empty data after base64 was asked for: https://github.com/plastic-labs/honcho/issues/932, 2026-11-20."""
    asked = request.endpoint == "embeddings" and (request.body or {}).get("encoding_format") == "base64"
    if asked and failure.kind in ("upstream", "protocol"):
        return Repair(endpoint="embeddings", action="set", field="encoding_format", to="float")
    return None


_Rule = Callable[[WireRequest, Failure], Repair | None]
_REFUSALS: tuple[_Rule, ...] = (
    _rename_tokens,
    _thinking_needs_stream,
    _picture_form,
    _picture_modalities,
    _weaker_structure,
    _other_role,
    _effort,
    _encoding,
    _drop,
)
_RULES: dict[str, tuple[_Rule, ...]] = {
    "unsupported_parameter": _REFUSALS,
    "bad_request": _REFUSALS,
    "invalid_argument": _REFUSALS,
    # a router finds no host for what is asked, and says it as it says an unknown model
    "model_not_found": (_picture_modalities,),
    "endpoint_not_found": (_picture_modalities,),
}
