"""What comes in from outside: local files and URLs under the rules of design.md section 6, as parts of a message."""

from __future__ import annotations

from anymodel_mcp.inputs.fetch import fetch_public, is_public
from anymodel_mcp.inputs.media import decode_text, parse_data_url, sniff
from anymodel_mcp.inputs.parts import SAVED_PREFIX, Inputs, Part
from anymodel_mcp.inputs.paths import read_local

__all__ = [
    "SAVED_PREFIX",
    "Inputs",
    "Part",
    "decode_text",
    "fetch_public",
    "is_public",
    "parse_data_url",
    "read_local",
    "sniff",
]
