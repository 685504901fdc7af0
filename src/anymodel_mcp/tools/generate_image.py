"""`generate_image`: a picture made or edited, saved whole, shown small."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import AnyModelError, ArgumentError, ConfigError
from anymodel_mcp.redact import shorten
from anymodel_mcp.tools.arguments import Arguments, Integer, Object, Strings
from anymodel_mcp.tools.asking import FALLS_BACK, account, explain, priced
from anymodel_mcp.tools.attachments import read_pictures
from anymodel_mcp.tools.pictures import save_pictures
from anymodel_mcp.tools.records import head_record, sparse, trip_record, usage_record
from anymodel_mcp.tools.schemas import MODEL, OPTIONS
from anymodel_mcp.tools.spec import Job, ToolSpec
from anymodel_mcp.types import CallStats, FilePart, ImageRequest, ImagesResult, Outcome
from anymodel_mcp.upstream import endpoints
from anymodel_mcp.upstream.endpoints import Endpoint
from anymodel_mcp.upstream.routing import Target

_UNSENT = frozenset({"quota", "rate_limit", "overloaded", "model_not_found"})


class GenerateImageArguments(Arguments):
    """Arguments of `generate_image`."""

    prompt: str
    model: Annotated[str, MODEL] | None = None
    size: Annotated[str, Field(description="such as 1024x1024")] | None = None
    n: Annotated[Integer, Field(ge=1, le=16)] | None = None
    quality: str | None = None
    output_format: Annotated[str, Field(description="png, jpeg or webp")] | None = None
    images: Annotated[Strings, Field(description="pictures to edit: https URL, data URL or path")] | None = None
    mask: Annotated[str, Field(description="transparent where to edit")] | None = None
    inline: (
        Annotated[Literal["preview", "full", "none"], Field(description="what is shown here; default preview")] | None
    ) = None
    options: Annotated[Object, OPTIONS] | None = None


async def generate_image(job: Job, arguments: GenerateImageArguments) -> Outcome:
    """The saved pictures.

    Raises:
        AnyModelError: the arguments are refused, no model is known that makes pictures, or the provider made none.
    """
    if not arguments.prompt.strip():
        raise ArgumentError("prompt is empty", param="prompt", fix="Say what the picture should show.")
    if arguments.mask is not None and not arguments.images:
        raise ArgumentError("a mask needs images to edit", param="mask", fix="Give images, or leave the mask out.")
    images = await read_pictures(job.app, arguments.images or ())
    mask = (await read_pictures(job.app, [arguments.mask]))[0] if arguments.mask is not None else None
    targets = await _targets(job, arguments.model)
    track = job.call.track(targets[0].name)
    passed: list[str] = []
    for index, target in enumerate(targets):
        track.label, track.phase = target.name, "making the picture"
        started = time.monotonic()
        try:
            endpoint = await job.app.endpoint(target, track.tell)
            request = _request(arguments, endpoint, images, mask)
            result, trip = await endpoints.make_images(endpoint, request, track.tell)
            break
        except AnyModelError as error:
            account(job, target, None, error.kind, time.monotonic() - started)
            # a picture that may have been made is paid for: only a refusal leads on to the next model
            if index + 1 == len(targets) or error.kind not in FALLS_BACK & _UNSENT:
                raise await explain(job.app, error, target) from error
            passed.append(f"{target.name} failed ({error.kind}: {shorten(error.failure.message, 200)})")
    else:
        raise AssertionError("a route has at least one target")  # pragma: no cover - `route` never gives none
    usage = await priced(job.app, target, result.usage)
    account(job, target, usage, "complete", time.monotonic() - started)
    notes = [f"made by {target.name}: {'; '.join(passed)}"] if passed else []
    return await _outcome(job, arguments, replace(result, usage=usage), trip, target, notes)


async def _targets(job: Job, name: str | None) -> tuple[Target, ...]:
    try:
        return await job.app.targets(name, "image")
    except ConfigError as error:
        makers = [row.name for row in PROVIDERS.values() if "images" not in row.quirks.get("lacks", frozenset())]
        raise error.having(
            fix=f"{error.failure.fix} Providers that make pictures: {', '.join(makers)}.".strip()
        ) from error


def _request(
    arguments: GenerateImageArguments, endpoint: Endpoint, images: list[FilePart], mask: FilePart | None
) -> ImageRequest:
    lacks = endpoint.dialect.lacks
    if "images" in lacks or (images and "image_edits" in lacks):
        what = "edits no pictures" if "images" not in lacks else "makes no pictures"
        needed = {"images", "image_edits"} if images else {"images"}
        makers = [r.name for r in PROVIDERS.values() if not needed & r.quirks.get("lacks", frozenset())]
        raise ArgumentError(
            f"{endpoint.client.settings.name} {what}",
            param="model",
            fix=f"Name a model of another provider: {', '.join(makers)}.",
        )
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


async def _outcome(
    job: Job, arguments: GenerateImageArguments, result: ImagesResult, trip: CallStats, target: Target, notes: list[str]
) -> Outcome:
    records, names, warnings = await save_pictures(job.app, result.images, fetch=True, title=arguments.prompt)
    all_warnings = list(dict.fromkeys((*trip.warnings, *result.warnings, *warnings)))
    revised = next((p.revised_prompt for p in result.images if p.revised_prompt), None)
    record = {
        **head_record(target, arguments.model, result.model),
        **sparse(
            {
                "images": records,
                "usage": usage_record(result.usage),
                "warnings": all_warnings,
                "revised_prompt": revised,
                **trip_record(trip),
            }
        ),
        "status": "complete",
    }
    lines = [_line(r) for r in records]
    return Outcome(
        text="\n".join(lines),
        notes=[*notes, *([f"the prompt was revised: {revised}"] if revised else []), *all_warnings],
        record=record,
        pictures=names,
        inline=arguments.inline or "preview",
    )


def _line(record: dict[str, object]) -> str:
    size = f"{record['width']}x{record['height']} " if record.get("width") else ""
    if record.get("path"):
        return f"{record['path']} ({size}{record.get('mime', '')}, {record.get('bytes')} bytes)"
    return str(record.get("url", ""))


TOOL = ToolSpec(
    name="generate_image",
    description="Makes or edits pictures; they are saved, and their paths returned with a small preview.",
    arguments=GenerateImageArguments,
    run=generate_image,
    read_only=False,
)
