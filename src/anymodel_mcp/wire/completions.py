"""The legacy text completions API: a prompt that the model continues."""

from __future__ import annotations

from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.types import ChatResult, CompletionRequest
from anymodel_mcp.wire.chat.answer import Accumulator
from anymodel_mcp.wire.chat.request import finish_body, set_token_limit
from anymodel_mcp.wire.decode.body import BodyReader
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.fields.sampling import set_sampling, set_stop


def build_completion(request: CompletionRequest, dialect: Dialect) -> WireRequest:
    """Builds a request for the legacy `completions`, where the limit is always called `max_tokens`."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt}
    warnings = set_sampling(body, request.temperature, None, dialect)
    set_token_limit(body, request.max_tokens, "max_tokens", dialect)
    warnings += set_stop(body, request.stop, dialect)
    return finish_body(
        body,
        request.options,
        dialect,
        path="completions",
        endpoint="completions",
        stream=request.stream,
        warnings=warnings,
    )


def read_completion(head: ResponseHead, sent: WireRequest, options: ReadOptions) -> Reader[ChatResult]:
    """Reads a completion, streamed or whole; thought tags in the text are left as they are."""
    answer = Accumulator(
        status=head.status,
        headers=head.headers,
        endpoint=sent.endpoint,
        model=options.model,
        think_tags="none",
        max_chars=options.max_event_bytes,
    )
    return BodyReader(head, answer, max_event_bytes=options.max_event_bytes)
