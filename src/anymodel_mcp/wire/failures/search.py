"""The repair for a refused web search; the sentences it was tried on are in tests/wire/test_search.py."""

from __future__ import annotations

import re

from anymodel_mcp.errors import ErrorKind, Failure
from anymodel_mcp.wire.decode.json_values import as_list
from anymodel_mcp.wire.exchange import SearchField, WireRequest
from anymodel_mcp.wire.failures import meanings
from anymodel_mcp.wire.failures.repair_steps import Repair
from anymodel_mcp.wire.patterns import LazyPattern

_MOST_CHARS = 2000
_IDEA = LazyPattern(
    r"\b(?:web|google|browser|internet|online)[ _-]?search|\bgrounding\b|联网|搜索",
    re.IGNORECASE,
)
_NOT_OPEN = LazyPattern(r"tool_?not_?open", re.IGNORECASE)
"""Ark's code for a tool that an account lacks: https://www.volcengine.com/docs/82379/1756990, 2026-11-28."""
_ACCESS_KINDS: frozenset[ErrorKind] = frozenset({"auth", "model_not_found", "endpoint_not_found", "gone"})
"""Kinds under which a search is refused that the account has not, or the provider has no more."""


def without_search(request: WireRequest, failure: Failure) -> Repair | None:
    """No web search, where the field or tool that asks for it is refused."""
    field = request.search
    if field is None or not _means_search(request, field, failure):
        return None
    # what an account has not turned on, it may turn on tomorrow
    once = failure.kind in _ACCESS_KINDS or bool(_NOT_OPEN.search(failure.code or ""))
    return Repair(endpoint=request.endpoint, action="search", field=field.name, once=once)


def _means_search(request: WireRequest, field: SearchField, failure: Failure) -> bool:
    """Whether a failure names the idea, the field, the item, or tools where ours is the only one."""
    param, said = (failure.param or "")[:_MOST_CHARS], failure.message[:_MOST_CHARS]
    if _NOT_OPEN.search(failure.code or ""):
        return True
    if failure.kind in _ACCESS_KINDS:  # the status is the refusal
        return _IDEA.search(said) is not None
    if failure.kind != "unsupported_parameter" and not meanings.refuses(said):
        said = ""
    words = f"{param} {said}"
    if _IDEA.search(words):
        return True
    outer, _, inner = field.name.partition(".")
    if field.item is None:
        return (inner or outer).replace("_", "") in words.replace("_", "").lower()
    items = as_list((request.body or {}).get(outer))
    place = re.search(rf"\b{outer}(?:\[|\.|['\"], ?|/)(\d+)", f"{param} {failure.message[:_MOST_CHARS]}")
    if place:
        return items[int(place[1]) :][:1] == [field.item]
    return len(items) == 1 and re.search(rf"\b{outer[:-1]}s?\b", words, re.IGNORECASE) is not None
