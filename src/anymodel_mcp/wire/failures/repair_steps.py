"""Repairs as values, and how each is carried out on a request. What calls for which one: `repair.py`.

What is given up is told in the request's warnings. What chooses only the form of the bytes (a stream's usage frame,
base64) loses nothing and is not told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_object, objects
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.fields.messages import with_instruction, with_system_role
from anymodel_mcp.wire.fields.structured import instruction

Action = Literal["rename", "drop", "set", "structured", "role"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One change that makes a provider take a request.

    Attributes:
        endpoint: where it was learned; it holds there only.
        field: the body field that is changed.
        to: the new name ("rename"), value ("set"), form ("structured") or role ("role").
        when: changed only where the field has this value; `None` = whatever it has.
        plain_only: holds for requests without a stream.
    """

    endpoint: str
    action: Action
    field: str
    to: str | bool | None = None
    when: str | None = None
    plain_only: bool = False

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
        """The repair that `to_json` gave; a record that this version does not understand does nothing."""
        action, to, when = value.get("action"), value.get("to"), value.get("when")
        if action not in ACTIONS:
            return cls(endpoint="", action="drop", field="")
        return cls(
            endpoint=str(value.get("endpoint", "")),
            action=action,
            field=str(value.get("field", "")),
            to=to if isinstance(to, str | bool) else None,
            when=when if isinstance(when, str) else None,
            plain_only=value.get("plain_only") is True,
        )


FORM_ONLY = frozenset({"stream_options", "encoding_format", "reasoning_split"})
"""Fields that choose how bytes come, not what comes."""


def structure_of(request: WireRequest, field: str) -> str | None:
    """The form of a structured answer that is asked for: "json_schema", "json_object" or `None`."""
    value = as_object((request.body or {}).get(field))
    kind = (as_object(value.get("format")) if field == "text" else value).get("type")
    return kind if kind in ("json_schema", "json_object") else None


def apply(request: WireRequest, repairs: Iterable[Repair]) -> WireRequest:
    """The request with repairs carried out, in order; those that do not concern it change nothing."""
    for repair in repairs:
        if _concerns(request, repair):
            request = _CARRY_OUT[repair.action](request, repair)
    return request


def _concerns(request: WireRequest, repair: Repair) -> bool:
    if repair.endpoint != request.endpoint or repair.field in request.protected:
        return False
    if repair.plain_only and request.stream:
        return False
    value = (request.body or {}).get(repair.field)
    return repair.when is None or value == repair.when


def _told(request: WireRequest, warning: str, **changes: Any) -> WireRequest:
    return replace(request, warnings=(*request.warnings, warning), **changes)


def _carry_drop(request: WireRequest, repair: Repair) -> WireRequest:
    name = repair.field
    body = request.body
    if body is not None:
        if name not in body:
            return request
        changes: dict[str, Any] = {"body": {k: v for k, v in body.items() if k != name}}
    else:
        if not any(k == name for k, _ in request.form):
            return request
        changes = {"form": tuple((k, v) for k, v in request.form if k != name)}
    if name in FORM_ONLY:
        return replace(request, **changes)
    return _told(request, f"{name} was left out: the provider refuses it for this model", **changes)


def _carry_rename(request: WireRequest, repair: Repair) -> WireRequest:
    body, new = request.body or {}, str(repair.to)
    if repair.field not in body or new in body:
        return request
    renamed = {new if k == repair.field else k: v for k, v in body.items()}
    return _told(request, f"{repair.field} was sent as {new}: the provider asks for that name", body=renamed)


def _carry_set(request: WireRequest, repair: Repair) -> WireRequest:
    body, name = dict(request.body or {}), repair.field
    if name == "stream":
        body["stream"] = True
        return _told(
            request, "the answer was streamed: the provider gives no other for this model", body=body, stream=True
        )
    if name == "enable_thinking":
        body.pop("thinking_budget", None)
        body[name] = repair.to
        return _told(request, "enable_thinking was set to false: this model thinks in streams only", body=body)
    if name not in body or body[name] == repair.to:
        return request
    if name == "modalities":
        return replace(request, body={**body, name: [repair.to]})
    sent, body[name] = body[name], repair.to
    return _told(request, f"{name} {sent!r} was sent as {repair.to!r}: the provider refuses the other", body=body)


def _carry_structured(request: WireRequest, repair: Repair) -> WireRequest:
    form = structure_of(request, repair.field)
    if form is None or form == repair.to:
        return request
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
    return _told(request, f"the JSON schema was asked for {how}: the provider refuses the stronger form", body=body)


def _messages(value: Any) -> list[Json]:
    """Messages, also where the input of a Responses request is one string."""
    return [{"role": "user", "content": value}] if isinstance(value, str) else objects(value)


def _carry_role(request: WireRequest, repair: Repair) -> WireRequest:
    body = dict(request.body or {})
    messages = objects(body.get("messages"))
    old = "developer" if repair.to == "system" else "system"
    if not any(m.get("role") == old for m in messages):
        return request
    if repair.to == "system":
        body["messages"] = [{**m, "role": "system"} if m.get("role") == old else m for m in messages]
    else:
        body["messages"] = with_system_role(messages, "user")
    return _told(
        request, f"instructions were sent under the role {repair.to!r}: the provider refuses {old!r}", body=body
    )


_CARRY_OUT: dict[str, Callable[[WireRequest, Repair], WireRequest]] = {
    "drop": _carry_drop,
    "rename": _carry_rename,
    "set": _carry_set,
    "structured": _carry_structured,
    "role": _carry_role,
}
