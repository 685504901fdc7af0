from __future__ import annotations

from typing import Any

import pytest

from anymodel_mcp.types import Usage
from anymodel_mcp.wire.content.usage import find_usage, read_usage

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("usage", "wanted"),
    [
        (None, None),
        ({}, None),
        ({"prompt_tokens": None, "x": 1}, None),
        ({"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}, Usage(input=3, output=1, total=4)),
        ({"input_tokens": 3, "output_tokens": 1}, Usage(input=3, output=1, total=4)),
        ({"prompt_tokens": "3", "completion_tokens": 1.0}, Usage(input=3, output=1, total=4)),
        ({"prompt_tokens": 4, "total_tokens": 4}, Usage(input=4, output=0, total=4)),
        ({"completion_tokens": 4, "total_tokens": 9}, Usage(input=5, output=4, total=9)),
        ({"total_tokens": 9}, Usage(total=9)),
        ({"prompt_tokens": 4}, Usage(input=4)),
        ({"prompt_tokens": -4, "completion_tokens": True}, None),
        (
            {
                "prompt_tokens": 12,
                "completion_tokens": 2,
                "total_tokens": 334,
                "completion_tokens_details": {"reasoning_tokens": 320},
            },
            Usage(input=12, output=322, total=334, reasoning=320),
        ),
        (
            {
                "prompt_tokens": 19,
                "completion_tokens": 84,
                "total_tokens": 103,
                "completion_tokens_details": {"reasoning_tokens": 1081},
            },
            Usage(input=19, output=1165, total=1184, reasoning=1081),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115},
            Usage(input=10, output=105, total=115),
        ),
        (
            {"prompt_tokens": 15, "completion_tokens": 78, "total_tokens": 93, "reasoning_tokens": 64},
            Usage(input=15, output=78, total=93, reasoning=64),
        ),
        (
            {
                "prompt_tokens": 1,
                "completion_tokens": 2,
                "prompt_tokens_details": None,
                "completion_tokens_details": None,
                "prompt_cache_hit_tokens": 1,
            },
            Usage(input=1, output=2, total=3, cached=1),
        ),
        (
            {"prompt_tokens": 1, "completion_tokens": 2, "input_tokens_details": {"cached_tokens": 1}},
            Usage(input=1, output=2, total=3, cached=1),
        ),
        (
            {"prompt_tokens": 1, "completion_tokens": 2, "cost": {"total_cost": 0.5}},
            Usage(input=1, output=2, total=3, cost=0.5),
        ),
        (
            {"prompt_tokens": 1, "completion_tokens": 2, "cost": 0, "estimated_cost": 3},
            Usage(input=1, output=2, total=3, cost=0.0),
        ),
        (
            {"prompt_tokens": 1, "completion_tokens": 2, "estimated_cost": 3},
            Usage(input=1, output=2, total=3, cost=3.0),
        ),
        (
            {"prompt_tokens": 1, "completion_tokens": 2, "cost_in_usd_ticks": 37756000},
            Usage(input=1, output=2, total=3, cost=0.0037756),
        ),
        ({"cost_in_usd_ticks": "many"}, None),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, Usage(input=0, output=0, total=0)),
    ],
)
def test_usage_is_told_in_our_words(usage: Json | None, wanted: Usage | None) -> None:
    assert read_usage(usage) == wanted


TOLD = {"prompt_tokens": 3}
ZERO = {"prompt_tokens": 0}


@pytest.mark.parametrize(
    ("frame", "wanted"),
    [
        ({"usage": TOLD}, TOLD),
        ({"usage": None, "x_groq": {"usage": TOLD}}, TOLD),
        ({"usage": ZERO, "choices": [{"usage": TOLD}]}, TOLD),
        ({"choices": [{"message": {"usage": TOLD}}]}, TOLD),
        ({"usage": ZERO}, ZERO),
        ({"usage": {}}, None),
        ({"usage": "none", "choices": ["x", None]}, {}),
        ({}, None),
    ],
)
def test_usage_is_found_wherever_it_stands(frame: Json, wanted: Json | None) -> None:
    assert find_usage(frame) == wanted
