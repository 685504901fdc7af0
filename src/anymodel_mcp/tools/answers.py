"""Converts an answer to the outcome of a call: text, notes and record."""

from __future__ import annotations

import json

from anymodel_mcp.tools.records import chat_record, numbered, sparse
from anymodel_mcp.tools.sounds import describe_sound
from anymodel_mcp.types import ChatResult, Json, Outcome
from anymodel_mcp.upstream.models import Answer
from anymodel_mcp.wire.content.finish import INCOMPLETE


def outcome_of(answer: Answer[ChatResult], requested: str | None, extra: Json | None = None) -> Outcome:
    """Converts a chat or completion result: the text is unchanged, everything else becomes notes and record."""
    result = answer.result
    record = {**chat_record(result, answer.stats, answer.target, requested), **sparse(extra or {})}
    return Outcome(text=result.text, notes=(*_notes(result, record), *answer.notes), record=record)


def _notes(result: ChatResult, record: Json) -> list[str]:
    notes: list[str] = []
    if result.refusal:
        notes.append(f"refused: {result.refusal}")
    if result.tool_calls:
        notes.append("[tool calls]\n" + json.dumps(record["tool_calls"], ensure_ascii=False))
    notes += [
        f"tool call {c.name!r} with arguments that are not a JSON object: {c.arguments_raw}"
        for c in result.invalid_tool_calls
    ]
    notes += [f"[choice {i}]\n{text}" for i, text in enumerate(result.choices[1:], 2)]
    if result.citations:
        lines = [" ".join(filter(None, (c.get("title"), c.get("url")))) for c in record.get("citations", [])]
        notes.append("[sources]\n" + numbered(lines))
    if result.images:
        shown = [str(i.get("path") or i.get("url")) for i in record.get("images", [])]
        notes.append("[pictures]\n" + "\n".join(shown))
    if result.sounds:
        notes.append("[sound]\n" + "\n".join(map(describe_sound, record.get("audio", []))))
    if result.finish_reason == "length" and result.text and result.finish_raw != INCOMPLETE:
        notes.append("cut at the token limit: raise max_tokens, or ask to go on")
    notes += list(record.get("warnings", []))
    return notes
