"""Renders an outcome as a tool result that the host shows completely.

One text block: the unchanged answer, then notes in brackets. The record goes under `_meta`:
hosts that get `structuredContent` hide the text. Text that does not fit is cut, with a handle for the rest.
"""

from __future__ import annotations

import base64
import json
from bisect import bisect_right
from collections.abc import Sequence

from mcp.types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent

from anymodel_mcp.calls.outcomes import body_of, error_text, notes_text
from anymodel_mcp.record import positional_record, record
from anymodel_mcp.redact import Redactor, one_line, shorten
from anymodel_mcp.server.client_info import ClientInfo
from anymodel_mcp.types import Json, Outcome
from anymodel_mcp.wire.decode.json_values import as_object

RESULT_KEY = "anymodel/result"
ERROR_KEY = "anymodel/error"
DEFAULT_MAX_BYTES = 40_000
_NOTE_ROOM = 300
_MOST_MODELS_CHARS = 120
_BOUNDARIES = ("\n\n", "\n", " ")
_MOST_SHORTER = 0.4


@record
class Attachment:
    """A saved picture to show: its resource, and the bytes of its preview or of the original.

    Attributes:
        defect: what is wrong with its bytes; "" = nothing.
    """

    name: str
    mime: str
    bytes: int
    preview: tuple[bytes, str] | None = None
    defect: str = ""


def cap_of(peer: ClientInfo, configured: int | None) -> OutputLimit:
    """The output limit of this host."""
    general = DEFAULT_MAX_BYTES if configured is None else configured
    return OutputLimit(min(general, peer.host.max_output_bytes or general), peer.host.counts_json)


@positional_record
class OutputLimit:
    """The output limit of a host: in bytes of UTF-8, or in characters of the JSON that carries the text."""

    limit: int
    in_json: bool = False

    def size(self, text: str) -> int:
        """The size of the text in the unit of the limit."""
        return len(json.dumps(text, ensure_ascii=False)) if self.in_json else len(text.encode("utf-8", "replace"))

    def cut(self, text: str, room: int) -> str:
        """The longest start of `text` that leaves `room`: at least one character, and no broken character."""
        most = max(self.limit - room, 1)
        if not self.in_json:
            raw = text[:most].encode("utf-8", "replace")
            return raw[:most].decode("utf-8", "ignore") or text[:1]
        return text[
            : max(bisect_right(range(min(len(text), most) + 1), most, key=lambda n: self.size(text[:n])) - 1, 1)
        ]


def at_boundary(text: str, piece: str) -> str:
    """Shortens `piece`, the start of `text`, to the end of a paragraph, line or word if one ends in its last part."""
    if len(piece) == len(text):
        return piece
    least = int(len(piece) * (1 - _MOST_SHORTER))
    for boundary in _BOUNDARIES:
        end = piece.rfind(boundary, least)
        if end >= 0:
            return piece[: end + len(boundary)]
    return piece


def fits(outcome: Outcome, cap: OutputLimit) -> bool:
    """Whether the text from the outcome's offset on fits into one result."""
    return cap.size(_whole(outcome)) <= cap.limit


def _whole(outcome: Outcome) -> str:
    rest = body_of(outcome)[outcome.offset :]
    if outcome.error is not None:
        head = "" if outcome.offset else error_text(outcome)
        return f"{head}\n\nPartial text:\n{rest}" if rest else head or error_text(outcome)
    return rest or f"[complete: nothing follows character {outcome.offset}]"


def page(outcome: Outcome, *, cap: OutputLimit, waited_s: float | None = None, fetch_by: str = "get_result") -> str:
    """The text of a result from its offset on, or as much as fits and how to get the rest.

    Args:
        outcome: with a handle if the text does not fit.
        cap: the output limit.
        waited_s: how long the request has waited for a running call.
        fetch_by: the name of the tool that returns the rest.
    """
    body, offset = body_of(outcome), outcome.offset
    how = f"{fetch_by}(id={outcome.result_id!r}, offset="
    if outcome.status == "running":
        rest = body[offset:]
        piece = at_boundary(rest, cap.cut(rest, _NOTE_ROOM)) if rest else ""
        age = outcome.running_s if outcome.running_s is not None else waited_s
        after = f" after {age:.0f} s" if age is not None else ""
        after += f", {shorten(one_line(outcome.running_model), _MOST_MODELS_CHARS)}" if outcome.running_model else ""
        return f"{piece}{notes_text(outcome)}\n\n[still running{after}: {how}{offset + len(piece)}) gives the rest]"
    if fits(outcome, cap):
        return _whole(outcome)
    head = f"{error_text(outcome)}\n\nPartial text:\n" if outcome.error is not None and not offset else ""
    rest = body[offset:]
    piece = at_boundary(rest, cap.cut(rest, _NOTE_ROOM + cap.size(head)))
    end = offset + len(piece)
    return f"{head}{piece}\n\n[cut: characters {offset} to {end} of {len(body)}; {how}{end}) gives the next part]"


def render(
    outcome: Outcome,
    *,
    text: str,
    peer: ClientInfo,
    redactor: Redactor,
    shown: Sequence[Attachment] = (),
) -> CallToolResult:
    """Renders the tool result.

    Args:
        outcome: the result of the call.
        text: the page of its text that is given now.
        peer: the client.
        redactor: cleans the whole result.
        shown: saved pictures.
    """
    clean = redactor.clean if outcome.error is not None else redactor.text
    blocks: list[ContentBlock] = [TextContent(type="text", text=clean(text))]
    caption = redactor.text(_caption(outcome.record or {})) if peer.views else None
    blocks += _pictures(shown, outcome.inline, peer, caption)
    takes_meta = peer.host.meta and (outcome.error is None or peer.host.error_meta)
    meta = _meta(outcome, redactor) if takes_meta else None
    return CallToolResult(
        content=blocks,
        is_error=outcome.error is not None,
        _meta=redactor.value(meta) if meta else None,
    )


def _meta(outcome: Outcome, redactor: Redactor) -> Json:
    handle = {"result_id": outcome.result_id} if outcome.result_id else {}
    if outcome.error is not None:
        return {
            ERROR_KEY: {**outcome.error, "message": redactor.clean(str(outcome.error.get("message", ""))), **handle}
        }
    record = outcome.record or {}
    status = record.get("status", "complete") if outcome.status == "complete" else outcome.status
    return {RESULT_KEY: {**record, "status": status, **handle}}


def _caption(record: Json) -> str:
    """Who made a file and for how much: hosts hand `content` to a view, but not always `_meta`."""
    who = one_line("/".join(str(record[key]) for key in ("provider", "model") if record.get(key)))
    cost = as_object(record.get("usage")).get("cost")
    return " · ".join(part for part in (who, f"${cost:.3g}" if isinstance(cost, int | float) else "") if part)


def _pictures(
    shown: Sequence[Attachment], inline: str, peer: ClientInfo, caption: str | None = None
) -> list[ContentBlock]:
    blocks: list[ContentBlock] = []
    for picture in shown:
        if inline != "none" and peer.takes_images and picture.preview:
            data, mime = picture.preview
            blocks.append(ImageContent(type="image", data=base64.b64encode(data).decode(), mime_type=mime))
        if peer.takes_links:
            blocks.append(
                ResourceLink(
                    type="resource_link",
                    name=picture.name,
                    uri=f"anymodel://files/{picture.name}",
                    description=caption or None,
                    mime_type=picture.mime,
                    size=picture.bytes,
                )
            )
    return blocks
