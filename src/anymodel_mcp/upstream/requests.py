"""Parts of HTTP requests: bodies as bytes and form parts, and the header that carries the key."""

from __future__ import annotations

import json
from typing import Any

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.types import Json
from anymodel_mcp.wire.exchange import WireRequest


def form_parts(wire: WireRequest) -> list[tuple[str, Any]]:
    """All parts of a form: a field is a part without a file name, so that a form without files is multipart too."""
    fields = [(name, (None, value.encode())) for name, value in wire.form]
    return [*fields, *((name, (part.name, part.content, part.mime)) for name, part in wire.files)]


def json_bytes(body: Json) -> bytes:
    """A JSON body.

    Raises:
        ArgumentError: it holds what JSON cannot.
    """
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise ArgumentError(
            "the request cannot be written as JSON: it contains NaN, an infinite number or a lone surrogate",
            fix="Check options and messages, and the extra fields of the configuration.",
        ) from error


def auth_headers(auth: str, key: str | None) -> dict[str, str]:
    """The header that carries the key, in one of the forms of `auth`."""
    if not key or auth == "none":
        return {}
    if auth.startswith("header:"):
        return {auth.removeprefix("header:").strip().lower(): key}
    scheme = auth.removeprefix("scheme:").strip() if auth.startswith("scheme:") else "Bearer"
    return {"authorization": f"{scheme} {key}"}
