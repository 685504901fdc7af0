"""Errors of providers, in some twenty shapes, as one `ProviderError`.

One extractor for bodies of failed requests, errors inside a 200 and error events of a stream. The provider's own words
stay, cleaned and cut to 300 characters; a page of HTML is cut to its title.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from anymodel_mcp.errors import ErrorKind, ProviderError
from anymodel_mcp.redact import clean_text, shorten
from anymodel_mcp.wire.decode.json_values import parse_or_none
from anymodel_mcp.wire.exchange import ResponseHead, WireRequest
from anymodel_mcp.wire.failures.advice import Situation, advise
from anymodel_mcp.wire.failures.kinds import ErrorSignals, believable, classify, is_retryable
from anymodel_mcp.wire.failures.missing import missing_field
from anymodel_mcp.wire.failures.retry import retry_after
from anymodel_mcp.wire.failures.shapes import ErrorBody, find_error_body, loose_words

_MOST_CHARS = 300
_READ_CHARS = 4000
"""Of an error message, to decide its kind."""
_CODE_CHARS = 200
_MOST_CODES = 16
_LOOK_FIRST = "Look at the provider whether a picture was made and paid for, before asking for another one."
_OPENING = re.compile(r"<(title|h1|h2)\b[^>]{0,500}>", re.IGNORECASE)
_CLOSING = {name: re.compile(f"</{name}[\\s>]", re.IGNORECASE) for name in ("title", "h1", "h2")}
_TAG = re.compile(r"<[^>]{0,500}>")
_REQUEST_ID = re.compile(r"\(?request id:?\s*([\w-]{6,100})\)?", re.IGNORECASE)
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
_TICKET_HEADERS = ("nvcf-reqid", *_ID_HEADERS)  # NVIDIA's answer to a request that takes longer
_PARAM = (
    re.compile(
        r"(?:parameter|argument|field|property|name|value|key|input)s?(?: supplied)?:? ?['\"`]([\w.\[\]]{1,80})['\"`]",
        re.I,
    ),
    re.compile(r"['\"`]([\w.\[\]]{1,80})['\"`](?: parameter| field| value)? (?:is|are|does|must)", re.I),
    re.compile(r"(?:request argument supplied|unknown (?:parameter|field|argument)):? ?([A-Za-z_][\w.]{0,80})", re.I),
    re.compile(r"\bparameter\.([A-Za-z_]\w{0,60})"),
    re.compile(r"(?:parameter|argument|field) ([a-z]+_[a-z_]{1,60})\b"),
    re.compile(r"\b([a-z]+(?:_[a-z]+)+)\b[^.\n]{0,40}(?:not supported|unsupported|not support|must be)"),
)
_NAMED = re.compile(r"parameter|argument|field|property", re.IGNORECASE)


def tidy(text: str, limit: int = _MOST_CHARS) -> str:
    """Foreign words on one line, without control characters, cut to `limit` characters."""
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
    """The error that a response with a status of 300 or more tells.

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
    """The error that a body, chunk or event of a successful response carries, or `None` where it carries none.

    Args:
        value: the JSON value.
        status: the HTTP status, below 300.
        headers: names in lower case.
        endpoint: which kind of request it was.
        model: the provider's id of the model.
        named: the event is called an error: whatever it holds is one.
        gave_up: the answer ended with a finish reason that means failure.
    """
    found = find_error_body(value, whole=named)
    if found is None:
        if not named:
            return None
        found = ErrorBody(message="the stream ended with an error event that says nothing")
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
    """The failure of an answer that is to come later: asking again would start the work a second time.

    Args:
        head: status and headers of the response.
        model: the provider's id of the model.
        id_: what the provider calls the work; "" where the body does not say.
        state: its word for where the work stands.
    """
    id_ = tidy(id_ or next((head.headers[name] for name in _TICKET_HEADERS if head.headers.get(name)), ""), 100)
    told = ", ".join(part for part in (state and f"status {tidy(state, 40)!r}", id_ and f"id {id_!r}") if part)
    return ProviderError(
        f"the provider took the work and answers later ({told or _status_words(head.status)})",
        kind="upstream",
        fix="Ask the provider for the answer, or use a model that answers at once: asking again starts the work anew.",
        status=head.status,
        retryable=False,
        model=model or None,
        request_id=_request_id(ErrorBody(message=""), head.headers),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
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
    """The words that are read for their meaning: not all of a page, or of an error that is as long as a book."""
    return replace(
        found,
        message=found.message[:_READ_CHARS],
        hint=found.hint[:_READ_CHARS],
        codes=tuple(code[:_CODE_CHARS] for code in found.codes[:_MOST_CODES]),
    )


def _build(found: ErrorBody, place: _Place) -> ProviderError:
    found = _shortened(found)
    wish = retry_after(place.headers, _bodies(place.body, found), time.time() if place.now is None else place.now)
    text = f"{found.message} {found.hint}".strip()
    signals = ErrorSignals(
        status=place.status,
        inside=place.inside,
        codes=found.codes,
        text=text,
        param=found.param or "",
        page=f"{place.headers.get('cf-mitigated', '') and 'cf-mitigated'} {place.page}",
        temporary=wish is not None,
        gave_up=place.gave_up,
    )
    kind = classify(signals)
    wish = believable(wish, signals)
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
        retryable=_may_repeat(kind, signals, wish, place),
        retry_after_s=wish,
        model=place.model or None,
        param=param,
        code=found.codes[0] if found.codes else None,
        request_id=_request_id(found, place.headers),
    )


def _bodies(body: Any, found: ErrorBody) -> Any:
    return [found.inner, body] if found.inner is not None else body


def _may_be_made(kind: ErrorKind, place: _Place) -> bool:
    """A picture may have been made and paid for, though the answer does not bring it; a refusal says that none was."""
    failed_late = place.status == HTTPStatus.REQUEST_TIMEOUT or place.status >= 500
    return place.endpoint == "images" and failed_late and kind in ("timeout", "server", "upstream")


def _may_repeat(kind: ErrorKind, signals: ErrorSignals, wish: float | None, place: _Place) -> bool:
    if _may_be_made(kind, place):
        return False
    said = place.headers.get("x-should-retry", "").strip().lower()
    if said in ("true", "false") and kind not in ("quota", "context_length", "blocked"):
        return said == "true"
    if place.status == HTTPStatus.ACCEPTED:
        return False  # the work goes on
    return is_retryable(kind, signals, wish=wish)


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
    """The text of a body that is not JSON: the title of a page, or the text as it is."""
    if text[:1] == "<" or "html" in head.content_type:
        return html_title(text) or _TAG.sub(" ", shorten(text, 2000))
    return text


def html_title(text: str) -> str:
    """The title of an HTML page, or its first heading; "" where it has neither."""
    text = text[:20_000]
    unclosed: set[str] = set()  # each is looked for in vain once
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
        f"the endpoint redirects {where} ({_status_words(head.status)}), and a key is never sent on to another host",
        kind="config",
        fix=f"If {host} is right, put it into base_url." if host else "Look at base_url.",
        status=head.status,
        model=model or None,
        request_id=_request_id(ErrorBody(message=""), head.headers),
    )
