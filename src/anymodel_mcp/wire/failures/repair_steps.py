"""Repairs as values, and how each is applied to a request. `repair.py` selects them.

Dropped features are listed in the request's warnings. Fields for the form of the bytes only (a stream's usage frame,
base64) lose nothing and cause no warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

from anymodel_mcp.record import record
from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_list, as_object, objects
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.fields.messages import joined_neighbours, with_instruction, with_system_role
from anymodel_mcp.wire.fields.structured import instruction

Action = Literal["rename", "drop", "set", "cap", "raise", "supply", "structured", "role", "search"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@record
class Repair:
    """One change that makes a provider accept a request.

    Attributes:
        endpoint: where it was learned; it applies only there.
        field: the body field that is changed; "reasoning.effort" is the field `effort` inside `reasoning`.
        to: the new name ("rename"), value ("set", "supply" where there is none), largest ("cap") or smallest number
            ("raise"), form ("structured") or role ("role").
        when: changed only if the field has this value; `None` = any value.
        plain_only: applies to requests without streaming.
        once: applies to this call only, and is not remembered.
    """

    endpoint: str
    action: Action
    field: str
    to: str | bool | float | None = None
    when: str | None = None
    plain_only: bool = False
    once: bool = False

    def to_json(self) -> Json:
        """The repair as a JSON object."""
        return {
            "endpoint": self.endpoint,
            "action": self.action,
            "field": self.field,
            "to": self.to,
            "when": self.when,
            "plain_only": self.plain_only,
        }

    @classmethod
    def from_json(cls, value: Json) -> Repair:
        """Parses the result of `to_json`; a record that this version does not understand has no effect."""
        action, to, when = value.get("action"), value.get("to"), value.get("when")
        if action not in ACTIONS:
            return cls(endpoint="", action="drop", field="")
        return cls(
            endpoint=str(value.get("endpoint", "")),
            action=action,
            field=str(value.get("field", "")),
            to=to if isinstance(to, str | bool | int | float) else None,
            when=when if isinstance(when, str) else None,
            plain_only=value.get("plain_only") is True,
        )


FORM_ONLY = frozenset({"stream_options", "encoding_format", "reasoning_split"})
"""Fields that select the form of the bytes, not the content."""


STRUCTURE_FIELDS: Mapping[str, str] = {
    "responses": "text",
    "messages": "output_config",
    "generate": "generationConfig",
}
"""The field that requests a structured answer, by endpoint; elsewhere `response_format`."""


def structure_of(request: WireRequest, field: str) -> str | None:
    """The requested form of a structured answer: "json_schema", "json_object" or `None`."""
    value = as_object((request.body or {}).get(field))
    if field == "generationConfig":
        return "json_schema" if "responseJsonSchema" in value else None
    kind = (as_object(value.get("format")) if field in ("text", "output_config") else value).get("type")
    return kind if kind in ("json_schema", "json_object") else None


def value_at(body: Json, path: str) -> Any:
    """The value of a field, or of a nested one ("reasoning.effort"); `None` = missing."""
    outer, _, inner = path.partition(".")
    value = body.get(outer)
    return as_object(value).get(inner) if inner else value


def _with_value(body: Json, path: str, value: Any) -> Json:
    """The body with another value at a path; `None` removes the field."""
    outer, _, inner = path.partition(".")
    if inner:
        value = _with_value(as_object(body.get(outer)), inner, value) or None
    rest = {k: v for k, v in body.items() if k != outer}
    if value is None:
        return rest
    return {k: value if k == outer else v for k, v in body.items()} if outer in body else {**rest, outer: value}


def apply(request: WireRequest, repairs: Iterable[Repair]) -> WireRequest:
    """Applies repairs to the request, in order; those that do not concern it change nothing."""
    for repair in repairs:
        if _concerns(request, repair):
            request = _CARRY_OUT[repair.action](request, repair)
    return request


def _concerns(request: WireRequest, repair: Repair) -> bool:
    if repair.endpoint != request.endpoint:
        return False
    if repair.action == "search":  # takes only what this server has added
        return request.search is not None
    if repair.field.partition(".")[0] in request.protected:
        return False
    if repair.plain_only and request.stream:
        return False
    return repair.when is None or value_at(request.body or {}, repair.field) == repair.when


def _with_warning(request: WireRequest, warning: str, **changes: Any) -> WireRequest:
    return replace(request, warnings=(*request.warnings, warning), **changes)


def _carry_drop(request: WireRequest, repair: Repair) -> WireRequest:
    name = repair.field
    body = request.body or {}
    if value_at(body, name) is None:
        return request
    rest = _with_value(body, name, None)
    if name in FORM_ONLY:
        return replace(request, body=rest)
    return _with_warning(request, f"{name} was left out: the provider refuses it for this model", body=rest)


def _carry_rename(request: WireRequest, repair: Repair) -> WireRequest:
    body, new = request.body or {}, str(repair.to)
    if repair.field not in body or new in body:
        return request
    renamed = {new if k == repair.field else k: v for k, v in body.items()}
    return _with_warning(request, f"{repair.field} was sent as {new}: the provider asks for that name", body=renamed)


def _carry_set(request: WireRequest, repair: Repair) -> WireRequest:
    body, name = dict(request.body or {}), repair.field
    if name == "stream":
        return _with_stream(request, repair.to is True)
    if name == "enable_thinking":
        body.pop("thinking_budget", None)
        body[name] = repair.to
        return _with_warning(
            request, "enable_thinking was set to false: this model thinks only when streaming", body=body
        )
    sent = value_at(body, name)
    if sent is None or sent == repair.to:
        return request
    if name == "modalities":
        return replace(request, body={**body, name: [repair.to]})
    warning = f"{name} {sent!r} was sent as {repair.to!r}: the provider refuses the other"
    return _with_warning(request, warning, body=_with_value(body, name, repair.to))


def _with_stream(request: WireRequest, on: bool) -> WireRequest:
    body = dict(request.body or {})
    if on:
        body["stream"] = True
        why = "the answer was streamed: the provider only streams for this model"
        return _with_warning(request, why, body=body, stream=True)
    if not request.stream:
        return request
    rest = {k: v for k, v in body.items() if k not in ("stream", "stream_options")}
    why = "the answer was not streamed: the provider refuses streams for this model"
    return _with_warning(request, why, body=rest, stream=False)


def _carry_bound(request: WireRequest, repair: Repair) -> WireRequest:
    """Moves a number to its bound, unless it is within the bound."""
    body, name, bound = request.body or {}, repair.field, repair.to
    value = body.get(name)
    if isinstance(value, bool | str) or not isinstance(value, int | float) or not isinstance(bound, int | float):
        return request
    if (value <= bound) if repair.action == "cap" else (value >= bound):
        return request
    if isinstance(bound, float) and bound.is_integer() and isinstance(value, int):
        bound = int(bound)
    which = "most" if repair.action == "cap" else "least"
    warning = f"{name} {value:g} was sent as {bound:g}: the {which} that the provider takes for this model"
    if isinstance(value, int):
        warning = f"{name} {value} was sent as {bound}: the {which} that the provider takes for this model"
    return _with_warning(request, warning, body=_with_value(body, name, bound))


def _carry_supply(request: WireRequest, repair: Repair) -> WireRequest:
    body, name, value = request.body, repair.field, repair.to
    if body is None or name in body or value is None:
        return request
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _with_warning(request, f"{name} was sent as {value}: the provider requires it", body={**body, name: value})


def _carry_structured(request: WireRequest, repair: Repair) -> WireRequest:
    form = structure_of(request, repair.field)
    if form is None or form == repair.to:
        return request
    if repair.field in ("output_config", "generationConfig"):
        return _by_instruction(request, repair.field)
    body = dict(request.body or {})
    asked = as_object(body.pop(repair.field))
    flat = repair.field == "text"  # the Responses API
    if form == "json_schema":
        inner = as_object(asked.get("format" if flat else "json_schema"))
        name = "input" if flat else "messages"
        body[name] = with_instruction(_messages(body.get(name)), instruction(inner.get("schema")))
    if repair.to == "json_object":
        kind = {"type": "json_object"}
        body[repair.field] = {**asked, "format": kind} if flat else kind
    how = "as a JSON object and by instruction" if repair.to == "json_object" else "by instruction only"
    return _with_warning(
        request, f"the JSON schema was asked for {how}: the provider refuses the stronger form", body=body
    )


def _by_instruction(request: WireRequest, field: str) -> WireRequest:
    """A request of the Messages or the Gemini API, with the schema in the user's last message."""
    body = dict(request.body or {})
    asked = as_object(body.pop(field))
    native = ("format", "responseJsonSchema", "responseMimeType")
    rest = {name: value for name, value in asked.items() if name not in native}
    if rest:
        body[field] = rest
    if field == "output_config":
        words = instruction(as_object(asked.get("format")).get("schema"))
        body["messages"] = with_instruction(objects(body.get("messages")), words)
    else:
        part = {"text": instruction(asked.get("responseJsonSchema"))}
        contents = [dict(content) for content in objects(body.get("contents"))]
        last = next((c for c in reversed(contents) if c.get("role") == "user"), None)
        if last is not None:
            last["parts"] = [*as_list(last.get("parts")), part]
        body["contents"] = contents if last is not None else [*contents, {"role": "user", "parts": [part]}]
    return _with_warning(
        request, "the JSON schema was asked for by instruction only: the provider refuses the stronger form", body=body
    )


def _messages(value: Any) -> list[Json]:
    """The messages, also if the input of a Responses request is a string."""
    return [{"role": "user", "content": value}] if isinstance(value, str) else objects(value)


def _carry_role(request: WireRequest, repair: Repair) -> WireRequest:
    messages = objects((request.body or {}).get("messages"))
    if repair.to == "system":
        changed = [{**m, "role": "system"} if m.get("role") == "developer" else m for m in messages]
        why = "instructions were sent under the role 'system': the provider refuses 'developer'"
    else:
        changed = joined_neighbours(with_system_role(messages, "user"))
        why = "instructions and adjacent messages were joined into the user's: the model's template refuses other roles"
    if changed == messages:
        return request
    return _with_warning(request, why, body={**(request.body or {}), "messages": changed})


def _carry_search(request: WireRequest, repair: Repair) -> WireRequest:
    field, body = request.search, request.body or {}
    if field is None:
        return request
    rest = [item for item in as_list(value_at(body, field.name)) if item != field.item] or None
    why = "search was left out: the provider refuses web search for this model"
    return _with_warning(request, why, body=_with_value(body, field.name, rest), search=None)


_CARRY_OUT: dict[str, Callable[[WireRequest, Repair], WireRequest]] = {
    "drop": _carry_drop,
    "rename": _carry_rename,
    "set": _carry_set,
    "cap": _carry_bound,
    "raise": _carry_bound,
    "supply": _carry_supply,
    "structured": _carry_structured,
    "role": _carry_role,
    "search": _carry_search,
}
