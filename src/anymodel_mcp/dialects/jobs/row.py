"""`JobRow`: one media service as data: where a job is submitted and polled, and where its answers hold which value.

Every service follows one shape: a POST that returns an id, requests that ask for the state until it is final, and URLs
(or one more GET) for the results. A row names only what differs from the shared defaults below.

Paths into JSON are written `a.b`, `a[].b` (every element) and `a[0].b`. A path in `fields` may end in ` as base64`,
` as data` (data URL) or ` as url`: the form in which a file given as bytes is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any, Literal

from anymodel_mcp.errors import ErrorKind
from anymodel_mcp.record import record

_NONE: Mapping[str, Any] = MappingProxyType({})

IDS = (
    "data.task_id",
    "data.taskId",
    "data.id",
    "output.task_id",
    "task_id",
    "taskId",
    "id",
    "result",
    "Resp.video_id",
    "name",
    "data",
    "requestId",
    "request_id",
)
"""Where a job's id may be, best first; request ids come last, because some services send one beside the job's id."""

STATES = (
    "data.task_status",
    "data.status",
    "data.state",
    "output.task_status",
    "task.status",
    "Resp.status",
    "task_status",
    "status",
    "state",
    "done",
)
"""Where a job's state may be, best first."""


@record
class JobRow:
    """One media service.

    Attributes:
        name: unique; shown in errors and stored with a job.
        service: what callers name it; several rows may share one, the action then selects the row. "" = `name`.
        submit: action -> path of the POST; the first action is the default. `{model}`, `{id}` and any body field in
            braces are filled in (`{+id}` keeps its slashes).
        poll: "GET /path/{id}", "POST /path", or "GET @key|/path/{id}": the URL that the submit answer holds at `key`,
            where it is on an allowed host, else the path.
        root: what paths are appended to: the origin of the base URL, or the base URL itself.
        auth: how the key travels at `hosts`, where that is not the provider's own way ("header:NAME", "scheme:WORD").
        prefix: what resellers put before the vendor's paths; not used at `hosts`.
        hosts: the vendor's own hosts (with subdomains): they may receive the key, and take no prefix.
        form: the submit is multipart.
        fields: our argument (prompt, model, image, image_end, images, audio, video, files, task) -> path in the body;
            "" = not sent.
        action_fields: the same for one action; wins over `fields`.
        builder: how prompt and files make the body where that is more than fields: "" or "content_parts" (a list of
            {type: text} and {type: image_url} parts under `content`).
        fixed: always sent in the body.
        headers: always sent.
        trace_header: a header that takes a new random id with every request.
        ids: where the id is.
        ok: where an inner success code is, and its good values; a value that is there and none of these refuses.
        codes: inner code -> kind of error.
        poll_body: sent with a POST poll; values may hold templates.
        states: where the state is.
        words: state words that mean something else here than in the shared sets; "" = no state at all.
        outputs: where the result URLs are, all collected in order; empty = by well-known key names.
        texts: action -> where a text result is.
        refused: where `false` means that a filter withheld one item.
        fetch: "bytes GET /path" or "json GET @key|/path": one more request where a finished job names no output.
        cancel: "POST /path/{id}/cancel"; "" = the service offers none.
        buttons: where follow-up actions are, the action that takes them, and the option that takes their id.
        input_action: the action that gives a job in state `needs_input` what it waits for.
        cost: where the price in US dollars is, and the divisor that makes it dollars.
        every_s: pauses between polls, in seconds; the last one repeats.
        url_only: files must be public URLs.
        bytes_only: files are sent as bytes; one given by URL is fetched first.
        models: beginnings of model names that mean this service.
        minutes: how long such a job usually takes, for the text of an unfinished call.
        source: where the facts are documented.
        checked: ISO date on which they were read.
        tried: a real account answered as the row says; otherwise the row comes from documentation only.
    """

    name: str
    submit: Mapping[str, str]
    poll: str
    source: str
    checked: str
    service: str = ""
    root: Literal["origin", "base"] = "origin"
    prefix: str = ""
    hosts: tuple[str, ...] = ()
    auth: str = ""
    form: bool = False
    fields: Mapping[str, str] = field(default_factory=lambda: _NONE)
    action_fields: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: _NONE)
    builder: Literal["", "content_parts"] = ""
    fixed: Mapping[str, Any] = field(default_factory=lambda: _NONE)
    headers: Mapping[str, str] = field(default_factory=lambda: _NONE)
    trace_header: str = ""
    ids: tuple[str, ...] = IDS
    ok: tuple[str, tuple[Any, ...]] = ("code", (0, "0", 200, "success", None))
    codes: Mapping[str, ErrorKind] = field(default_factory=lambda: _NONE)
    poll_body: Mapping[str, Any] = field(default_factory=lambda: _NONE)
    states: tuple[str, ...] = STATES
    words: Mapping[str, str] = field(default_factory=lambda: _NONE)
    outputs: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=lambda: _NONE)
    refused: tuple[str, ...] = ()
    fetch: str = ""
    cancel: str = ""
    buttons: tuple[str, str, str] | None = None
    input_action: str = ""
    cost: tuple[str, float] | None = None
    every_s: tuple[float, ...] = (2, 3, 5, 10)
    url_only: bool = False
    bytes_only: bool = False
    models: tuple[str, ...] = ()
    minutes: str = "1 to 5 minutes"
    tried: bool = False

    @property
    def called(self) -> str:
        """The name of the service for callers."""
        return self.service or self.name
