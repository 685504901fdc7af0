"""Web search: the request field with which each provider turns it on.

Which form a provider and model know is a field of the dialect rows, with its source; here is how each form is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from anymodel_mcp.dialects.fields import Dialect, SearchForm
from anymodel_mcp.types import ChatRequest
from anymodel_mcp.wire.decode.json_values import as_list
from anymodel_mcp.wire.exchange import SearchField

KIMI_SEARCH = "$web_search"
"""The function through which Kimi searches: its calls are returned unchanged (https://platform.moonshot.ai/docs)."""

_MOST_SEARCHES = 5

SEARCH_FIELDS: Mapping[SearchForm, tuple[str, Any]] = MappingProxyType(
    {
        "web_search": ("tools", {"type": "web_search"}),
        "web_search_options": ("web_search_options", {}),
        "enable_search": ("enable_search", True),
        "google_search": ("tools", {"google_search": {}}),
        "web_search_20250305": (
            "tools",
            {"type": "web_search_20250305", "name": "web_search", "max_uses": _MOST_SEARCHES},
        ),
        "plugins": ("plugins", {"id": "web"}),
        "glm": (
            "tools",
            {
                "type": "web_search",
                "web_search": {"enable": True, "search_engine": "search_std", "search_result": True},
            },
        ),
        "browser_search": ("tools", {"type": "browser_search"}),
        "kimi": ("tools", {"type": "builtin_function", "function": {"name": KIMI_SEARCH}}),
    }
)
"""Body field and its value, or the item that is added to it, by form. "none" and "always" send nothing."""

_LISTS = frozenset({"tools", "plugins"})


def set_search(body: dict[str, Any], request: ChatRequest, dialect: Dialect) -> tuple[SearchField | None, list[str]]:
    """Turns web search on, if it is asked for and known; returns the field that was set, and warnings.

    A field of that name in the user's options stays as it is, and nothing is added beside it.
    """
    if not request.search or dialect.search not in SEARCH_FIELDS:
        return None, []
    name, value = SEARCH_FIELDS[dialect.search]
    theirs = request.options.get(name)
    if name not in _LISTS:
        if theirs is None:
            body[name] = value
        return (SearchField(name=name) if theirs is None else None), []
    if theirs is not None:
        return None, [] if value in as_list(theirs) else [f"search was left out: options has its own {name}"]
    body[name] = [*as_list(body.get(name)), value]
    return SearchField(name=name, item=value), []
