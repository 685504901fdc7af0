r"""The shapes of error bodies, and one function that reads them all.

    {error: {message, type, param, code}}                   OpenAI and most
    {error: "text"}, {code: "sentence", error: "text"}      Ollama, NIM, relays; xAI
    [{error: {...}}]                                        Gemini
    {error: {message: "{\"error\": ...}"}}                  relays of Gemini
    {object: "error", message, type, code}                  older vLLM, SGLang
    {object: "error", message: {detail: [...]}}             Mistral
    {detail: "text" | [{loc, msg, type}] | {error}}         FastAPI, Mistral, DeepInfra
    {success: false, errors: [{code, message}]}             Cloudflare
    {success: false, error: {code, message}, trace_id}      Ace Data Cloud
    {error_code: number, error_msg}                         Baidu Qianfan
    {code: number, message, data}, "text"                   SiliconFlow
    {statusCode, message}                                   API gateways
    {httpStatus, messages: [{errorCode, message}]}          IONOS
    {type: "error", error: {type, message}}                 Anthropic, MiniMax
    {base_resp: {status_code, status_msg}}                  MiniMax
    {statusCode, message: ["...", "..."], error: "title"}   NestJS
    {title, status, errors: {field: ["...", "..."]}}        ASP.NET, Laravel

From a survey of documentation and recorded errors, 2026-11-20.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from anymodel_mcp.record import record
from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import (
    as_list,
    as_number,
    as_object,
    as_text,
    first_text,
)
from anymodel_mcp.wire.failures.texts import field_texts, listed_texts, loose_words, text_before_json

__all__ = ["ErrorBody", "filtered_categories", "find_error_body", "loose_words"]

_MAX_DEPTH = 8
_MOST_ENTRIES = 20
_LONGEST_PARAM = 80
_ANSWERS = ("choices", "data", "output", "images", "embeddings", "models", "result", "response")
_MESSAGE = (
    "message",
    "msg",
    "status_msg",
    "errorMessage",
    "error_message",
    "error_msg",
    "description",
    "reason",
    "title",
    "text",
)
_ID = ("request_id", "trace_id", "requestId", "traceId", "x_request_id")
_FINE = frozenset({0, 200, 20000})
_TITLES = frozenset(status.phrase.lower() for status in HTTPStatus) | {"error", "validation error", "validation failed"}
"""Titles of errors that say nothing specific."""
_FINE_WORDS = frozenset({"", "0", "ok", "success", "200", "20000"})


@record
class ErrorBody:
    """The content of an error body.

    Attributes:
        message: the provider's message, not yet cleaned.
        codes: its codes and types in lower case, the most precise first.
        status: an HTTP status in the body.
        categories: the categories that a content filter reported.
        hint: a message from the upstream of a gateway.
        inner: an error body found inside the message.
    """

    message: str
    codes: tuple[str, ...] = ()
    status: int | None = None
    param: str | None = None
    request_id: str | None = None
    categories: tuple[str, ...] = ()
    hint: str = ""
    inner: Any = None


def find_error_body(value: Any, *, whole: bool) -> ErrorBody | None:
    """The error in a JSON value.

    Args:
        value: a body, a chunk or an event.
        whole: it is known to be an error; otherwise only unmistakable errors count.
    """
    return _find(value, whole, 0)


def _find(value: Any, whole: bool, depth: int) -> ErrorBody | None:
    if depth > _MAX_DEPTH:
        return None
    if isinstance(value, str):
        return _from_text(value, depth) if whole else None
    if isinstance(value, list):
        return _find_in_list(as_list(value), whole, depth)
    body = as_object(value)
    if not body:
        return None
    found = _marked(body, depth)
    if found is None and (whole or _is_flat_error(body)):
        found = _from_fields(body, depth)
    if found is None or found.request_id:
        return found
    return replace(found, request_id=first_text(body, *_ID) or None)


def _find_in_list(values: list[Any], whole: bool, depth: int) -> ErrorBody | None:
    """The joined errors of a list; the codes are those of the first one."""
    marked = [v for v in values[:_MOST_ENTRIES] if whole or as_object(v).get("error")]
    found = [f for v in marked if (f := _find(v, whole, depth + 1))]
    texts, params = listed_texts(marked)
    if not found:
        return ErrorBody(message="; ".join(texts), param=next(iter(params), None)) if texts and whole else None
    message = "; ".join(texts or dict.fromkeys(f.message for f in found if f.message))
    codes = tuple(dict.fromkeys(code for f in found for code in f.codes))
    return replace(found[0], message=message, codes=codes, param=found[0].param or next(iter(params), None))


def _marked(body: Json, depth: int) -> ErrorBody | None:
    """The error in a field for errors."""
    by_field = _from_map(body)
    if by_field is not None:
        return by_field
    error = body.get("error")
    if error and error is not True and not _is_title(error, body):
        found = _find(error, True, depth + 1)
        if found:
            return _with_outer(found, body)
    base = as_object(body.get("base_resp"))
    if as_number(base.get("status_code")) not in (None, 0):
        return _from_fields(base, depth)
    bare = first_text(body, *_MESSAGE).strip().lower() in _TITLES | {""}
    for name in ("errors", "messages", *(("details", "violations") if bare else ())):
        entries = as_list(body.get(name))
        if entries and (body.get("success") is False or "httpStatus" in body or not _has_answer(body)):
            found = _find_in_list(entries, True, depth)
            if found:
                return _with_outer(found, body)
    if body.get("detail") and not _has_answer(body):
        return _from_detail(body, depth)
    return None


def _is_title(error: Any, body: Json) -> bool:
    """Whether `error` is only the title of a message in another field."""
    beside = any(body.get(name) for name in ("message", "messages", "detail", "details", "msg", "error_description"))
    return isinstance(error, str) and beside and error.strip().lower() in _TITLES | {"bad request", "invalid_request"}


def _from_map(body: Json) -> ErrorBody | None:
    """The error of a body with messages by field: {errors: {field: [texts]}}."""
    if _has_answer(body):
        return None
    for name in ("errors", "details", "detail", "message", "error", "fields"):
        texts, params = field_texts(body.get(name))
        if texts:
            return _with_outer(ErrorBody(message="; ".join(texts), param=params[0]), body)
    return None


def _with_outer(found: ErrorBody, body: Json) -> ErrorBody:
    """Adds the fields beside an error: a code, a status, the upstream's own message."""
    codes = (*found.codes, *_codes(body, ("code", "error_type", "type", "status")))
    status = found.status or _status(
        body.get("httpStatus"), body.get("statusCode"), body.get("status_code"), body.get("code"), body.get("status")
    )
    return replace(found, codes=tuple(dict.fromkeys(codes)), status=status)


def _has_answer(body: Json) -> bool:
    return any(body.get(name) for name in _ANSWERS)


def _is_flat_error(body: Json) -> bool:
    """Whether an object is an error without an `error` field."""
    if "error" in (body.get("object"), body.get("type")) or body.get("success") is False:
        return True
    if _has_answer(body) or not first_text(body, *_MESSAGE):
        return False
    if _status(body.get("statusCode"), body.get("status_code"), body.get("httpStatus"), body.get("status")):
        return True
    code = body.get("code", body.get("error_code"))
    number = as_number(code)
    if number is not None:
        return number not in _FINE
    return isinstance(code, str) and code.lower() not in _FINE_WORDS


def _from_text(text: str, depth: int) -> ErrorBody | None:
    if not text.strip():
        return None
    before, inner = text_before_json(text)
    found = _find(inner, True, depth + 1) if inner else None
    if found is None:
        return ErrorBody(message=text)
    return replace(found, inner=inner, message=f"{before}: {found.message}" if before else found.message)


def _from_fields(body: Json, depth: int) -> ErrorBody | None:
    raw = next((body[name] for name in (*_MESSAGE, "error", "detail") if body.get(name)), None)
    inner = _find(raw, True, depth + 1)
    codes = _codes(body, ("code", "errorCode", "error_code", "status_code", "type", "error_type", "status"))
    innermost = as_object(body.get("innererror")) or as_object(body.get("inner_error"))
    codes += _codes(innermost, ("code",))
    status = _status(*(body.get(name) for name in ("code", "status", "status_code", "statusCode", "httpStatus")))
    if inner is None and not codes:
        return None
    found = inner or ErrorBody(message="")
    metadata = as_object(body.get("metadata"))
    return replace(
        found,
        codes=tuple(dict.fromkeys((*codes, *found.codes))),
        status=status or found.status,
        param=_param(body) or found.param,
        request_id=first_text(body, *_ID) or found.request_id,
        categories=_categories(body, innermost, metadata) or found.categories,
        hint=_hint(body, metadata) or found.hint,
    )


def _from_detail(body: Json, depth: int) -> ErrorBody | None:
    """FastAPI's `detail`: a text, an object, or a list of {loc, msg, type}."""
    found = _find(body["detail"], True, depth + 1)
    return _with_outer(found, body) if found else None


def _param(body: Json) -> str:
    """The refused field; "" if `param` is empty or a sentence."""
    param = as_text(body.get("param")).strip()
    return "" if param.lower() in ("none", "null") or len(param) > _LONGEST_PARAM or " " in param else param


def _sentence_in_param(body: Json) -> str:
    param = as_text(body.get("param")).strip()
    return param if " " in param else ""


def _codes(body: Json, names: tuple[str, ...]) -> tuple[str, ...]:
    found: list[str] = []
    for name in names:
        value = body.get(name)
        if isinstance(value, str) and value and len(value) <= 80:
            found.append(value.strip().lower())
        elif isinstance(value, int) and not isinstance(value, bool):
            found.append(str(value))
            # such small numbers mean something only in the body of Baidu's gateway, {error_code: number, error_msg}
            found += [f"error_code:{value}"] if name == "error_code" else []
    return tuple(c for c in found if c not in ("error", "null", "none"))


def _status(*values: Any) -> int | None:
    """The first of these that is the status of a failed request."""
    for value in values:
        number = as_number(value)
        if number is not None and 400 <= number <= 599:
            return int(number)
    return None


def _hint(body: Json, metadata: Json) -> str:
    """The message of a gateway's upstream (OpenRouter's `metadata.raw`), or the invalid output of a model (Groq)."""
    raw = metadata.get("raw")
    if raw:
        inner = _find(raw, True, 1)
        name = as_text(metadata.get("provider_name"))
        words = inner.message if inner else ""
        return f"{name}: {words}" if name and words else words
    if _sentence_in_param(body):
        return _sentence_in_param(body)
    return as_text(body.get("failed_generation")) and f"failed_generation: {body['failed_generation']}"


def _categories(body: Json, innermost: Json, metadata: Json) -> tuple[str, ...]:
    """The names of the filters that matched."""
    found: list[str] = []
    for source in (body, innermost):
        for name in ("content_filter_result", "content_filter_results"):
            found += filtered_categories(source.get(name))
    found += [r for r in as_list(metadata.get("reasons")) if isinstance(r, str)]
    return tuple(dict.fromkeys(found))


def filtered_categories(value: Any) -> list[str]:
    """The names under which a content filter's result reports a match."""
    results = as_object(value)
    return [name for name, result in results.items() if as_object(result).get("filtered") is True]
