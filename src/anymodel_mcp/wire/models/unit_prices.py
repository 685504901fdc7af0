"""Prices of what is not sold by tokens: a picture, a second, a minute, a million characters, a call.

Names as listed by DeepInfra (`metadata.pricing`: per_image_unit, input_characters, input_seconds, output_seconds;
https://api.deepinfra.com/v1/openai/models), LiteLLM (output_cost_per_image, input_cost_per_second,
input_cost_per_character, output_cost_per_video_per_second, input_cost_per_query;
https://docs.litellm.ai/docs/proxy/model_management), OpenRouter (`pricing.request`, `pricing.image`, `pricing_skus`:
duration_seconds, generate; https://openrouter.ai/docs/api-reference/list-available-models), Venice
(`model_spec.pricing.generation.usd`; https://docs.venice.ai/api-reference/endpoint/models/list) and Cloudflare
(`price`: [{unit, price}]; https://developers.cloudflare.com/workers-ai/platform/pricing/), all read 2026-11-28.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from anymodel_mcp.types import Capability, Json, PriceUnit
from anymodel_mcp.wire.decode.json_values import as_text
from anymodel_mcp.wire.models.figures import ABOUT_PRICES, amount_of, places, words_of

_UNITS: tuple[tuple[PriceUnit, frozenset[str]], ...] = (
    ("second", frozenset({"second", "seconds", "sec", "secs"})),
    ("minute", frozenset({"minute", "minutes", "min"})),
    ("million_characters", frozenset({"character", "characters", "char", "chars"})),
    ("picture", frozenset({"image", "images", "picture", "pictures"})),
    ("call", frozenset({"request", "requests", "call", "calls", "query", "queries", "generate", "generation", "run"})),
)
_HOURS = frozenset({"hour", "hours"})
_OTHERS = frozenset(
    {
        "token",
        "tokens",
        "pixel",
        "pixels",
        "cache",
        "cached",
        "page",
        "pages",
        "batch",
        "session",
        "day",
        "gb",
        "million",
    }
)
"""Words of prices for something else; `million` stands before tokens as often as before characters."""
_CHARACTERS_BELOW = 0.001
"""Dollars: a smaller price is that of one character, a larger one that of a million."""
_MADE_OF: dict[PriceUnit, frozenset[Capability | None]] = {
    "picture": frozenset({"image"}),
    "second": frozenset({"audio", "video", None}),
    "minute": frozenset({"audio", "video", None}),
    "million_characters": frozenset({"audio", None}),
    "call": frozenset({"image", "audio", "video", "rerank", None}),
}
"""What is sold by a unit: a chat model's price for a picture is that of one it reads."""


def unit_prices(entry: Json, type_: Capability | None) -> dict[PriceUnit, float]:
    """US dollars by unit; of several prices for one unit the one with the plainest name, then the highest."""
    found: dict[PriceUnit, tuple[int, float]] = {}
    for words, value in _priced(entry):
        unit = _unit(words, type_)
        if unit is None or value <= 0 or type_ not in _MADE_OF[unit]:
            continue
        rank = (-len(words), _in_unit(unit, words, value))
        if unit not in found or rank > found[unit]:
            found[unit] = rank
    return {unit: round(price, 10) for unit, (_, price) in found.items()}


def _priced(entry: Json) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yields each price as the parts of its field name and its amount."""
    for path, place in places(entry):
        about = bool(ABOUT_PRICES.search(path))
        unit = as_text(place.get("unit"))
        amount = amount_of(place)
        if about and unit and amount is not None:
            yield words_of(unit), amount
        for key, value in place.items():
            words = words_of(key)
            price = amount_of(value)
            if price is not None and (about or any(ABOUT_PRICES.search(word) for word in words)):
                yield words, price


def _unit(words: tuple[str, ...], type_: Capability | None) -> PriceUnit | None:
    said = frozenset(words)
    characters = bool(said & _UNITS[2][1])
    if said & (_OTHERS - {"million"} if characters else _OTHERS):
        return None
    if said & _HOURS:
        return "minute"
    for unit, names in _UNITS:
        if said & names:
            return "picture" if unit == "call" and type_ == "image" else unit
    return None


def _in_unit(unit: PriceUnit, words: tuple[str, ...], amount: float) -> float:
    if unit == "minute" and _HOURS & set(words):
        return amount / 60
    if unit != "million_characters" or "million" in words or "1m" in words:
        return amount
    if any(re.fullmatch(r"1?k|1000|thousand", word) for word in words):
        return amount * 1000
    return amount * 1_000_000 if amount < _CHARACTERS_BELOW else amount
