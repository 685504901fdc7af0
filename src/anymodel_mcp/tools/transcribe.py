"""`transcribe`: converts a recording to text, subtitles or segments with times."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import Field

from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.tools.arguments import Arguments, Name, Object, Picture
from anymodel_mcp.tools.context import ToolContext, ToolSpec
from anymodel_mcp.tools.records import head_record, sparse, stats_record, usage_record
from anymodel_mcp.tools.schemas import OPTIONS
from anymodel_mcp.types import CallStats, FilePart, Json, Outcome
from anymodel_mcp.upstream.call_state import OnDeltas
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.models import Answer, Question
from anymodel_mcp.wire.apis import TRANSCRIPTION
from anymodel_mcp.wire.audio.subtitles import listed, srt, vtt
from anymodel_mcp.wire.audio.values import TranscriptFormat, TranscriptionRequest, TranscriptionResult

_SUBTITLES = {"srt": srt, "vtt": vtt}


class TranscribeArguments(Arguments):
    """Arguments of `transcribe`."""

    file: Picture
    model: Name | None = None
    language: Name | None = None
    format: Literal["text", "segments", "srt", "vtt"] | None = None
    translate: Annotated[bool, Field(description="into English")] | None = None
    options: Annotated[Object, OPTIONS] | None = None


async def transcribe(ctx: ToolContext, arguments: TranscribeArguments) -> Outcome:
    """Transcribes a recording.

    Raises:
        AnyModelError: the file is refused, or no model behind the name transcribed it.
    """
    file = await ctx.inputs.sound(arguments.file)
    line = ctx.call.track(arguments.model or "default model")

    async def send(endpoint: Endpoint, on_deltas: OnDeltas) -> tuple[TranscriptionResult, CallStats]:
        return await endpoint.send(TRANSCRIPTION, _request(arguments, endpoint, file), on_deltas)

    question = Question(
        name=arguments.model,
        purpose="transcription",
        send=send,
        line=line,
        on_text=ctx.call.write,
        phase=f"transcribing {file.name}",
    )
    try:
        answer = await ctx.models.ask(question)
    except ConfigError as error:
        raise with_audio_makers(error, "transcription") from error
    outcome = _outcome(answer, arguments)
    ctx.call.secure(outcome)
    return outcome


def with_audio_makers(error: ConfigError, service: Literal["transcription", "speech"]) -> ConfigError:
    """Adds to the error the known providers that offer this."""
    makers = ", ".join(row.name for row in PROVIDERS.values() if service in row.audio)
    return error.with_fields(fix=f"{error.failure.fix} Providers with {service}: {makers}.".strip())


def _request(arguments: TranscribeArguments, endpoint: Endpoint, file: FilePart) -> TranscriptionRequest:
    return TranscriptionRequest(
        model=endpoint.model,
        file=file,
        language=arguments.language,
        format=arguments.format or "text",
        translate=arguments.translate is True,
        options=arguments.options or {},
    )


def _outcome(answer: Answer[TranscriptionResult], arguments: TranscribeArguments) -> Outcome:
    result, stats = answer.result, answer.stats
    wanted: TranscriptFormat = arguments.format or "text"
    text, missing = _text(result, wanted)
    warnings = list(dict.fromkeys((*stats.warnings, *result.warnings, *missing)))
    known = {
        "segments": [_segment(asdict(s)) for s in result.segments],
        "words": list(result.words),
        "language": result.language,
        "usage": usage_record(result.usage),
        "warnings": warnings,
        **stats_record(stats),
        "duration_s": result.duration_s,  # of the sound
    }
    record = {**head_record(answer.target, arguments.model, result.model), **sparse(known), "status": "complete"}
    times = [f"[segments]\n{listed(result.segments)}"] if wanted == "segments" and result.segments else []
    return Outcome(text=text, notes=[*times, *answer.notes, *warnings], record=record)


def _segment(segment: Json) -> Json:
    return {name: value for name, value in segment.items() if value is not None}


def _text(result: TranscriptionResult, wanted: TranscriptFormat) -> tuple[str, list[str]]:
    """The text block, and a warning if the requested format cannot be made."""
    if wanted == "text" or not result.text:
        return result.text, []
    make = _SUBTITLES.get(wanted)
    if result.segments:
        return make(result.segments) if make else result.text, []
    if make and "-->" in result.text:  # the provider wrote the subtitles itself
        return result.text, []
    return result.text, [f"the provider gave no times: this is the plain text, not {wanted}"]


TOOL = ToolSpec(
    name="transcribe",
    description="Speech to text.",
    arguments=TranscribeArguments,
    run=transcribe,
    needs="transcription",
)
