from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from anymodel_mcp.dialects.fields import Dialect, Quirks
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.dialects.resolve import resolve

_MATRIX = Path(__file__).with_name("resolved_matrix.json")
MODELS = (
    "any-model",
    "o3",
    "gpt-5",
    "gpt-5.2",
    "gpt-image-1",
    "qwen3-235b-a22b-thinking-2507",
    "deepseek-reasoner",
    "kimi-k2.5",
    "gemini-3-pro-preview",
)


def test_an_unlisted_provider_has_the_defaults() -> None:
    assert resolve("nobody", "any-model", {}) == Dialect()
    assert resolve("openai", "any-model", {}) == Dialect()


@pytest.mark.parametrize(
    ("row", "model", "user", "field", "value"),
    [
        ("ionos", "m", {}, "image_size_separator", "*"),
        ("openai", "openai/gpt-image-1", {}, "image_response_format", None),
        ("openai", "gpt-image-1", {"image_response_format": "url"}, "image_response_format", "url"),
        ("together", "gpt-image-1", {}, "image_response_format", "base64"),
        ("openai", "gpt-5-mini", {}, "token_param", "max_tokens"),
        ("openai", "gpt-5-mini", {}, "reasoning_efforts", ("minimal", "low", "medium", "high")),
        ("openrouter", "openai/gpt-5-mini", {}, "reasoning", "openrouter"),
        ("leapx", "gemini-3-pro-preview", {}, "reasoning", "suffix"),
        ("leapx", "deepseek-v3-1-250821", {}, "reasoning", "thinking_effort"),
        ("leapx", "glm-4.7", {}, "reasoning", "thinking"),
        ("leapx", "o4-mini", {}, "api", "responses"),
        ("leapx", "o3-mini-2025-01-31", {}, "api", "responses"),
        ("leapx", "gpt-5.2", {}, "api", None),
        ("openai", "o4-mini", {}, "api", None),
        ("leapx", "o4-mini", {"api": "chat"}, "api", "chat"),
        ("leapx", "qwen3-coder-plus", {}, "fields_in", "parameters"),
        ("dashscope", "qwen3-coder-plus", {}, "fields_in", ""),
        ("leapx", "nano-banana-pro", {}, "image_dialect", "chat"),
        ("rixapi", "nano-banana", {}, "image_dialect", "chat"),
        ("leapx", "gpt-image-1", {}, "image_dialect", "openai"),
        ("perplexity", "pplx-embed-v1-0.6b", {}, "embed_form", "int8"),
        ("deepseek", "deepseek-flash", {}, "reasoning_efforts", ("none", "low", "high", "max")),
        ("gemini", "gemini-3-pro-preview", {}, "reasoning", "effort"),
        ("openai", "my-o3-clone", {}, "reasoning_efforts", Dialect().reasoning_efforts),
        ("openai", "Qwen/Qwen3-30B-A3B-Thinking-2507", {}, "think_tags", "closing_only_possible"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_later_layer_wins(row: str, model: str, user: Quirks, field: str, value: object) -> None:
    assert getattr(resolve(row, model, user), field) == value


def test_the_resolved_matrix_is_as_committed() -> None:
    """Every difference from the defaults, for each row and family; a change of the file is a decision."""
    assert json.loads(_MATRIX.read_text(encoding="utf-8")) == build_matrix()


def build_matrix() -> dict[str, Any]:
    """Row -> model -> what differs; a model that differs in nothing more than the row itself is left out."""
    matrix: dict[str, Any] = {}
    for row in PROVIDERS:
        plain = _differences(resolve(row, MODELS[0], {}), Dialect())
        special = {model: _differences(resolve(row, model, {}), resolve(row, MODELS[0], {})) for model in MODELS[1:]}
        matrix[row] = {"": plain, **{model: found for model, found in special.items() if found}}
    return matrix


def _differences(one: Dialect, other: Dialect) -> dict[str, Any]:
    pairs = {f.name: (getattr(one, f.name), getattr(other, f.name)) for f in fields(Dialect)}
    return {name: _plain(mine) for name, (mine, default) in pairs.items() if mine != default}


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(str(item) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] names
    return list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] words
