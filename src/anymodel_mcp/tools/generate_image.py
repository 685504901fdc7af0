"""`generate_image`: a picture made or edited, saved whole, shown small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from anymodel_mcp.calls.progress import ProgressLine
from anymodel_mcp.calls.task_group import uninterrupted
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import AnyModelError, ArgumentError, ConfigError
from anymodel_mcp.redact import shorten
from anymodel_mcp.tools.arguments import Arguments, Integer, Name, Object, Picture, Pictures, Text
from anymodel_mcp.tools.asking import FALLS_BACK, explain, ledger_entry, priced
from anymodel_mcp.tools.attachments import read_pictures
from anymodel_mcp.tools.pictures import SavedPictures, download_pictures, save_pictures, unsaved_records
from anymodel_mcp.tools.records import head_record, sparse, trip_record, usage_record
from anymodel_mcp.tools.schemas import OPTIONS
from anymodel_mcp.tools.spec import Job, ToolSpec
from anymodel_mcp.types import CallStats, FilePart, ImageRequest, ImagesResult, Outcome
from anymodel_mcp.upstream import endpoints
from anymodel_mcp.upstream.endpoints import Endpoint
from anymodel_mcp.upstream.routing import Target

_UNSENT = frozenset({"quota", "rate_limit", "overloaded", "model_not_found"})


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
        try:
            result, trip = await _make(job, target, track, lambda ep: _request(arguments, ep, images, mask))
            break
        except AnyModelError as error:
            # a picture that may have been made is paid for: only a refusal leads on to the next model
            if index + 1 == len(targets) or error.kind not in FALLS_BACK & _UNSENT:
                raise await explain(job.app, error, target) from error
            passed.append(f"{target.name} failed ({error.kind}: {shorten(error.failure.message, 200)})")
    else:
        raise AssertionError("a route has at least one target")  # pragma: no cover - `route` never gives none
    notes = [f"made by {target.name}: {'; '.join(passed)}"] if passed else []
    made = _Made(arguments=arguments, result=result, trip=trip, target=target, notes=notes)
    return await _deliver(job, made)


async def _make(
    job: Job, target: Target, track: ProgressLine, request: Callable[[Endpoint], ImageRequest]
) -> tuple[ImagesResult, CallStats]:
    """One model's pictures, with their price."""
    with ledger_entry(job, target) as entry:
        endpoint = await job.app.endpoint(target, track.tell)
        result, trip = await endpoints.make_images(endpoint, request(endpoint), track.tell)
        usage = await priced(job.app, target, result.usage)
        entry.end("complete", usage)
    return replace(result, usage=usage), trip


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """Pictures that a model has made, and how they were asked for."""

    arguments: GenerateImageArguments
    result: ImagesResult
    trip: CallStats
    target: Target
    notes: Sequence[str]

    def outcome(self, saved: SavedPictures) -> Outcome:
        """The outcome, as far as the pictures are saved."""
        warnings = list(dict.fromkeys((*self.trip.warnings, *self.result.warnings, *saved.warnings)))
        revised = next((p.revised_prompt for p in self.result.images if p.revised_prompt), None)
        record = {
            **head_record(self.target, self.arguments.model, self.result.model),
            **sparse(
                {
                    "images": saved.records,
                    "usage": usage_record(self.result.usage),
                    "warnings": warnings,
                    "revised_prompt": revised,
                    **trip_record(self.trip),
                }
            ),
            "status": "complete",
        }
        return Outcome(
            text="\n".join(_line(r) for r in saved.records),
            notes=[*self.notes, *([f"the prompt was revised: {revised}"] if revised else []), *warnings],
            record=record,
            pictures=saved.names,
            inline=self.arguments.inline or "preview",
        )


async def _deliver(job: Job, made: _Made) -> Outcome:
    """Saves the pictures; whatever happens to that, their URLs and bytes are delivered, for they are paid for."""
    pictures, title = made.result.images, made.arguments.prompt
    job.call.secure(made.outcome(SavedPictures(records=unsaved_records(pictures))))
    with uninterrupted():
        saved = await save_pictures(job.app.outputs, pictures, title=title)
        job.call.secure(made.outcome(saved))
    saved = await download_pictures(job.app.outputs, pictures, saved, title=title)
    return made.outcome(saved)


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
)
