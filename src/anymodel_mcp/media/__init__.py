"""Files in (local files, downloads) and files out (pictures, sound, video, vectors)."""

from __future__ import annotations

from anymodel_mcp.media.fetch import fetch_public, is_public
from anymodel_mcp.media.inputs import SAVED_PREFIX, Inputs, Part
from anymodel_mcp.media.local_files import read_local
from anymodel_mcp.media.sniff import decode_text, parse_data_url, sniff

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
