"""The seam between the pure core and the one sender.

An exchange is a `WireRequest` and a `Reader` of what comes back. `client.py` sends the first and feeds the second; it
knows no endpoint. A reader is made for one response, is fed its body in pieces of any size, and returns the result at
the end, which does not depend on how the bytes are split.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal, Protocol, TypeVar, cast, runtime_checkable

from anymodel_mcp.dialects.fields import ApiName, Dialect
from anymodel_mcp.record import record
from anymodel_mcp.types import Delta, FilePart, Json

T_co = TypeVar("T_co", covariant=True)

Endpoint = Literal[
    "chat",
    "completions",
    "embeddings",
    "images",
    "responses",
    "messages",
    "generate",
    "models",
    "tasks",
    "jobs",
    "transcription",
    "speech",
    "rerank",
    "realtime",
]
"""The kind of a request, for retry rules and messages."""


@record
class SearchField:
    """What turns web search on in a body: a field ("parameters.x" is one inside another), or one item of it."""

    name: str
    item: dict[str, Any] | None = None


@record
class WireRequest:
    """One HTTP request, without base URL and key.

    Attributes:
        path: what follows the base URL, such as "chat/completions".
        url: the whole address, where it is not below the base URL; it gets the key only where `may_have_key` says so.
        hosts: the vendor's own hosts, which may have the key where the base URL is one of them.
        auth: how the key is sent, if not as configured; "" = as configured.
        body: the fields of the JSON body or of the form; `None` for GET.
        multipart: the fields are sent as a multipart form; otherwise as JSON.
        files: parts of a multipart form: (field name, part).
        query: added to the URL's own query.
        default_headers: sent unless the configuration names them too.
        endpoint: which kind of request it is, for retry rules and messages.
        api: the API that it belongs to, which may have an address and a header for the key of its own; `None` = that
            of the provider's chat endpoint.
        stream: a stream was asked for.
        socket: the exchange goes over a WebSocket: its reader is a `Talker`, which says what is sent, and when.
        protected: names of body fields that came from the user's `options`: no repair touches them.
        search: what turns web search on in the body; `None` = nothing of ours.
        repeatable: sending it twice costs nothing but the answer; false where something is made and paid for.
        output_limit: how many tokens the model generates at most, as far as its provider's list says.
        warnings: what was renamed or left out for this provider.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"] = "POST"
    path: str
    url: str = ""
    hosts: Sequence[str] = ()
    auth: str = ""
    endpoint: Endpoint
    api: ApiName | None = None
    body: dict[str, Any] | None = None
    multipart: bool = False
    files: Sequence[tuple[str, FilePart]] = ()
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    default_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    stream: bool = False
    socket: bool = False
    protected: frozenset[str] = frozenset()
    search: SearchField | None = None
    repeatable: bool = True
    output_limit: int | None = None
    warnings: Sequence[str] = ()

    @property
    def form(self) -> tuple[tuple[str, str], ...]:
        """The fields of a multipart form, in order; a list becomes one field per value."""
        if not self.multipart:
            return ()
        return tuple(
            (name, _form_text(one)) for name, value in (self.body or {}).items() for one in _form_values(value)
        )


def _form_values(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _form_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@record
class ResponseHead:
    """The status line and headers of a response; header names in lower case."""

    status: int
    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        """The media type in lower case, without its parameters; "" when there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@record
class ReadOptions:
    """What a reader needs besides the request and the response.

    Attributes:
        dialect: of provider and model.
        model: the provider's id of the model that was asked; "" for model lists.
        provider: the configured name of the provider.
        max_event_bytes: the longest event, and the most text of one answer.
    """

    dialect: Dialect
    model: str
    max_event_bytes: int
    provider: str = ""


class Reader(Protocol[T_co]):
    """Reads the body of one successful response (status below 300)."""

    @property
    def done(self) -> bool:
        """True once the answer is complete: the sender then stops reading and closes."""
        ...

    @property
    def partial_text(self) -> str:
        """The text received so far."""
        ...

    @property
    def held_bytes(self) -> int:
        """Bytes buffered of an unfinished part; the sender parses a large one in a worker thread."""
        ...

    def feed(self, data: bytes) -> Sequence[Delta]:
        """Takes the next bytes; returns the deltas they complete.

        Raises:
            ProviderError: the stream itself carries an error, or an event exceeds its limit.
        """
        ...

    def finish(self, *, broken: str | None = None) -> T_co:
        """The result, once the body ended or `done` is true.

        Args:
            broken: how the connection broke, in a few words; `None` after a clean end.

        Raises:
            ProviderError: no answer, half an answer (with its partial text), or an error inside a 200.
        """
        ...


@runtime_checkable
class Talker(Protocol):
    """What the reader of a WebSocket does beside reading.

    It is fed each message as one event of an event stream.
    """

    @property
    def done(self) -> bool:
        """See `Reader`."""
        ...

    @property
    def max_message_bytes(self) -> int:
        """The longest message that is taken."""
        ...

    @property
    def parting(self) -> Sequence[Json]:
        """What is sent before a socket is closed on which an answer is still being made."""
        ...

    def take_outgoing(self, *, unasked: bool = False) -> Sequence[Json]:
        """What is to be sent now, each value as one message.

        Args:
            unasked: the server has sent nothing yet, and waits for this side.
        """
        ...

    def hang_up(self, code: int, reason: str) -> None:
        """Takes the close frame of the server."""
        ...
