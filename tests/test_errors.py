"""Words that errors share."""

from __future__ import annotations

from anymodel_mcp.errors import excerpt


def test_an_excerpt_has_at_most_eighty_characters() -> None:
    assert excerpt("a" * 80) == "a" * 80
    assert excerpt("a" * 81) == "a" * 79 + "…"
