"""The tree of errors; each holds all that a reader, a retry rule or a record needs.

    AnyModelError            what failed, why, what to do; `failure` holds the fields
      ConfigError            kind "config": the user's configuration; a command exits with status 2
      ArgumentError          kind "invalid_argument": the arguments of one tool call, refused before anything was sent
      ProviderError          everything that a provider, the network or the bytes between did

Nothing here knows MCP: `server.py` turns these into what a model reads.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, Self

from anymodel_mcp.record import record

ErrorKind = Literal[
    "auth",
    "quota",
    "rate_limit",
    "overloaded",
    "timeout",
    "server",
    "upstream",
    "model_not_found",
    "endpoint_not_found",
    "bad_request",
    "invalid_argument",
    "unsupported_parameter",
    "context_length",
    "content_filter",
    "too_large",
    "gone",
    "protocol",
    "stream_truncated",
    "config",
    "connection",
    "busy",
    "cancelled",
    "task_failed",
    "blocked",
]

ADVICE: dict[ErrorKind, str] = {
    "auth": "Check the key of this provider: that it is set, complete, not expired, and meant for this address.",
    "quota": "The account has no credit or quota left: top it up at the provider, or use another provider.",
    "rate_limit": "Wait and ask again, ask less at once, or use another provider.",
    "overloaded": "The provider is overloaded: try again in a moment, or use another model or provider.",
    "timeout": "Ask again, ask for less, or raise the timeouts of this provider in the configuration.",
    "server": "The provider failed: try again; if it happens again, use another model or provider.",
    "upstream": "Try again, or use another model.",
    "model_not_found": "Call list_models to see the names that this provider knows.",
    "endpoint_not_found": "Check base_url and what this provider offers.",
    "bad_request": "Change what the message names, leave out optional arguments and options, or use another model.",
    "invalid_argument": "Correct the argument that the message names.",
    "unsupported_parameter": "Leave the named field out, or use a model that takes it.",
    "context_length": "Shorten the input, ask for fewer tokens, or use a model with a larger context.",
    "content_filter": "The provider's filter refused this content: rephrase it, or use another model.",
    "too_large": "Send less, or ask for less.",
    "gone": "The provider has switched this off: leave the option out, or use what its message names.",
    "protocol": "Try again with the opposite `stream`; if it happens again, use another model, and check base_url.",
    "stream_truncated": "Use the partial text, or ask again, for less at once.",
    "config": "Correct the configuration; `anymodel-mcp doctor` shows where each value comes from.",
    "connection": "Check base_url, the network and the proxy; `anymodel-mcp doctor` tries each part.",
    "busy": "Wait until running calls end, or cancel one with get_result.",
    "cancelled": "Nothing: the call was stopped on request. Ask again if it is still wanted.",
    "task_failed": "The provider's worker failed at this task: ask again, or change what the message names.",
    "blocked": "A bot check or firewall blocks this address, whatever the key: check that base_url is "
    "the API's own "
    "address, or use another network or provider.",
}
"""The default advice for each kind of failure."""


SHOWN_CHARS = 80
"""The longest excerpt of an argument in an error message, in characters."""


def excerpt(text: str) -> str:
    """The excerpt of a caller's text for an error message."""
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"


@record
class Failure:
    """The fields of one failed call.

    Attributes:
        kind: the kind of failure, one of a closed set.
        message: why, in the provider's own words where it has any; no key in it.
        fix: what to do, one or two sentences; empty when `message` says it.
        status: the HTTP status, or the one that an error inside a 200 carries.
        retryable: the same call may simply be sent again.
        retry_after_s: the wait that the provider asks for, in seconds.
        param: the request field that was refused.
        code: the provider's own code or type, for the retry and repair rules; not shown.
        attempts: requests made, the first included.
        partial_text: the text received before the failure.
        task_id: the provider's id of a job that was submitted: it can be continued, and must not be submitted again.
    """

    kind: ErrorKind
    message: str
    fix: str = ""
    status: int | None = None
    retryable: bool = False
    retry_after_s: float | None = None
    provider: str | None = None
    model: str | None = None
    param: str | None = None
    code: str | None = None
    request_id: str | None = None
    attempts: int | None = None
    partial_text: str | None = None
    task_id: str | None = None

    @property
    def advice(self) -> str:
        """What to do: `fix`, or what helps with failures of this kind."""
        return self.fix or ADVICE[self.kind]


class AnyModelError(Exception):
    """A failure that a person or a model can act on.

    Args:
        message: why it failed.
        kind: the kind of failure.
        fields: any other field of `Failure`.
    """

    default_kind: ErrorKind = "server"

    def __init__(self, message: str, *, kind: ErrorKind | None = None, **fields: Any) -> None:
        super().__init__(message)
        self.failure = Failure(kind=kind or self.default_kind, message=message, **fields)

    @property
    def kind(self) -> ErrorKind:
        """The kind of failure."""
        return self.failure.kind

    def with_fields(self, **fields: Any) -> Self:
        """The same error with other fields (in place: the traceback stays)."""
        self.failure = replace(self.failure, **fields)
        self.args = (self.failure.message,)
        return self


class ConfigError(AnyModelError):
    """The configuration is wrong or missing; the message names the field, the place and the fix."""

    default_kind: ErrorKind = "config"


class ArgumentError(AnyModelError):
    """A tool call's arguments are refused; nothing was sent."""

    default_kind: ErrorKind = "invalid_argument"


class ProviderError(AnyModelError):
    """A provider, the network, or the bytes between failed."""
