"""Reads prices and limits of a list entry, in any nested object and spelling.

Names are compared without case and punctuation. A bare word such as `input` is a price only inside an object that its
name says is about prices. Shapes as listed by OpenRouter (https://openrouter.ai/docs/api-reference/list-available-models),
Venice (https://docs.venice.ai/api-reference/endpoint/models/list), DeepInfra
(https://github.com/RooCodeInc/Roo-Code/blob/main/src/api/providers/fetchers/deepinfra.ts), Requesty
(https://github.com/RooCodeInc/Roo-Code/blob/main/src/api/providers/fetchers/requesty.ts), LiteLLM
(https://docs.litellm.ai/docs/proxy/model_management), Perplexity
(https://docs.perplexity.ai/api-reference/gateway-models-get); all read 2026-11-28.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from anymodel_mcp.types import Json, Price
from anymodel_mcp.wire.decode.json_values import as_count, as_number, as_object, objects
from anymodel_mcp.wire.patterns import LazyPattern

_CONTEXT = (
    "contextlength",
    "contextwindow",
    "maxcontextlength",
    "maxmodellen",
    "inputtokenlimit",
    "loadedcontextlength",
    "maxcontextwindowtokens",
    "maxcontexttokens",
    "maxprompttokens",
    "availablecontexttokens",
    "contextsize",
    "contexttokens",
    "maxinputtokens",
    "nctx",
    "nctxtrain",
)
_OUTPUT = (
    "maxoutputtokens",
    "maxcompletiontokens",
    "outputtokenlimit",
    "maxtokens",
    "maxoutputlength",
    "maxoutput",
)
_SIDES = {"input": ("input", "prompt"), "output": ("output", "completion")}
ABOUT_PRICES = LazyPattern(r"pric|cost|rates?$")
_NOT_FACTS = LazyPattern(r"default|parameter|constraint|example|request|generation_?config", re.IGNORECASE)
_HUMP = LazyPattern(r"(?<=[a-z0-9])(?=[A-Z])")
_GAP = LazyPattern(r"[^a-z0-9]+")
_MAX_DEPTH = 4
_MAX_PLACES = 200
_MONEY = ("usd", "USD", "amount", "price", "value", "per_million", "perMillion", "base")
_PER_TOKEN_BELOW = 0.001
_TEXT_PER_TOKEN_BELOW = 0.01


def context_length(entry: Json) -> int | None:
    """The most tokens of input and output together."""
    return _limit(_CONTEXT, entry)


def max_output_tokens(entry: Json) -> int | None:
    """The most output tokens."""
    return _limit(_OUTPUT, entry)


def price_per_million(entry: Json) -> Price | None:
    """The price in US dollars per million tokens."""
    for name, place in places(entry):
        given, made = _price(place, name, "input"), _price(place, name, "output")
        if given is not None or made is not None:
            return Price(input=given, output=made)
    return None


def places(entry: Json) -> Iterator[tuple[str, Json]]:
    """The entry and the objects inside it, nearest first, each with the names on the way to it."""
    queue: list[tuple[str, Json, int]] = [("", entry, 0)]
    for at in range(_MAX_PLACES):
        if at >= len(queue):
            return
        name, place, depth = queue[at]
        yield name, place
        if depth < _MAX_DEPTH:
            for key, value in place.items():
                if not _NOT_FACTS.search(key):
                    inner = [as_object(value)] if isinstance(value, dict) else objects(value)
                    queue += [(f"{name}.{key.lower()}", o, depth + 1) for o in inner]


def _limit(names: tuple[str, ...], entry: Json) -> int | None:
    """The first of these numbers: in the entry, in what it nests; of several hosts of one model the largest."""
    for _, place in places({k: v for k, v in entry.items() if k != "providers"}):
        found = _first_count(names, place)
        if found:
            return found
    return max((c for p in objects(entry.get("providers")) if (c := _first_count(names, p))), default=None)


def _first_count(names: tuple[str, ...], place: Json) -> int | None:
    fields = {_GAP.sub("", key.lower()): value for key, value in place.items()}
    return next((count for name in names if (count := as_count(fields.get(name)))), None)


def _price(place: Json, path: str, side: str) -> float | None:
    about_prices = bool(ABOUT_PRICES.search(path))
    for key, value in place.items():
        name = "_".join(words_of(key))
        if _is_price(name, side, about_prices):
            price = _per_million(name, value)
            if price is not None:
                return price
    return None


def _is_price(name: str, side: str, about_prices: bool) -> bool:
    """Whether a field is the regular price of input or output, not that of cached, long, batch or other tokens."""
    words = name.split("_")
    if name.endswith(
        "price_per_m"
    ):  # Novita and its resellers: the unit is a fraction of a dollar that lists do not say
        return False
    if not any(word in words for word in _SIDES[side]):
        return False
    rest = [w for w in words if w not in _SIDES[side]]
    said = any(ABOUT_PRICES.search(w) for w in rest)
    plain = {
        "token",
        "tokens",
        "per",
        "per1",
        "per1k",
        "per1m",
        "million",
        "mtok",
        "1m",
        "1k",
        "m",
        "k",
        "usd",
        "cents",
        "text",
        "in",
    }
    return (said or about_prices) and all(w in plain or ABOUT_PRICES.search(w) for w in rest)


def words_of(name: str) -> tuple[str, ...]:
    """Splits a field name into lower-case words; `perImageUnit` and `per_image_unit` give the same."""
    return tuple(_GAP.sub("_", _HUMP.sub("_", name).lower()).strip("_").split("_"))


def amount_of(value: Any) -> float | None:
    """The amount that a price names; `None` where it names none, or less than nothing."""
    if isinstance(value, dict):
        value = next((as_object(value)[n] for n in _MONEY if n in value), None)
    number = as_number(value.strip().lstrip("$") if isinstance(value, str) else value)
    return None if number is None or number < 0 else number


def _per_million(name: str, value: Any) -> float | None:
    number = amount_of(value)
    if number is None:
        return None
    if isinstance(value, dict):
        value = next((as_object(value)[n] for n in _MONEY if n in value), None)
    return round(number * _factor(name, number, written=isinstance(value, str)), 6)


def _factor(name: str, number: float, *, written: bool) -> float:
    """From the unit of a price to dollars for a million tokens: by the name, else by the size of the number."""
    if name.startswith("cents"):
        return 10_000
    if "1k" in name or name.endswith("1_k"):
        return 1000
    if "million" in name or "mtok" in name or "1m" in name or name.endswith("1_m"):
        return 1
    small = number < (_TEXT_PER_TOKEN_BELOW if written else _PER_TOKEN_BELOW)
    return 1_000_000 if small or "per_token" in name else 1
