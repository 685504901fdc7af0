"""`generate_image`: makes or edits a picture, saves it and shows a preview."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from anymodel_mcp.errors import ArgumentError, ConfigError
from anymodel_mcp.tasks import uninterrupted
from anymodel_mcp.tools.arguments import Arguments, Integer, Name, Object, Picture, Pictures, Text
from anymodel_mcp.tools.context import ToolContext, ToolSpec
from anymodel_mcp.tools.pictures import SavedPictures, download_pictures, save_pictures, unsaved_records
from anymodel_mcp.tools.records import head_record, sparse, stats_record, usage_record
from anymodel_mcp.tools.schemas import OPTIONS
from anymodel_mcp.types import CallStats, FilePart, ImageRequest, ImagesResult, Json, Outcome
from anymodel_mcp.upstream.call_state import OnDeltas
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.jobs import Job, follow_images, make_images
from anymodel_mcp.upstream.models import Answer, Question
from anymodel_mcp.upstream.naming import other_makers
from anymodel_mcp.upstream.routing import ModelNames
from anymodel_mcp.upstream.sums import joined_stats

_TITLE_CHARS = 200


class GenerateImageArguments(Arguments):
    """Arguments of `generate_image`."""

    prompt: Text
    model: Name | None = None
    size: Name | None = None
    n: Annotated[Integer, Field(ge=1, le=16)] | None = None
    quality: Name | None = None
    output_format: Name | None = None
    images: Annotated[Pictures, Field(description="to edit")] | None = None
    mask: Picture | None = None
    inline: Literal["preview", "full", "none"] | None = None
    options: Annotated[Object, OPTIONS] | None = None


async def generate_image(ctx: ToolContext, arguments: GenerateImageArguments) -> Outcome:
    """Makes or edits pictures and saves them.

    Raises:
        AnyModelError: the arguments are refused, no image model is known, or the provider made no picture.
    """
    if not arguments.prompt.strip():
        raise ArgumentError("prompt is empty", param="prompt", fix="Say what the picture should show.")
    if arguments.mask is not None and not arguments.images:
        raise ArgumentError("a mask needs images to edit", param="mask", fix="Give images, or leave the mask out.")
    images = [await ctx.inputs.picture(ref) for ref in arguments.images or ()]
    mask = await ctx.inputs.picture(arguments.mask) if arguments.mask is not None else None
    names = ctx.models.directory.names
    line = ctx.call.track(arguments.model or "default model")

    async def send(endpoint: Endpoint, _: OnDeltas) -> tuple[ImagesResult, CallStats]:
        def on_job(task_id: str) -> None:
            ctx.calls.keep_job(ctx.call, _job(endpoint, task_id, arguments).to_json())

        request = _request(names, arguments, endpoint, images, mask)
        return await make_images(endpoint, request, on_job=on_job, on_phase=line.tell)

    question = Question(
        name=arguments.model, purpose="image", send=send, line=line, phase="making the picture", paid=True
    )
    try:
        answer = await ctx.models.ask(question)
    except ConfigError as error:
        raise _with_makers(error, names) from error
    return await _deliver(ctx, answer, arguments)


async def resume(ctx: ToolContext, stored: Json) -> Outcome:
    """Continues a job that was submitted before, without submitting anything.

    Raises:
        AnyModelError: its provider is not configured, or the job made no pictures.
    """
    job = Job.from_json(stored)
    arguments = GenerateImageArguments.model_validate(job.data)
    line = ctx.call.track(f"{job.provider}/{job.model}")

    async def send(endpoint: Endpoint, _: OnDeltas) -> tuple[ImagesResult, CallStats]:
        result, stats = await follow_images(endpoint, job.task_id, line.tell, first_pause=False)
        return result, joined_stats(stats)

    answer = await ctx.models.ask_again(job, send, line)
    return await _deliver(ctx, answer, arguments)


def _job(endpoint: Endpoint, task_id: str, arguments: GenerateImageArguments) -> Job:
    return Job(
        provider=endpoint.client.settings.name,
        model=endpoint.model,
        base_url=endpoint.client.settings.base_url,
        task_id=task_id,
        requested=arguments.model,
        data={"prompt": arguments.prompt[:_TITLE_CHARS], "model": arguments.model, "inline": arguments.inline},
    )


def _with_makers(error: ConfigError, names: ModelNames) -> ConfigError:
    makers = other_makers(names, frozenset({"images"}), "")
    return error.with_fields(fix=f"{error.failure.fix} {makers}".strip())


def _request(
    names: ModelNames,
    arguments: GenerateImageArguments,
    endpoint: Endpoint,
    images: list[FilePart],
    mask: FilePart | None,
) -> ImageRequest:
    lacks = endpoint.dialect.lacks
    if "images" in lacks or (images and "image_edits" in lacks):
        what = "edits no pictures" if "images" not in lacks else "makes no pictures"
        needed = frozenset({"images", "image_edits"} if images else {"images"})
        name = endpoint.client.settings.name
        raise ArgumentError(f"{name} {what}", param="model", fix=other_makers(names, needed, name))
    return ImageRequest(
        model=endpoint.model,
        prompt=arguments.prompt,
        size=arguments.size,
        n=arguments.n,
        quality=arguments.quality,
        output_format=arguments.output_format,
        images=images,
        mask=mask,
        options=arguments.options or {},
    )


def _outcome(answer: Answer[ImagesResult], arguments: GenerateImageArguments, saved: SavedPictures) -> Outcome:
    """The outcome, as far as the pictures are saved."""
    result, stats = answer.result, answer.stats
    warnings = list(dict.fromkeys((*stats.warnings, *result.warnings, *saved.warnings)))
    revised = next((p.revised_prompt for p in result.images if p.revised_prompt), None)
    known = {
        "images": saved.records,
        "usage": usage_record(result.usage),
        "warnings": warnings,
        "revised_prompt": revised,
        "task_id": result.task_id,
        **stats_record(stats),
    }
    record = {**head_record(answer.target, arguments.model, result.model), **sparse(known), "status": "complete"}
    return Outcome(
        text="\n".join(_line(r) for r in saved.records),
        notes=[*answer.notes, *([f"the prompt was revised: {revised}"] if revised else []), *warnings],
        record=record,
        pictures=saved.names,
        inline=arguments.inline or "preview",
    )


async def _deliver(ctx: ToolContext, answer: Answer[ImagesResult], arguments: GenerateImageArguments) -> Outcome:
    """Saves the pictures. Their URLs and bytes are returned even if saving fails, because they are paid for."""
    pictures, title = answer.result.images, arguments.prompt
    ctx.call.secure(_outcome(answer, arguments, SavedPictures(records=unsaved_records(pictures))))
    with uninterrupted():
        saved = await save_pictures(ctx.artifacts, pictures, title=title)
        ctx.call.secure(_outcome(answer, arguments, saved))
    saved = await download_pictures(ctx.artifacts, pictures, saved, title=title)
    return _outcome(answer, arguments, saved)


def _line(record: dict[str, object]) -> str:
    size = f"{record['width']}x{record['height']} " if record.get("width") else ""
    if record.get("path"):
        return f"{record['path']} ({size}{record.get('mime', '')}, {record.get('bytes')} bytes)"
    return str(record.get("url") or f"a picture that is not saved ({size}{record.get('mime', '')})")


TOOL = ToolSpec(
    name="generate_image",
    description="Makes or edits pictures: saved, shown small.",
    arguments=GenerateImageArguments,
    run=generate_image,
    read_only=False,
    resume=resume,
)
