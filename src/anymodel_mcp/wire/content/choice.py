"""One choice of a chat answer, read from deltas or a message."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from anymodel_mcp.record import record
from anymodel_mcp.types import Delta, InvalidToolCall, Json, Picture, Sound, ToolCall
from anymodel_mcp.wire.content.details import ReasoningDetails
from anymodel_mcp.wire.content.finish import raw_finish
from anymodel_mcp.wire.content.harmony import TextSplitter
from anymodel_mcp.wire.content.parts import Citations, Content, different, read_picture, thought_text
from anymodel_mcp.wire.content.pieces import Pieces
from anymodel_mcp.wire.content.spoken import Spoken
from anymodel_mcp.wire.content.thinking import Mode
from anymodel_mcp.wire.content.tool_calls import ToolCalls
from anymodel_mcp.wire.decode.extent import weight
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, joined_pairs
from anymodel_mcp.wire.failures.shapes import filtered_categories

_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
_TEXT_FIELDS = ("content", "reasoning_content", "reasoning", "thinking")
_REPEAT_CHARS = 12
_MAX_PICTURES = 64


class DeltaBuffer:
    """Text and reasoning received since the last call, in order; adjacent pieces of one kind are merged.

    Args:
        kept: keep the pieces; otherwise only `any_came` is set.
    """

    def __init__(self, *, kept: bool = True) -> None:
        self._kept = kept
        self._pieces: list[tuple[str, list[str]]] = []
        self.any_came = False
        """Whether any text or reasoning was received."""

    def add(self, kind: str, text: str) -> None:
        """Adds a piece."""
        self.any_came = True
        if not self._kept:
            return
        if self._pieces and self._pieces[-1][0] == kind:
            self._pieces[-1][1].append(text)
        else:
            self._pieces.append((kind, [text]))

    def take(self) -> list[Delta]:
        """Returns all pieces since the last call."""
        if not self._pieces:
            return []
        pieces, self._pieces = self._pieces, []
        return [Delta(kind=kind, text="".join(parts)) for kind, parts in pieces]  # pyright: ignore[reportArgumentType] only kinds of Delta are added


@record
class ReadChoice:
    """A finished choice."""

    text: str
    reasoning: str
    refusal: str
    calls: list[ToolCall]
    bad_calls: list[InvalidToolCall]
    pictures: list[Picture]
    sound: Sound | None
    carry: Json
    warnings: list[str]


class Choice:
    """Takes the frames of one choice.

    Args:
        think_tags: where thoughts may stand in the text.
        deltas: receives text and reasoning as they arrive.
        offered: names of the tools that the request offers.
        samples: sound was asked for as raw samples.
    """

    def __init__(
        self, think_tags: Mode, deltas: DeltaBuffer, offered: Collection[str] = (), *, samples: bool = False
    ) -> None:
        self._deltas: Final = deltas
        self._splitter: Final = TextSplitter(think_tags)
        self._text: Final = Pieces()
        self._thoughts: dict[str, list[str]] = {}  # by field name
        self._refusal: list[str] = []
        self._calls: Final = ToolCalls(offered)
        self._pictures: list[Picture] = []
        self._spoken: Final = Spoken(samples=samples)
        self._details: Final = ReasoningDetails()
        self._speaks = False  # the text is the transcript
        self._extra: Json = {}
        self._message: Json = {}
        self._message_weight = 0
        self.finish_raw: str | None = None
        """The provider's finish reason; `None` while the choice continues."""
        self.filtered: list[str] = []
        """The categories that a content filter reported."""
        self.size = 0
        """Characters buffered."""

    def add_plain(self, text: str, pieces: int) -> None:
        """Adds text that follows plain text."""
        self._text.append(text, pieces)
        self.size += len(text)
        self._deltas.add("text", text)

    @property
    def is_plain(self) -> bool:
        """Treats all further text as answer."""
        return self._splitter.plain

    def add(self, source: Json, citations: Citations) -> None:
        """Takes one element of `choices`."""
        delta = as_object(source.get("delta"))
        self._add_finish(source, delta)
        self._add_fields(delta, citations)
        self._add_text(as_text(source.get("text")))
        message = as_object(source.get("message"))
        if message:
            self._message = message
            self.size += weight(message) - self._message_weight
            self._message_weight = weight(message)
            citations.read(message)
            if isinstance(message.get("content"), list):
                citations.add(Content(message["content"]).notes)

    def _add_finish(self, source: Json, delta: Json) -> None:
        raw = raw_finish(source.get("finish_reason")) or raw_finish(delta.get("finish_reason"))
        if raw:
            self.finish_raw = raw
            content = delta.get("content")
            if self._repeats(content):
                delta["content"] = None
        self._add_filtered(source)
        self._add_filtered(delta)
        self._add_filtered(as_object(source.get("message")))

    def _add_filtered(self, place: Json) -> None:
        for name in ("content_filter_results", "content_filter_result"):
            if place.get(name):
                self.filtered += [c for c in filtered_categories(place[name]) if c not in self.filtered]

    def _repeats(self, content: Any) -> bool:
        """Whether the last frame repeats the whole text (as RAGFlow did), so that its delta is not a new piece."""
        if not isinstance(content, str) or len(content) < _REPEAT_CHARS or self._text.count < 2:
            return False
        return content == self._text.join()

    def _add_fields(self, fields: Json, citations: Citations) -> None:
        """Takes the fields of a delta or a message."""
        for name in _THOUGHT_FIELDS:
            if fields.get(name):
                self.add_thought(name, thought_text(fields[name]))
        self._details.add(fields.get("reasoning_details"))
        content = Content(fields.get("content")) if fields.get("content") else None
        if content:
            self.add_thought("parts", content.thoughts)
            self._add_text(content.text)
            self._pictures += content.pictures
            citations.add(content.notes)
        self._add_spoken(fields.get("audio"))
        refusal = as_text(fields.get("refusal")) + (content.refusal if content else "")
        if refusal:
            self._refusal.append(refusal)
        self._add_calls(fields)
        for image in as_list(fields.get("images")):
            found = read_picture(image)
            if found and len(self._pictures) < _MAX_PICTURES:
                self._pictures.append(found)
                self.size += len(found.content or b"")
                self._deltas.add("image", "")
        self._extra |= as_object(fields.get("extra_content"))
        citations.read(fields)

    def _add_spoken(self, audio: Any) -> None:
        """Takes sound, and its words where the answer has no other text."""
        if not isinstance(audio, dict):
            return
        before = self._spoken.size
        words = self._spoken.add(audio)
        if self._spoken.size > before:
            self.size += self._spoken.size - before
            self._deltas.add("sound", "")
        if words and (self._speaks or not (self._text or self._splitter.pending)):
            self._speaks = True
            self._add_text(words)

    def _add_calls(self, fields: Json) -> None:
        calls = as_list(fields.get("tool_calls"))
        legacy = as_object(fields.get("function_call"))
        if legacy and not calls:
            calls = [{"index": 0, "function": legacy}]
        for piece in calls:
            before = self._calls.size
            opened = self._calls.add(piece)
            self.size += self._calls.size - before
            if opened:
                self._deltas.add("tool_call", opened)

    def _add_text(self, text: str) -> None:
        if not text:
            return
        self.size += len(text)
        for kind, piece in self._splitter.feed(text):
            self._take_piece(kind, piece)

    def _take_piece(self, kind: str, piece: str) -> None:
        if kind == "text":
            self._text.append(piece)
            self._deltas.add("text", piece)
        else:
            self._hear_thought("tags", piece)

    def add_thought(self, carrier: str, text: str) -> None:
        """Adds reasoning from this field."""
        if text:
            self.size += len(text)
            self._hear_thought(carrier, text)

    def _hear_thought(self, carrier: str, text: str) -> None:
        """Keeps reasoning; a value repeated in two fields of one chunk is emitted once."""
        if carrier not in self._thoughts:
            self._thoughts[carrier] = []
        self._thoughts[carrier].append(text)
        if carrier == next(iter(self._thoughts)):
            self._deltas.add("reasoning", text)

    # --- the end ------------------------------------------------------------------------------------------------------

    def text_so_far(self) -> str:
        """The text, including what is held back."""
        text = self._text.join() + self._splitter.pending
        message = self._message
        said = as_text(as_object(message.get("audio")).get("transcript"))
        return joined_pairs(text or Content(message.get("content")).text or said)

    def has_content(self) -> bool:
        """Whether any content was received."""
        return bool(
            self._text
            or self._splitter.pending
            or self._thoughts
            or self._calls
            or self._pictures
            or self._spoken
            or self._refusal
            or self._message.get("content")
            or self._message.get("tool_calls")
            or self._message.get("images")
            or self._message.get("audio")
            or any(self._message.get(name) for name in (*_THOUGHT_FIELDS, "refusal", "function_call"))
        )

    def finish(self, seed: str) -> ReadChoice:
        """Finishes the choice; `seed` goes into generated ids. Nothing can be added afterwards."""
        self._merge_message()
        for kind, piece in self._splitter.finish():
            self._take_piece(kind, piece)
        if self._splitter.withdrawn:
            self._thoughts.pop("tags", None)
        calls, bad = self._calls.finish(seed)
        warnings: list[str] = []
        if self._splitter.unanswered:
            warnings.append("the answer has no final channel (gpt-oss): all of its text is reasoning")
        if self._calls.skipped:
            warnings.append(f"{self._calls.skipped} entries of tool_calls are not calls and were left out")
        return ReadChoice(
            text=joined_pairs(self._text.join()),
            reasoning=joined_pairs(self._reasoning()),
            refusal="".join(self._refusal),
            calls=calls,
            bad_calls=bad,
            pictures=different(self._pictures),
            sound=self._spoken.sound(),
            carry=self._carry(),
            warnings=warnings,
        )

    def _merge_message(self) -> None:
        """Takes from the message what the deltas did not contain."""
        message, self._message = self._message, {}
        if not message:
            return
        known = {
            "content": bool(self._text or self._splitter.pending),
            "tool_calls": bool(self._calls),
            "function_call": bool(self._calls),
            "images": bool(self._pictures),
            "audio": bool(self._spoken),
            "refusal": bool(self._refusal),
            "reasoning_details": bool(self._details or self._thoughts),
            **{name: bool(self._thoughts) for name in _THOUGHT_FIELDS[:3]},
        }
        self._add_fields({k: v for k, v in message.items() if not known.get(k)}, Citations())

    def _reasoning(self) -> str:
        texts = ["".join(parts) for parts in self._thoughts.values()]
        whole = ""
        for text in texts:
            if text.strip() and text.strip() not in whole:
                whole = f"{whole}\n{text}" if whole else text
        return whole

    def _carry(self) -> Json:
        carry: Json = {}
        if "reasoning_content" in self._thoughts:
            carry["reasoning_content"] = joined_pairs("".join(self._thoughts["reasoning_content"]))
        if self._details:
            carry["reasoning_details"] = self._details.whole()
        if self._extra:
            carry["extra_content"] = self._extra
        return carry


def text_field(delta: Json) -> str:
    """The field of a delta that holds text, if no other field has content; else ""."""
    found = ""
    for name, value in delta.items():
        if name == "role" or value is None or value == "" or value == []:
            continue
        if found or name not in _TEXT_FIELDS or value.__class__ is not str:
            return ""
        found = name
    return found
