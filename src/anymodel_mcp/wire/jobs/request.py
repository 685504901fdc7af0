"""Builds the requests of a media job from its row: submit, poll, fetch, cancel."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field, replace
from typing import Any, Literal, cast
from urllib.parse import quote, urlsplit

from anymodel_mcp.dialects.jobs.row import JobRow
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.record import record
from anymodel_mcp.types import FilePart, Json
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.jobs.paths import first_at, write_path
from anymodel_mcp.wire.urls import is_of

_VERSIONS = re.compile(r"(/(?:api/)?v\d+(?:beta\d*|alpha\d*)?|/openai|/compatible-mode/v1|/ent/v2)+/?$")
_TEMPLATE = re.compile(r"\{(\+?)(\w+)\}")
_DEFAULT_FIELDS = {"prompt": "prompt", "model": "model"}


@record
class JobFile:
    """An input file of a job: a public URL, unchanged, or bytes.

    Attributes:
        kind: what it is; selects the body field.
    """

    kind: Literal["image", "audio", "video"]
    url: str = ""
    part: FilePart | None = None


@record
class JobRequest:
    """A request to a media service.

    Attributes:
        action: one of the row's actions; "" = the first.
        task: the vendor's id of an earlier job that this one continues.
        options: further body fields, sent verbatim; they win over ours.
    """

    action: str = ""
    prompt: str | None = None
    model: str | None = None
    files: Sequence[JobFile] = ()
    task: str | None = None
    options: Json = field(default_factory=dict[str, Any])


@record
class Job:
    """A submitted job: everything that later requests need; stored as JSON.

    Attributes:
        row: name of the row.
        id: the vendor's id; "" before the answer to the submit was read.
        root: what the row's paths are appended to.
        path: of the submit, for rows that poll below it.
        fields: body fields that templates of later requests name.
        links: URLs of the submit answer that the row's `@key` templates name; allowed hosts only.
    """

    row: str
    action: str
    root: str
    id: str = ""
    model: str = ""
    path: str = ""
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    links: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> Json:
        """Serializes the job for the store."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Json) -> Job:
        """Parses the result of `to_json`; unknown keys of a newer version are ignored."""
        return cls(**{name: value[name] for name in cls.__dataclass_fields__ if name in value})


def root_of(row: JobRow, base_url: str, media_url: str = "", host: str = "") -> str:
    """What the row's paths are appended to.

    Args:
        row: the service.
        base_url: of the provider, as configured.
        media_url: the configured root of media paths, used as it is; "" = derived from `base_url`.
        host: the host whose paths the provider uses; "" = that of the base URL.
    """
    if media_url:
        return media_url.partition("?")[0].rstrip("/")
    if row.root == "base":
        root = base_url.partition("?")[0].rstrip("/")
    else:
        root = _VERSIONS.sub("", base_url.partition("?")[0].rstrip("/"))
    host = host or urlsplit(root).hostname or ""
    return root if not row.prefix or is_of(host, row.hosts) else root + row.prefix


def build_submit(request: JobRequest, row: JobRow, root: str) -> tuple[WireRequest, Job]:
    """Builds the submit, and the job without its id.

    Raises:
        ArgumentError: the row has no such action, or a template's field is missing.
    """
    action = request.action or next(iter(row.submit))
    if action not in row.submit:
        raise _unknown_action(row, action)
    body: Json = json.loads(json.dumps(dict(row.fixed)))
    files = _set_fields(body, request, row, action, "{model}" in row.submit[action])
    _merge(body, request.options)
    known = _known(request, body)
    path = _filled(row.submit[action], known, row)
    job = Job(row=row.name, action=action, root=root, model=request.model or "", path=path, fields=_needed(row, known))
    wire = WireRequest(
        path="",
        url=root + path,
        hosts=row.hosts,
        auth=_auth(row, root),
        endpoint="jobs",
        body=body,
        multipart=row.form,
        files=files if row.form else (),
        headers=dict(row.headers),
        protected=frozenset(request.options),
        repeatable=False,
    )
    return wire, job


def _auth(row: JobRow, url: str) -> str:
    """The vendor's form of the key, at the vendor's own hosts."""
    return row.auth if is_of(urlsplit(url).hostname or "", row.hosts) else ""


def _unknown_action(row: JobRow, action: str) -> ArgumentError:
    actions = ", ".join(f"{name} ({_body_fields(row, name)})" for name in row.submit)
    return ArgumentError(
        f"{row.called} has no action {action[:80]!r}",
        param="action",
        fix=f"Its actions, with their body fields: {actions}. Other body fields go into options.",
    )


def _body_fields(row: JobRow, action: str) -> str:
    fields = _fields(row, action)
    names = [f"{ours} = {path.partition(' ')[0]}" for ours, path in fields.items() if path]
    names += [f"{name} in the path" for _, name in _TEMPLATE.findall(row.submit[action]) if name not in fields]
    return ", ".join(names) or "options only"


def _fields(row: JobRow, action: str) -> dict[str, str]:
    return {**_DEFAULT_FIELDS, **row.fields, **row.action_fields.get(action, {})}


def _set_fields(body: Json, request: JobRequest, row: JobRow, action: str, in_path: bool) -> list[tuple[str, FilePart]]:
    fields = _fields(row, action)
    if row.builder == "content_parts":
        body["content"] = _content_parts(request, row)
        request, fields = replace(request, prompt=None, files=()), {**fields}
    values = {"prompt": request.prompt, "model": None if in_path else request.model, "task": request.task}
    for name, value in values.items():
        if value is not None and fields.get(name):
            write_path(body, fields[name], value)
    parts: list[tuple[str, FilePart]] = []
    for place, file in _places(request.files, fields, row):
        path, _, form = place.partition(" as ")
        if row.form and file.part is not None:
            parts.append((path, file.part))
        else:
            write_path(body, path, _file_value(file, form, row))
    return parts


def _places(files: Sequence[JobFile], fields: Mapping[str, str], row: JobRow) -> list[tuple[str, JobFile]]:
    """Assigns each file to a body field.

    Raises:
        ArgumentError: the service has no field for such a file.
    """
    found: list[tuple[str, JobFile]] = []
    counts = {"image": 0, "audio": 0, "video": 0}
    for file in files:
        names = [f"{file.kind}s", "files"]
        names.insert(0, file.kind if counts[file.kind] == 0 else f"{file.kind}_end" if counts[file.kind] == 1 else "")
        counts[file.kind] += 1
        place = next((fields[name] for name in names if fields.get(name)), "")
        if not place:
            raise ArgumentError(
                f"{row.called} has no field for {'this' if counts[file.kind] == 1 else 'another'} {file.kind} file",
                param="files",
                fix="Leave it out, or give it in options under the vendor's own field name.",
            )
        found.append((place, file))
    return found


def _content_parts(request: JobRequest, row: JobRow) -> list[Json]:
    """The prompt and the pictures as parts: the first picture is the first frame, the second the last one."""
    parts: list[Json] = [{"type": "text", "text": request.prompt}] if request.prompt else []
    roles = ("first_frame", "last_frame") if len(request.files) <= 2 else ()
    for index, file in enumerate(request.files):
        role = roles[index] if roles else "reference_image"
        parts.append({"type": "image_url", "image_url": {"url": _file_value(file, "data", row)}, "role": role})
    return parts


def _file_value(file: JobFile, form: str, row: JobRow) -> str:
    if file.url:
        return file.url
    part = file.part
    if part is None or row.url_only or form == "url":
        raise ArgumentError(
            f"{row.called} takes files as public URLs only", param="files", fix="Give an https URL of the file."
        )
    encoded = base64.b64encode(part.content).decode()
    return encoded if form == "base64" else f"data:{part.mime};base64,{encoded}"


def _merge(body: Json, options: Json) -> None:
    """Merges the caller's own fields, which win; objects are merged key by key."""
    for name, value in options.items():
        mine = body.get(name)
        if isinstance(mine, dict) and isinstance(value, dict):
            _merge(cast("Json", mine), cast("Json", value))
        else:
            body[name] = value


def _known(request: JobRequest, body: Json) -> dict[str, str]:
    """The values for templates: those of the body, then ours."""
    known = {name: str(value) for name, value in body.items() if isinstance(value, str | int)}
    known |= {"model": request.model or known.get("model", "")}
    if request.task:
        known["id"] = request.task
    return known


def _needed(row: JobRow, known: Mapping[str, str]) -> dict[str, str]:
    texts = " ".join([row.poll, row.fetch, row.cancel, *map(str, row.poll_body.values())])
    names = {name for _, name in _TEMPLATE.findall(texts)} - {"id", "path", "action", "model", "service"}
    return {name: known[name] for name in names if name in known}


def _filled(template: str, known: Mapping[str, str], row: JobRow) -> str:
    """A path with its templates filled in.

    Raises:
        ArgumentError: a value is missing, or would change the path.
    """

    def value(match: re.Match[str]) -> str:
        text = known.get(match[2], "")
        if not text or ".." in text.split("/"):
            raise ArgumentError(
                f"{row.called} needs {match[2]!r} for this action" if not text else f"{match[2]} is not a valid name",
                param=match[2] if match[2] in ("model", "task") else "options",
                fix=f"Give it as {'task' if match[2] == 'id' else match[2]}.",
            )
        return quote(text, safe="/:" if match[1] or match[2] in ("model", "path") else ":,")

    return _TEMPLATE.sub(value, template)


def build_poll(job: Job, row: JobRow) -> WireRequest:
    """Builds the request for the state of a job."""
    return _later(row.poll, job, row, row.poll_body)


def build_fetch(job: Job, row: JobRow, answer: Any) -> WireRequest:
    """Builds the request for a finished job's output; `answer` is the poll's JSON."""
    fields = {**job.fields, **{k: str(v) for k, v in _flat(answer).items()}}
    return _later(row.fetch.partition(" ")[2], replace(job, fields=fields), row, {})


def build_cancel(job: Job, row: JobRow) -> WireRequest | None:
    """Builds the request that stops a job; `None` = not supported."""
    return _later(row.cancel, job, row, {}) if row.cancel else None


def _flat(answer: Any) -> Json:
    """The scalars of the answer, for templates such as {file_id}."""
    names = ("file_id", "request_id", "id")
    found = {name: first_at(answer, name, f"data.{name}", f"task.{name}") for name in names}
    return {name: value for name, value in found.items() if isinstance(value, str | int) and name != "id"}


def _later(template: str, job: Job, row: JobRow, body: Mapping[str, Any]) -> WireRequest:
    service = job.path.strip("/").partition("/")[0]
    known = {**job.fields, "id": job.id, "model": job.model, "action": job.action, "path": job.path, "service": service}
    method, _, place = template.partition(" ")
    if place.startswith("@"):
        key, _, place = place[1:].partition("|")
        url = job.links.get(key) or (job.root + _filled(place, known, row) if place else "")
    else:
        url = job.root + _filled(place, known, row)
    if not url:
        raise ArgumentError(f"the answer of {row.called} contains no address to poll", param="task")
    sent = {k: _filled_text(v, known) for k, v in body.items()} if method == "POST" else None
    return WireRequest(
        method=cast("Literal['GET', 'POST', 'PUT', 'DELETE']", method),
        path="",
        url=url,
        hosts=row.hosts,
        auth=_auth(row, url),
        endpoint="jobs",
        body=sent or None,
        headers=dict(row.headers),
    )


def _filled_text(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_filled_text(v, known) for v in cast("list[Any]", value)]
    if not isinstance(value, str):
        return value
    return _TEMPLATE.sub(lambda match: known.get(match[2], ""), value)
