"""Reads errors of providers, in some twenty shapes, into `ProviderError`.

One extractor for bodies of failed requests, errors inside a 200 and error events of a stream. The provider's own words
are kept, cleaned and cut to 300 characters; an HTML page is reduced to its title.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from anymodel_mcp.errors import ErrorKind, ProviderError
from anymodel_mcp.record import record
from anymodel_mcp.redact import clean_text, shorten
from anymodel_mcp.wire.decode.json_values import parse_or_none
from anymodel_mcp.wire.exchange import ResponseHead, WireRequest
from anymodel_mcp.wire.failures.advice import Situation, advise
from anymodel_mcp.wire.failures.kinds import ErrorSignals, believable, classify, is_retryable
from anymodel_mcp.wire.failures.missing import missing_field
from anymodel_mcp.wire.failures.retry import retry_after
from anymodel_mcp.wire.failures.shapes import ErrorBody, find_error_body, loose_words
from anymodel_mcp.wire.patterns import LazyPattern

_MOST_CHARS = 300
_READ_CHARS = 4000
"""How many characters of an error message are read to classify it."""
_CODE_CHARS = 200
_MOST_CODES = 16
_LOOK_FIRST = "Check at the provider whether a picture was made and charged before you request another one."
_OPENING = LazyPattern(r"<(title|h1|h2)\b[^>]{0,500}>", re.IGNORECASE)
_CLOSING = {name: LazyPattern(f"</{name}[\\s>]", re.IGNORECASE) for name in ("title", "h1", "h2")}
_TAG = LazyPattern(r"<[^>]{0,500}>")
_REQUEST_ID = LazyPattern(r"\(?request id:?\s*([\w-]{6,100})\)?", re.IGNORECASE)
_ID_HEADERS = (
    "x-request-id",
    "request-id",
    "x-trace-id",
    "trace-id",
    "trace_id",
    "apim-request-id",
    "x-ms-request-id",
    "x-amzn-requestid",
    "cf-ray",
)
_PENDING_ID_HEADERS = ("nvcf-reqid", *_ID_HEADERS)  # NVIDIA's response to a request that takes longer
_PARAM = (
    LazyPattern(
        r"(?:parameter|argument|field|property|name|value|key|input)s?(?: supplied)?:? ?['\"`]([\w.\[\]]{1,80})['\"`]",
        re.I,
    ),
    LazyPattern(r"['\"`]([\w.\[\]]{1,80})['\"`](?: parameter| field| value)? (?:is|are|does|must)", re.I),
    LazyPattern(r"(?:request argument supplied|unknown (?:parameter|field|argument)):? ?([A-Za-z_][\w.]{0,80})", re.I),
    LazyPattern(r"\bparameter\.([A-Za-z_]\w{0,60})"),
    LazyPattern(r"(?:parameter|argument|field) ([a-z]+_[a-z_]{1,60})\b"),
    LazyPattern(r"\b([a-z]+(?:_[a-z]+)+)\b[^.\n]{0,40}(?:not supported|unsupported|not support|must be)"),
)
_NAMED = LazyPattern(r"parameter|argument|field|property", re.IGNORECASE)


def tidy(text: str, limit: int = _MOST_CHARS) -> str:
    """Formats untrusted text on one line, without control characters, cut to `limit` characters."""
    text = " ".join(clean_text(shorten(text, limit * 8)).split())
    return shorten(text, limit)


def read_failure(
    head: ResponseHead,
    body: bytes,
    *,
    endpoint: str,
    model: str,
    base_url: str,
    now: float | None = None,
    sent: WireRequest | None = None,
) -> ProviderError:
    """Reads the error from a response with a status of 300 or more.

    Args:
        head: its status and headers.
        body: its body, or the beginning of it.
        endpoint: which kind of request it was.
        model: the provider's id of the model.
        base_url: from the configuration, for advice.
        now: seconds since 1970, for dates in headers; the clock's if `None`.
        sent: the request that was refused, for advice that fits it.
    """
    if head.status < 400:
        return _redirect(head, model)
    text = body.decode("utf-8", "replace").removeprefix("\ufeff").strip()
    value = parse_or_none(text) if text[:1] in ("{", "[", '"') else None
    found = find_error_body(value, whole=True)
    if found is None:
        found = ErrorBody(message=loose_words(value) if value is not None else _plain_words(text, head))
    return _build(
        found,
        _Place(
            status=head.status,
            headers=head.headers,
            endpoint=endpoint,
            model=model,
            base_url=base_url,
            body=value,
            now=now,
            page="" if value is not None else text[:_READ_CHARS],
            sent=sent,
        ),
    )


def failure_from(
    value: Any,
    *,
    status: int,
    headers: Mapping[str, str],
    endpoint: str = "chat",
    model: str = "",
    named: bool = False,
    gave_up: bool = False,
) -> ProviderError | None:
    """Reads the error in a body, chunk or event of a successful response; `None` = it contains none.

    Args:
        value: the JSON value.
        status: the HTTP status, below 300.
        headers: names in lower case.
        endpoint: which kind of request it was.
        model: the provider's id of the model.
        named: the event is named "error", so its content is one in any form.
        gave_up: the answer ended with a finish reason that means failure.
    """
    found = find_error_body(value, whole=named)
    if found is None:
        if not named:
            return None
        found = ErrorBody(message="the stream ended with an empty error event")
    place = _Place(
        status=found.status or status,
        headers=headers,
        endpoint=endpoint,
        model=model,
        body=value,
        inside=True,
        gave_up=gave_up,
    )
    return _build(found, place)


def taken_on(head: ResponseHead, *, model: str, id_: str, state: str = "") -> ProviderError:
    """The failure of a request that will be answered later: a retry would start the work a second time.

    Args:
        head: status and headers of the response.
        model: the provider's id of the model.
        id_: the provider's id of the work; "" = not in the body.
        state: the provider's word for the state of the work.
    """
    id_ = tidy(id_ or next((head.headers[name] for name in _PENDING_ID_HEADERS if head.headers.get(name)), ""), 100)
    details = ", ".join(part for part in (state and f"status {tidy(state, 40)!r}", id_ and f"id {id_!r}") if part)
    return ProviderError(
        f"the provider accepted the request and answers later ({details or _status_words(head.status)})",
        kind="upstream",
        fix="Get the answer at the provider, or use a model that answers at once; a retry would start the work again.",
        status=head.status,
        retryable=False,
        model=model or None,
        request_id=_request_id(ErrorBody(message=""), head.headers),
    )


@record
class _Place:
    """Where an error was found."""

    status: int
    headers: Mapping[str, str]
    endpoint: str
    model: str
    base_url: str = ""
    body: Any = None
    now: float | None = None
    inside: bool = False
    gave_up: bool = False
    page: str = ""
    sent: WireRequest | None = None


def _shortened(found: ErrorBody) -> ErrorBody:
    """The part of a long text that is classified."""
    return replace(
        found,
        message=found.message[:_READ_CHARS],
        hint=found.hint[:_READ_CHARS],
        codes=tuple(code[:_CODE_CHARS] for code in found.codes[:_MOST_CODES]),
    )


def _build(found: ErrorBody, place: _Place) -> ProviderError:
    found = _shortened(found)
    wait_s = retry_after(place.headers, _bodies(place.body, found), time.time() if place.now is None else place.now)
    text = f"{found.message} {found.hint}".strip()
    signals = ErrorSignals(
        status=place.status,
        inside=place.inside,
        codes=found.codes,
        text=text,
        param=found.param or "",
        page=f"{place.headers.get('cf-mitigated', '') and 'cf-mitigated'} {place.page}",
        temporary=wait_s is not None,
        gave_up=place.gave_up,
    )
    kind = classify(signals)
    wait_s = believable(wait_s, signals)
    param = found.param or _param(found.message, kind)
    situation = Situation(
        endpoint=place.endpoint,
        base_url=place.base_url,
        html=place.page[:1] == "<",
        param=param or "",
        sent=place.sent,
    )
    return ProviderError(
        _message(found, place),
        kind=kind,
        fix=_LOOK_FIRST if _may_be_made(kind, place) else advise(kind, text, situation),
        status=place.status,
        retryable=_may_repeat(kind, signals, wait_s, place),
        retry_after_s=wait_s,
        model=place.model or None,
        param=param,
        code=found.codes[0] if found.codes else None,
        request_id=_request_id(found, place.headers),
    )


def _bodies(body: Any, found: ErrorBody) -> Any:
    return [found.inner, body] if found.inner is not None else body


def _may_be_made(kind: ErrorKind, place: _Place) -> bool:
    """Whether a picture may have been made and charged although the response lacks it; not after a refusal."""
    failed_late = place.status == HTTPStatus.REQUEST_TIMEOUT or place.status >= 500
    return place.endpoint == "images" and failed_late and kind in ("timeout", "server", "upstream")


def _may_repeat(kind: ErrorKind, signals: ErrorSignals, wait_s: float | None, place: _Place) -> bool:
    if _may_be_made(kind, place):
        return False
    said = place.headers.get("x-should-retry", "").strip().lower()
    if said in ("true", "false") and kind not in ("quota", "context_length", "blocked"):
        return said == "true"
    if place.status == HTTPStatus.ACCEPTED:
        return False  # the work continues
    return is_retryable(kind, signals, wait_s=wait_s)


def _message(found: ErrorBody, place: _Place) -> str:
    message = tidy(found.message) or f"no explanation ({_status_words(place.status)})"
    if found.hint:
        message += f" ({tidy(found.hint)})"
    if found.categories:
        message += f" (filtered: {tidy(', '.join(found.categories), 120)})"
    return message


def _status_words(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def _plain_words(text: str, head: ResponseHead) -> str:
    """The text of a body that is not JSON: the title of a page, or the unchanged text."""
    if text[:1] == "<" or "html" in head.content_type:
        return html_title(text) or _TAG.sub(" ", shorten(text, 2000))
    return text


def html_title(text: str) -> str:
    """The title of an HTML page, or its first heading; "" = neither."""
    text = text[:20_000]
    unclosed: set[str] = set()  # each tag is searched for once
    for opening in _OPENING.finditer(text):
        name = opening.group(1).lower()
        closing = None if name in unclosed else _CLOSING[name].search(text, opening.end())
        if closing:
            return tidy(_TAG.sub(" ", text[opening.end() : closing.start()]))
        unclosed.add(name)
    return ""


def _param(message: str, kind: ErrorKind) -> str | None:
    if kind not in ("unsupported_parameter", "bad_request"):
        return None
    missing = missing_field(message)
    if missing:
        return missing
    for pattern in _PARAM:
        found = pattern.search(message[:2000])
        if found and (kind == "unsupported_parameter" or _NAMED.search(found.group())):
            return found.group(1)
    return None


def _request_id(found: ErrorBody, headers: Mapping[str, str]) -> str | None:
    if found.request_id:
        return tidy(found.request_id, 100)
    said = _REQUEST_ID.search(found.message[:4000])
    if said:
        return said.group(1)
    return next((tidy(headers[name], 100) for name in _ID_HEADERS if headers.get(name)), None)


def _redirect(head: ResponseHead, model: str) -> ProviderError:
    try:
        host = tidy(urlsplit(head.headers.get("location", "")).hostname or "", 200)
    except ValueError:
        host = ""
    where = f"to {host}" if host else "without saying where"
    return ProviderError(
        f"the endpoint redirects {where} ({_status_words(head.status)}), and a key is never sent to another host",
        kind="config",
        fix=f"If {host} is right, put it into base_url." if host else "Check base_url.",
        status=head.status,
        model=model or None,
        request_id=_request_id(ErrorBody(message=""), head.headers),
    )
