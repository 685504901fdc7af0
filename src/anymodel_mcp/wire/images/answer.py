"""Reads answers to picture requests: base64, URLs, data URLs, raw bytes, events, and ids of running tasks.

No request is repeated: a picture may already have been made and charged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from anymodel_mcp.errors import ProviderError
from anymodel_mcp.types import ChatResult, Delta, ImagesResult, Json, Picture
from anymodel_mcp.wire.chat.answer import read_chat
from anymodel_mcp.wire.content.parts import Content, different, linked_pictures, read_picture
from anymodel_mcp.wire.content.sniff import sniff_picture
from anymodel_mcp.wire.content.usage import find_usage, read_usage
from anymodel_mcp.wire.decode.body import BodyReader, Document
from anymodel_mcp.wire.decode.file_body import FileBodyReader
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, first_text, objects
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import failure_from, tidy
from anymodel_mcp.wire.gemini.answer import read_generate

_BY_CHAT = {"chat": read_chat, "generate": read_generate}
_LISTS = ("data", "images", "output", "artifacts", "predictions")
_FIELDS = ("b64_json", "url", "image", "image_url", "base64", "bytesBase64Encoded")
_TASK_KEYS = ("task_id", "taskId")
_SNIFFED_BYTES = 32
_TEXT_STARTS = b'{["<:dei \r\n\t\xef'
_MAX_PICTURES = 128
_MAX_DEPTH = 4


def read_images(head: ResponseHead, sent: WireRequest, options: ReadOptions) -> Reader[ImagesResult]:
    """Reads pictures (JSON, a stream of events, or the bytes themselves), or the id of the job that makes them."""
    if sent.endpoint in _BY_CHAT:  # the image dialect asks a chat model
        return _PicturesFromChat(_BY_CHAT[sent.endpoint](head, sent, options), options.model)

    def is_picture(start: bytes) -> bool:
        foreign = head.content_type.startswith("image/") and start[:1] not in _TEXT_STARTS
        return foreign or sniff_picture(start) not in (None, "image/svg+xml")

    def build(content: bytes) -> ImagesResult:
        return ImagesResult(
            images=(Picture(content=content, mime=sniff_picture(content)),), model=options.model or None
        )

    return FileBodyReader(
        head,
        Images(head, model=options.model),
        kind="picture",
        is_file=is_picture,
        sample_bytes=_SNIFFED_BYTES,
        build=build,
        max_event_bytes=options.max_event_bytes,
    )


class _PicturesFromChat:
    """Reads the pictures of a chat answer."""

    def __init__(self, chat: Reader[ChatResult], model: str) -> None:
        self._chat = chat
        self._model = model

    @property
    def done(self) -> bool:
        return self._chat.done

    @property
    def partial_text(self) -> str:
        return self._chat.partial_text

    @property
    def held_bytes(self) -> int:
        return self._chat.held_bytes

    def feed(self, data: bytes) -> Sequence[Delta]:
        return self._chat.feed(data)

    def finish(self, *, broken: str | None = None) -> ImagesResult:
        result = self._chat.finish(broken=broken)
        if not result.images:
            raise self._no_picture(result)
        return ImagesResult(images=result.images, model=result.model, usage=result.usage, warnings=result.warnings)

    def _no_picture(self, result: ChatResult) -> ProviderError:
        told = tidy(result.refusal or result.text or "; ".join(result.warnings) or result.finish_raw or "")
        return ProviderError(
            "the answer holds no picture" + (f": {told}" if told else ""),
            kind="content_filter" if result.finish_reason == "content_filter" or result.refusal else "upstream",
            model=self._model or None,
            fix="Describe the picture in the prompt, or use another model.",
        )


def read_task(head: ResponseHead, sent: WireRequest, options: ReadOptions) -> Reader[ImagesResult]:
    """Reads the state of a job: its pictures, or `task_id` again while it runs."""
    task_id = as_text((sent.body or {}).get("id"))
    return BodyReader(head, Task(head, model=options.model, task_id=task_id), max_event_bytes=options.max_event_bytes)


class Images(Document[ImagesResult]):
    """Reads pictures, or the id of the task that makes them.

    Args:
        head: status and headers.
        model: the provider's id of the model that was asked.
        endpoint: which kind of request it was.
    """

    def __init__(self, head: ResponseHead, *, model: str, endpoint: str = "images") -> None:
        super().__init__(head, endpoint=endpoint, model=model, repeatable=False)
        self._made: list[Picture] = []
        self._refused: list[str] = []
        self._event: Json = {}

    def take(self, value: Any) -> bool:
        """Takes the events of a stream; previews are dropped."""
        event = as_object(value)
        kind = as_text(event.get("type"))
        if not kind.startswith(("image_generation.", "image_edit.")):
            return False
        if kind.endswith(("partial_image", "in_progress", "generating")):
            return True
        if kind.endswith((".partial_succeeded", ".partial_failed")):  # Ark: one picture of several
            self._take_item(event)
            return True
        if kind.endswith((".completed", ".failed")):
            self._event = {k: v for k, v in event.items() if k not in ("b64_json", "url")}
            self._take_item(event)
            self._ended = True
        return True

    def finish(self, *, broken: str | None, cut: bool) -> ImagesResult:
        """The pictures; raises `ProviderError`."""
        if self.error is None and (self._made or self._refused or self._event) and not self._values:
            return self._result(self._event)
        return super().finish(broken=broken, cut=cut)

    def read(self, values: list[Any]) -> ImagesResult:
        """The pictures of a document."""
        value = values[0] if len(values) == 1 else values
        body = as_object(value)
        for item in _items(value):
            self._take_item(item)
        task_id = _find_task_id(body)
        if task_id and not self._made and not self._refused:
            return ImagesResult(images=(), model=self.model or None, task_id=task_id)
        self._take_words(body)
        return self._result(body)

    def _take_item(self, item: Any) -> None:
        """Reads one entry: a picture, or the reason why there is none."""
        if len(self._made) >= _MAX_PICTURES:
            return
        why = _refusal(item)
        if why:
            self._refused.append(why)
            return
        found = read_picture(item)
        if found is not None:
            self._made.append(found)

    def _take_words(self, body: Json) -> None:
        """Reads pictures inside a chat answer."""
        for choice in objects(body.get("choices")):
            message = as_object(choice.get("message"))
            for image in as_list(message.get("images")):
                self._take_item(image)
            content = Content(message.get("content"))
            self._made += [*content.pictures, *linked_pictures(content.text)]
        if body.get("choices"):
            self._made = different(self._made)

    def _result(self, body: Json) -> ImagesResult:
        if not self._made:
            raise self._no_picture(body)
        warnings = [f"a picture is missing: {why}" for why in self._refused]
        return ImagesResult(
            images=tuple(self._made),
            model=as_text(body.get("model")) or self.model or None,
            usage=read_usage(find_usage(body)),
            warnings=tuple(warnings),
        )

    def _no_picture(self, body: Json) -> ProviderError:
        if self._refused:
            error = failure_from(
                {"error": {"message": "; ".join(dict.fromkeys(self._refused))}},
                status=self.head.status,
                headers=self.head.headers,
                endpoint="images",
                model=self.model,
            )
            if error is not None:
                return error.with_fields(retryable=False)
        words = first_text(body, "message", "text", "output_text")
        return self.failure("the answer holds no picture" + (f": {tidy(words)}" if words else ""), "upstream")


def _items(value: Any, depth: int = 0) -> list[Any]:
    """The picture entries, without a list that only repeats another one."""
    entries = as_list(value)
    body = as_object(value)
    for name in _LISTS:
        entries = entries or as_list(body.get(name))
    if not entries and depth < _MAX_DEPTH:
        inner = next((i for n in ("data", "result", "output", "response") if (i := as_object(body.get(n)))), None)
        entries = _items(inner, depth + 1) if inner else entries
    return entries or ([body] if any(body.get(name) for name in _FIELDS) else [])


def _find_task_id(body: Json) -> str:
    """The id of a running task."""
    for source in (body, as_object(body.get("data"))):
        for name in _TASK_KEYS:
            value = source.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                return str(value)
    return ""


def _refusal(item: Any) -> str:
    """Why an entry holds no picture, by the provider; "" = it holds one."""
    source = as_object(item)
    error = source.get("error")
    if error:
        described = as_object(error)
        code, words = first_text(described, "code"), first_text(described, "message") or as_text(error)
        return tidy(": ".join(p for p in (code, words) if p) or "an error without a message")
    if source.get("raiFilteredReason"):
        return f"the content filter refused it ({tidy(as_text(source['raiFilteredReason']), 200)})"
    if source.get("respect_moderation") is False:
        return "the content filter refused it (respect_moderation: false)"
    if source.get("is_image_safe") is False:
        return "the content filter refused it (is_image_safe: false)"
    if as_text(source.get("finish_reason")).upper() == "CONTENT_FILTERED":
        return "the content filter refused it"
    return ""


class Task(Images):
    """Reads the state of a task: its pictures, or its id while it runs.

    Args:
        head: status and headers.
        model: the provider's id of the model that was asked.
        task_id: the id of the task.
    """

    def __init__(self, head: ResponseHead, *, model: str, task_id: str) -> None:
        super().__init__(head, model=model, endpoint="tasks")
        self._task_id: Final = task_id

    def read(self, values: list[Any]) -> ImagesResult:
        """The pictures of a finished task (Ace Data Cloud: `response` is present), or a result with `task_id`."""
        body = as_object(values[0])
        response = body.get("response")
        if not response:
            if _items(body):
                return super().read(values)
            return ImagesResult(images=(), model=self.model or None, task_id=self._task_id)
        error = failure_from(
            response, status=self.head.status, headers=self.head.headers, endpoint="tasks", model=self.model
        )
        if error is not None:
            raise error.with_fields(retryable=False)
        inner = {k: v for k, v in as_object(response).items() if k not in _TASK_KEYS}
        return super().read([inner])
