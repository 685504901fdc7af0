"""`create_media`: pictures, music and video by paid jobs of media services."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from anymodel_mcp.dialects.jobs import JOB_ROWS, JobRow
from anymodel_mcp.errors import ArgumentError, ConfigError, Failure, ProviderError, excerpt
from anymodel_mcp.record import record
from anymodel_mcp.tools.arguments import Arguments, Files, Name, Object, Text
from anymodel_mcp.tools.context import ToolContext, ToolSpec
from anymodel_mcp.tools.media_files import SavedMedia, save_media, unsaved
from anymodel_mcp.tools.media_inputs import read_files
from anymodel_mcp.tools.records import head_record, sparse, stats_record, usage_record
from anymodel_mcp.tools.schemas import OPTIONS
from anymodel_mcp.types import CallStats, Json, Outcome
from anymodel_mcp.upstream.call_state import OnDeltas
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.jobs import Job
from anymodel_mcp.upstream.media_jobs import (
    LOOK_FIRST,
    MediaResult,
    cancel_media,
    finish_media,
    follow_media,
    make_media,
)
from anymodel_mcp.upstream.media_services import choose_row, host_of, media_targets
from anymodel_mcp.upstream.models import Answer, Question
from anymodel_mcp.upstream.routing import Target
from anymodel_mcp.upstream.sums import joined_stats
from anymodel_mcp.wire.decode.json_values import as_object
from anymodel_mcp.wire.jobs.answer import JobState
from anymodel_mcp.wire.jobs.request import Job as MediaJob
from anymodel_mcp.wire.jobs.request import JobRequest, build_submit, root_of

_TITLE_CHARS = 200
_MOST_ANSWER_CHARS = 4000
_SHOWN_ACTIONS = 20
_HANDLE = "r-"


class CreateMediaArguments(Arguments):
    """Arguments of `create_media`."""

    service: Annotated[Name, Field(description="suno, midjourney, video, ...; default: by model")] | None = None
    action: Annotated[Name, Field(description="lyrics, extend, ...; a wrong one lists all")] | None = None
    prompt: Text | None = None
    model: Name | None = None
    files: Files | None = None
    task: Annotated[Name, Field(description="id to continue from")] | None = None
    options: Annotated[Object, OPTIONS] | None = None


@record
class _Earlier:
    """The earlier job that a call continues from.

    Attributes:
        task_id: the vendor's id.
        target: the provider that ran it, as a model name; "" = not known.
        service: the service that ran it; "" = not known.
    """

    task_id: str | None = None
    target: str = ""
    service: str = ""


async def create_media(ctx: ToolContext, arguments: CreateMediaArguments) -> Outcome:
    """Runs a job and saves its results.

    Raises:
        AnyModelError: the arguments are refused, no provider sells the service, or the job failed.
    """
    earlier = await _earlier(ctx, arguments.task)
    service = (arguments.service or "").strip() or ("" if arguments.model else earlier.service)
    model = (arguments.model or "").strip() or earlier.target
    targets = media_targets(ctx.models.directory.names, service, model)
    line = ctx.call.track(targets[0].name)

    async def send(endpoint: Endpoint, _: OnDeltas) -> tuple[MediaResult, CallStats]:
        settings = endpoint.client.settings
        row, action = choose_row(settings, service, (arguments.action or "").strip(), endpoint.model)
        files = await read_files(ctx.inputs, arguments.files or (), row)
        named = endpoint.model.lower() not in ("", service.lower(), row.called, row.name)
        request = JobRequest(
            action=action,
            prompt=arguments.prompt,
            model=endpoint.model if named else None,
            files=files,
            task=earlier.task_id,
            options=arguments.options or {},
        )
        root = root_of(row, settings.base_url, settings.media_url or "", host_of(settings))
        wire, job = build_submit(request, row, root)
        ctx.call.facts = {"service": row.called, "action": job.action}
        await ctx.calls.save_job(ctx.call, _stored(endpoint, job, arguments).to_json())

        async def on_job(job: MediaJob) -> None:
            await ctx.calls.save_job(ctx.call, _stored(endpoint, job, arguments).to_json())

        return await make_media(endpoint, row, wire, job, on_job=on_job, on_state=_reporter(ctx, line.tell, row))

    question = Question(
        name=arguments.model, purpose="media", send=send, line=line, phase="submitting", paid=True, targets=targets
    )
    answer = await ctx.models.ask(question)
    return await _deliver(ctx, answer, arguments)


async def _earlier(ctx: ToolContext, task: str | None) -> _Earlier:
    """The job behind `task`: a handle of this server, or the vendor's own id."""
    task = (task or "").strip()
    if not task.startswith(_HANDLE):
        return _Earlier(task_id=task or None)
    found = await ctx.calls.find_job(task)
    task_id = str((found or {}).get("task_id") or "")
    if found is None or not task_id:
        raise ArgumentError(
            f"{excerpt(task)!r} is no media job, or the vendor's id of it is not known",
            param="task",
            fix="Give the id of an earlier result of create_media, or the vendor's own id.",
        )
    provider = str(found.get("provider") or "")
    return _Earlier(task_id=task_id, target=f"{provider}/" if provider else "", service=str(found.get("service") or ""))


def _reporter(ctx: ToolContext, tell: Callable[[str], None], row: JobRow) -> Callable[[MediaJob, JobState], None]:
    """Takes the states of a job for progress notes and for the record of an unfinished call."""

    def on_state(job: MediaJob, state: JobState) -> None:
        progress = f" {state.progress} %" if state.progress is not None else ""
        word = state.word if state.status == "running" and state.word else state.status.replace("_", " ")
        tell(f"{row.called} job {job.id}: {word}{progress} (such jobs take {row.minutes})")
        ctx.call.facts = sparse({**ctx.call.facts, "progress": state.progress})

    return on_state


def _stored(endpoint: Endpoint, job: MediaJob, arguments: CreateMediaArguments) -> Job:
    row = JOB_ROWS[job.row]
    return Job(
        provider=endpoint.client.settings.name,
        model=endpoint.model,
        base_url=endpoint.client.settings.base_url,
        task_id=job.id,
        requested=arguments.model,
        data={
            "job": job.to_json(),
            "service": row.called,
            "action": job.action,
            "prompt": (arguments.prompt or "")[:_TITLE_CHARS],
        },
    )


async def resume(ctx: ToolContext, stored: Json) -> Outcome:
    """Continues a job that was submitted before, without submitting anything.

    Raises:
        AnyModelError: its provider is not configured, its id was never read, or it failed.
    """
    job = Job.from_json(stored)
    media = MediaJob.from_json(job.data["job"])
    row = _row(media)
    if not job.task_id:
        raise ProviderError(
            f"the submit to {row.called} was sent, and this server stopped before it read the answer: the id of the "
            "job is not known",
            kind="connection",
            provider=job.provider,
            model=job.model or None,
            retryable=False,
            fix=LOOK_FIRST,
        )
    arguments = CreateMediaArguments(
        service=job.data.get("service"), prompt=job.data.get("prompt"), model=job.requested
    )
    ctx.call.facts = {"service": row.called, "action": media.action}
    line = ctx.call.track(Target(job.provider, job.model).name)

    async def send(endpoint: Endpoint, _: OnDeltas) -> tuple[MediaResult, CallStats]:
        on_state = _reporter(ctx, line.tell, row)
        try:
            result, stats = await follow_media(endpoint, row, media, on_state, first_pause=False)
        except ProviderError:
            state = _known_result(job.data)
            if state is None:
                raise
            result, stats = await finish_media(endpoint, row, media, state)
        return result, joined_stats(stats) if stats else CallStats(attempts=0, duration_s=0)

    answer = await ctx.models.ask_again(job, send, line)
    return await _deliver(ctx, answer, arguments)


def _row(job: MediaJob) -> JobRow:
    row = JOB_ROWS.get(job.row)
    if row is None:
        raise ConfigError(f"this version knows no service {job.row!r}", fix="Update anymodel-mcp.", task_id=job.id)
    return row


def _known_result(data: Json) -> JobState | None:
    """The stored result of a finished job, which its service may have deleted by now."""
    done = as_object(data.get("done"))
    return JobState(status="done", outputs=done["outputs"], texts=done["texts"]) if done else None


async def cancel(ctx: ToolContext, stored: Json) -> Failure:
    """Stops a job at its vendor, if the vendor supports that.

    Raises:
        AnyModelError: the vendor refused the request.
    """
    job = Job.from_json(stored)
    media = MediaJob.from_json(job.data["job"])
    row = _row(media)
    if not job.task_id:
        return Failure(
            kind="cancelled",
            message="the call was cancelled; the submit may have been sent, and its answer was not read",
            fix=LOOK_FIRST,
        )
    if not row.cancel:
        return Failure(
            kind="cancelled",
            message=f"the call was cancelled; {row.called} offers no way to stop job {job.task_id}, which continues",
        )
    endpoint = await ctx.models.open(Target(job.provider, job.model), lambda _: None)
    if endpoint.client.settings.base_url != job.base_url:
        raise ConfigError(f"{job.provider} is not configured at {job.base_url} any more")
    await cancel_media(endpoint, row, media)
    ctx.call.job_over = True
    return Failure(
        kind="cancelled",
        message=f"job {job.task_id} was cancelled at {row.called}",
        fix="Check at the vendor whether it was charged.",
        task_id=job.task_id,
    )


async def _deliver(ctx: ToolContext, answer: Answer[MediaResult], arguments: CreateMediaArguments) -> Outcome:
    """Saves the results. Their URLs are returned even if saving fails, because they are paid for."""
    result, title = answer.result, arguments.prompt or answer.result.row.called
    urls = [result.file] if result.file else list(result.state.outputs)
    ctx.call.secure(_outcome(answer, arguments, unsaved(urls)))
    endpoint = result.endpoint
    if result.job.id and urls:
        job = _stored(endpoint, result.job, arguments)
        done = {"outputs": [url for url in urls if not url.startswith("data:")], "texts": list(result.state.texts)}
        await ctx.calls.save_job(ctx.call, replace(job, data={**job.data, "done": done}).to_json())
    line = ctx.call.tracks[-1]
    saved = await save_media(
        ctx.artifacts,
        urls,
        title=title,
        base_url=endpoint.client.settings.base_url,
        open_own=endpoint.client.open_file,
        ends=endpoint.ends,
        on_file=lambda number: line.tell(f"downloading result {number} of {len(urls)}"),
    )
    return _outcome(answer, arguments, saved)


def _outcome(answer: Answer[MediaResult], arguments: CreateMediaArguments, saved: SavedMedia) -> Outcome:
    result, stats = answer.result, answer.stats
    state, row, job = result.state, result.row, result.job
    waiting = _wanted(result) if state.status == "needs_input" else []
    warnings = list(dict.fromkeys((*stats.warnings, *state.warnings, *saved.warnings, *waiting)))
    follow_ups: list[Json] = list(state.next)
    if waiting:
        follow_ups = [{"action": row.input_action, "options": {"taskId": job.id}, "label": "go on"}]
    known = {
        "service": row.called,
        "action": job.action,
        "task_id": job.id,
        "media": saved.records,
        "texts": list(state.texts),
        "next": follow_ups,
        "usage": usage_record(result.usage),
        "warnings": warnings,
        **stats_record(stats),
    }
    head = head_record(answer.target, arguments.model, None)
    record = {**sparse({**head, **known}), "status": "needs_input" if waiting else "complete"}
    named = [f"{row.called} job {job.id}"] if job.id else []
    return Outcome(
        text=_text(state, saved),
        notes=[*answer.notes, *named, *_follow_up_notes(row, job, state), *warnings],
        record=record,
        pictures=saved.names,
    )


def _text(state: JobState, saved: SavedMedia) -> str:
    lines = [_line(record) for record in saved.records]
    parts = [*state.texts, *(["\n".join(lines)] if lines else [])]
    if not parts and state.status == "done":
        raw = json.dumps(state.answer, ensure_ascii=False)[:_MOST_ANSWER_CHARS]
        return f"The job is done, but its response names no file:\n{raw}"
    return "\n\n".join(parts)


def _line(record: Json) -> str:
    if record.get("path"):
        return f"{record['path']} ({record['mime']}, {record['bytes']} bytes)"
    return str(record.get("url") or f"a {record.get('kind', 'file')} that is not saved")


def _wanted(result: MediaResult) -> list[str]:
    row, job = result.row, result.job
    return [
        f"the job waits for input: call create_media with service {row.called!r}, action {row.input_action!r}, task "
        f"{job.id!r}, a prompt and, for a region, maskBase64 in options"
    ]


def _follow_up_notes(row: JobRow, job: MediaJob, state: JobState) -> list[str]:
    if not state.next or row.buttons is None:
        return []
    _, action, option = row.buttons
    shown = [f"{_label(entry)} = {entry['options'][option]}" for entry in state.next[:_SHOWN_ACTIONS]]
    return [f"go on with action {action!r}, task {job.id!r} and options.{option}: {', '.join(shown)}"]


def _label(entry: Json) -> str:
    return str(entry.get("label") or "(unnamed)")


TOOL = ToolSpec(
    name="create_media",
    description="Pictures, music, video by paid tasks (Midjourney, Suno, Kling, Sora, ...); until done an id for "
    "get_result.",
    arguments=CreateMediaArguments,
    run=create_media,
    read_only=False,
    resume=resume,
    cancel=cancel,
    needs="media",
)
