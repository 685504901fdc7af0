"""Builds picture requests in several forms.

`image_dialect` picks the row of `_FORMS`. Pictures to edit travel as a form to `images/edits` at OpenAI and its
imitations, as data URLs in JSON elsewhere, as parts of a message where pictures come by chat.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from math import log
from typing import Any, Literal

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ArgumentError, ConfigError
from anymodel_mcp.types import FilePart, ImageRequest
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.fields.messages import MAX_FILE_BYTES
from anymodel_mcp.wire.fields.options import drop_refused, merge_options, protected_names
from anymodel_mcp.wire.gemini.request import place_of

# a common set; a model's refusal names the ones it takes
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "1:2", "2:1", "21:9")
_NAMED_SIZE = re.compile(r"\d+K", re.IGNORECASE)
_SIZE = re.compile(r"\s*(\d{1,5})\s*[x*×:]\s*(\d{1,5})\s*", re.IGNORECASE)


def build_image(request: ImageRequest, dialect: Dialect) -> WireRequest:
    """Builds a request to make pictures, or to edit `images`. Never `repeatable`: each answer is charged.

    Raises:
        ArgumentError: the pictures are too large for any provider, or there is a mask without a picture.
    """
    _check(request)
    return _FORMS[dialect.image_dialect](request, dialect)


def _check(request: ImageRequest) -> None:
    if not request.prompt.strip():
        raise ArgumentError("prompt is empty: describe the picture", param="prompt")
    if request.mask is not None and not request.images:
        raise ArgumentError("a mask needs a picture to edit: give it in images", param="mask")
    parts = [*request.images, *([request.mask] if request.mask else [])]
    total = sum(len(part.content) for part in parts)
    if total > MAX_FILE_BYTES:
        raise ArgumentError(
            f"the pictures hold {total / 1e6:.1f} MB; providers take at most 50 MB in all", param="images"
        )


def size_of(text: str) -> tuple[int, int] | None:
    """Width and height of a size such as "1024x768"; `None` for names ("auto", "2K")."""
    match = _SIZE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match and int(match[1]) and int(match[2]) else None


def aspect_ratio(text: str) -> str | None:
    """The common ratio nearest to a size, or the text itself if it is a ratio; `None` for names."""
    if text.strip() in _RATIOS:
        return text.strip()
    size = size_of(text)
    if size is None:
        return None
    wanted = log(size[0] / size[1])
    return min(_RATIOS, key=lambda r: abs(log(int(r.partition(":")[0]) / int(r.partition(":")[2])) - wanted))


def data_url(part: FilePart) -> str:
    """A file as a data URL."""
    return f"data:{part.mime};base64,{base64.b64encode(part.content).decode('ascii')}"


def _common(request: ImageRequest, dialect: Dialect) -> dict[str, Any]:
    """The fields that all forms share."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt}
    named = {
        "n": request.n,
        "quality": request.quality,
        "output_format": request.output_format,
        "response_format": dialect.image_response_format,
    }
    body.update({name: value for name, value in named.items() if value is not None})
    return body


def _json_request(
    body: dict[str, Any], request: ImageRequest, dialect: Dialect, warnings: list[str], path: str = "images/generations"
) -> WireRequest:
    all_warnings = [*warnings, *drop_refused(body, dialect)]
    merge_options(body, request.options)
    return WireRequest(
        path=path,
        endpoint="images",
        body=body,
        stream=body.get("stream") is True,
        protected=protected_names(request.options, form_only=("response_format",)),
        repeatable=False,
        warnings=tuple(all_warnings),
    )


def _openai(request: ImageRequest, dialect: Dialect) -> WireRequest:
    body = _common(request, dialect)
    if request.size is not None:
        size = size_of(request.size)
        body["size"] = dialect.image_size_separator.join(map(str, size)) if size else request.size
    if not request.images:
        return _json_request(body, request, dialect, [])
    return _as_form(body, request, dialect)


def _as_form(body: dict[str, Any], request: ImageRequest, dialect: Dialect) -> WireRequest:
    warnings = drop_refused(body, dialect)
    merge_options(body, request.options)
    files = [(str(dialect.image_input_field), part) for part in request.images]
    if request.mask is not None:
        files.append(("mask", request.mask))
    return WireRequest(
        path="images/edits",
        endpoint="images",
        body=body,
        multipart=True,
        files=tuple(files),
        stream=body.get("stream") is True,
        protected=protected_names(request.options, form_only=("response_format",)),
        repeatable=False,
        warnings=tuple(warnings),
    )


def _together(request: ImageRequest, dialect: Dialect) -> WireRequest:
    body = _common(request, dialect)
    warnings = _without_mask(request)
    size = size_of(request.size or "")
    if size:
        body["width"], body["height"] = size
    elif request.size:
        warnings.append(f"size {request.size!r} was left out: this provider takes width and height, such as 1024x768")
    if request.images:  # field names not confirmed by a live call
        body["image_url"] = data_url(request.images[0])
        if len(request.images) > 1:
            body["reference_images"] = [data_url(part) for part in request.images]
    return _json_request(body, request, dialect, warnings)


def _siliconflow(request: ImageRequest, dialect: Dialect) -> WireRequest:
    body = _common(request, dialect)
    warnings = _without_mask(request)
    if "n" in body:
        body["batch_size"] = body.pop("n")
    if request.size is not None:
        size = size_of(request.size)
        body["image_size"] = dialect.image_size_separator.join(map(str, size)) if size else request.size
    for at, part in enumerate(request.images, start=1):  # image, image2, image3: not confirmed by a live call
        body["image" if at == 1 else f"image{at}"] = data_url(part)
    return _json_request(body, request, dialect, warnings)


def _xai(request: ImageRequest, dialect: Dialect) -> WireRequest:
    body = _common(request, dialect)
    warnings = _without_mask(request) + _set_ratio(body, request.size)
    if not request.images:
        return _json_request(body, request, dialect, warnings)
    pictures = [{"type": "image_url", "url": data_url(part)} for part in request.images]
    if len(pictures) == 1:  # JSON, not a form: seen in public client code, 2026-11-21; not confirmed live
        body["image"] = pictures[0]
    else:
        body["images"] = pictures
    return _json_request(body, request, dialect, warnings, "images/edits")


def _set_ratio(body: dict[str, Any], size: str | None) -> list[str]:
    if size is None:
        return []
    ratio = aspect_ratio(size)
    body["aspect_ratio"] = ratio or size
    exact = size_of(size)
    if ratio is None or exact is None or size.strip() == ratio:
        return []
    return [f"size {size!r} was sent as the aspect ratio {ratio}: this provider takes no pixels"]


def _without_mask(request: ImageRequest) -> list[str]:
    return ["mask was left out: this provider edits without one"] if request.mask is not None else []


def _by_chat(request: ImageRequest, dialect: Dialect, *, modalities: bool) -> WireRequest:
    content: Any = request.prompt
    if request.images:
        pictures = [{"type": "image_url", "image_url": {"url": data_url(part)}} for part in request.images]
        content = [{"type": "text", "text": request.prompt}, *pictures]
    body: dict[str, Any] = {"model": request.model, "messages": [{"role": "user", "content": content}]}
    warnings = _without_mask(request)
    if modalities:
        body["modalities"] = ["image", "text"]
    if request.size is not None and modalities:
        config: dict[str, Any] = {}
        warnings += _set_ratio(config, request.size)
        body["image_config"] = config
    given = {"n": request.n, "quality": request.quality, "output_format": request.output_format}
    if not modalities:
        given["size"] = request.size
    warnings += [
        f"{name} was left out: this provider makes pictures through chat"
        for name, value in given.items()
        if value not in (None, 1)
    ]
    all_warnings = [*warnings, *drop_refused(body, dialect)]
    merge_options(body, request.options)
    return WireRequest(
        path="chat/completions",
        endpoint="chat",
        api="chat",
        body=body,
        stream=body.get("stream") is True,
        protected=protected_names(request.options),
        repeatable=False,
        warnings=tuple(all_warnings),
    )


def _openrouter(request: ImageRequest, dialect: Dialect) -> WireRequest:
    return _by_chat(request, dialect, modalities=True)


def _chat(request: ImageRequest, dialect: Dialect) -> WireRequest:
    return _by_chat(request, dialect, modalities=False)


def _gemini(request: ImageRequest, dialect: Dialect) -> WireRequest:
    """A model of the Gemini API: https://ai.google.dev/gemini-api/docs/image-generation (read 2026-11-28)."""
    if request.model.rpartition("/")[2].startswith("imagen"):
        return _imagen(request, dialect)
    config, warnings = _google_size(request)
    parts: list[dict[str, Any]] = [{"text": request.prompt}]
    for part in request.images:
        coded = base64.b64encode(part.content).decode("ascii")
        parts.append({"inlineData": {"mimeType": part.mime, "data": coded}})
    generation: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"]}
    if config:
        generation["imageConfig"] = config
    body: dict[str, Any] = {"contents": [{"role": "user", "parts": parts}], "generationConfig": generation}
    warnings += _without_mask(request) + _unsaid(request, ("n", "quality", "output_format"))
    return _google_request(f"{place_of(request.model)}:generateContent", "generate", body, request, dialect, warnings)


def _imagen(request: ImageRequest, dialect: Dialect) -> WireRequest:
    """Imagen: https://ai.google.dev/gemini-api/docs/imagen (read 2026-11-28)."""
    if request.images:
        raise ArgumentError(
            f"{request.model} edits no pictures", param="images", fix="Use a model such as gemini-2.5-flash-image."
        )
    parameters, warnings = _google_size(request)
    if "imageSize" in parameters:
        parameters["sampleImageSize"] = parameters.pop("imageSize")
    parameters["sampleCount"] = request.n or 1
    body: dict[str, Any] = {"instances": [{"prompt": request.prompt}], "parameters": parameters}
    warnings += _unsaid(request, ("quality", "output_format"))
    return _google_request(f"{place_of(request.model)}:predict", "images", body, request, dialect, warnings)


def _google_size(request: ImageRequest) -> tuple[dict[str, Any], list[str]]:
    """Aspect ratio, or one of the sizes that have names ("2K")."""
    size = (request.size or "").strip()
    if _NAMED_SIZE.fullmatch(size):
        return {"imageSize": size.upper()}, []
    config: dict[str, Any] = {}
    warnings = _set_ratio(config, request.size)
    return ({"aspectRatio": config["aspect_ratio"]} if config else {}), warnings


def _unsaid(request: ImageRequest, names: Sequence[str]) -> list[str]:
    given = ((name, getattr(request, name)) for name in names)
    return [f"{name} was left out: this API has no such field" for name, value in given if value not in (None, 1)]


def _google_request(
    path: str,
    endpoint: Literal["generate", "images"],
    body: dict[str, Any],
    request: ImageRequest,
    dialect: Dialect,
    warnings: list[str],
) -> WireRequest:
    told = [*warnings, *drop_refused(body, dialect), *merge_options(body, request.options)]
    return WireRequest(
        path=path,
        endpoint=endpoint,
        api="gemini",
        body=body,
        protected=protected_names(request.options),
        repeatable=False,
        warnings=tuple(told),
    )


_FORMS: dict[str, Callable[[ImageRequest, Dialect], WireRequest]] = {
    "openai": _openai,
    "together": _together,
    "siliconflow": _siliconflow,
    "xai": _xai,
    "openrouter": _openrouter,
    "chat": _chat,
    "gemini": _gemini,
}


def build_task(task_id: str, dialect: Dialect) -> WireRequest:
    """Builds the request for the state of a task.

    Raises:
        ConfigError: the path of tasks is not configured for this provider.
    """
    if not dialect.task_path:
        raise ConfigError(
            "the address for the state of this provider's tasks is not known", fix="Set quirks.task_path."
        )
    return WireRequest(path=dialect.task_path, endpoint="tasks", body={"id": task_id, "action": "retrieve"})
