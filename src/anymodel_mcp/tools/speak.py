"""`speak`: converts text to speech and saves it as a file."""

from __future__ import annotations

from typing import Annotated

from anymodel_mcp.errors import ArgumentError, ConfigError
from anymodel_mcp.tasks import uninterrupted
from anymodel_mcp.tools.arguments import Arguments, Name, Object, Text
from anymodel_mcp.tools.context import ToolContext, ToolSpec
from anymodel_mcp.tools.records import head_record, sparse, stats_record, usage_record
from anymodel_mcp.tools.schemas import OPTIONS
from anymodel_mcp.tools.sounds import SavedSounds, describe_sound, download_sounds, save_sounds, sound_record
from anymodel_mcp.tools.transcribe import with_audio_makers
from anymodel_mcp.types import CallStats, Outcome
from anymodel_mcp.upstream.call_state import OnDeltas
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.models import Answer, Question
from anymodel_mcp.wire.apis import SPEECH
from anymodel_mcp.wire.audio.values import SpeechRequest, SpeechResult

_TITLE_CHARS = 200


class SpeakArguments(Arguments):
    """Arguments of `speak`."""

    text: Text
    model: Name | None = None
    voice: Name | None = None
    format: Name | None = None
    options: Annotated[Object, OPTIONS] | None = None


async def speak(ctx: ToolContext, arguments: SpeakArguments) -> Outcome:
    """Makes speech from a text and saves it.

    Raises:
        AnyModelError: the arguments are refused, or no model behind the name returned speech.
    """
    if not arguments.text.strip():
        raise ArgumentError("text is empty", param="text", fix="Give the text to speak.")
    line = ctx.call.track(arguments.model or "default model")
    voice = arguments.voice or ctx.models.directory.names.voice

    async def send(endpoint: Endpoint, on_deltas: OnDeltas) -> tuple[SpeechResult, CallStats]:
        request = SpeechRequest(
            model=endpoint.model,
            text=arguments.text,
            voice=voice,
            format=arguments.format,
            options=arguments.options or {},
        )
        return await endpoint.send(SPEECH, request, on_deltas)

    question = Question(name=arguments.model, purpose="speech", send=send, line=line, phase="speaking", paid=True)
    try:
        answer = await ctx.models.ask(question)
    except ConfigError as error:
        raise with_audio_makers(error, "speech") from error
    return await _deliver(ctx, answer, arguments)


async def _deliver(ctx: ToolContext, answer: Answer[SpeechResult], arguments: SpeakArguments) -> Outcome:
    """Saves the sound. It is returned even if saving fails, because it is paid for."""
    sounds, title = [answer.result.sound], arguments.text[:_TITLE_CHARS]
    ctx.call.secure(_outcome(answer, arguments, SavedSounds(records=[sound_record(sounds[0])])))
    with uninterrupted():
        saved = await save_sounds(ctx.artifacts, sounds, title=title)
        ctx.call.secure(_outcome(answer, arguments, saved))
    saved = await download_sounds(ctx.artifacts, sounds, saved, title=title)
    return _outcome(answer, arguments, saved)


def _outcome(answer: Answer[SpeechResult], arguments: SpeakArguments, saved: SavedSounds) -> Outcome:
    """The outcome, as far as the sound is saved."""
    result, stats = answer.result, answer.stats
    warnings = list(dict.fromkeys((*stats.warnings, *result.warnings, *saved.warnings)))
    known = {
        "audio": saved.records,
        "usage": usage_record(result.usage),
        "warnings": warnings,
        **stats_record(stats),
        "duration_s": saved.records[0].get("duration_s"),  # of the sound
    }
    record = {**head_record(answer.target, arguments.model, result.model), **sparse(known), "status": "complete"}
    return Outcome(
        text="\n".join(map(describe_sound, saved.records)),
        notes=[*answer.notes, *warnings],
        record=record,
        pictures=saved.names,
        inline="none",
    )


TOOL = ToolSpec(
    name="speak",
    description="Text to speech, saved as a file.",
    arguments=SpeakArguments,
    run=speak,
    read_only=False,
    needs="speech",
)
