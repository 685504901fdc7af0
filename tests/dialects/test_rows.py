from __future__ import annotations

import re
from datetime import date
from typing import get_type_hints
from urllib.parse import urlsplit

import pytest

from anymodel_mcp.dialects.families import FAMILIES, Family
from anymodel_mcp.dialects.fields import QUIRK_NAMES, Dialect, ProviderRow, Quirks
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.dialects.resolve import find_row
from anymodel_mcp.wire.urls import clean_base_url

ROWS = pytest.mark.parametrize("row", PROVIDERS.values(), ids=PROVIDERS.keys())
PROMISED = [
    "openai",
    "azure",
    "openrouter",
    "deepseek",
    "dashscope",
    "moonshot",
    "zhipu",
    "ark",
    "minimax",
    "siliconflow",
    "gemini",
    "anthropic",
    "xai",
    "groq",
    "together",
    "fireworks",
    "deepinfra",
    "mistral",
    "cohere",
    "perplexity",
    "cerebras",
    "nvidia",
    "github",
    "huggingface",
    "cloudflare",
    "ollama",
    "vllm",
    "llamacpp",
    "lmstudio",
    "localai",
    "litellm",
    "newapi",
    "opendatasky",
    "acedatacloud",
    "ionos",
    "rixapi",
    "leapx",
    "local",
]


def test_every_promised_provider_has_a_row() -> None:
    assert set(PROMISED) <= set(PROVIDERS)
    assert find_row("openai") is PROVIDERS["openai"]
    assert find_row("nobody") is None


@ROWS
def test_a_row_says_where_its_facts_stand_and_since_when(row: ProviderRow) -> None:
    source = urlsplit(row.docs_url)
    assert source.scheme == "https"
    assert source.hostname
    assert date.fromisoformat(row.checked) <= date(2026, 11, 21)


@ROWS
def test_a_row_names_its_key_or_needs_none(row: ProviderRow) -> None:
    if row.key_env is None:
        assert row.key_optional
    else:
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", row.key_env)


@ROWS
def test_a_row_has_an_address_or_says_its_form(row: ProviderRow) -> None:
    if row.base_url is None:
        assert row.url_hint
    else:
        assert clean_base_url(row.base_url) == (row.base_url, ())
    if row.models_url:
        assert urlsplit(row.models_url).hostname == urlsplit(row.base_url or "").hostname


@ROWS
def test_a_row_says_only_what_differs_from_the_defaults(row: ProviderRow) -> None:
    assert set(row.quirks) | set(row.own) <= QUIRK_NAMES
    idle = [name for name, value in row.quirks.items() if value == getattr(Dialect(), name) and name != "task_path"]
    assert not idle


@ROWS
def test_a_provider_without_a_list_names_some_models(row: ProviderRow) -> None:
    if "models" in row.quirks.get("lacks", ()):
        assert row.models


def test_no_two_rows_share_a_key_variable() -> None:
    variables = [row.key_env for row in PROVIDERS.values() if row.key_env]
    assert len(variables) == len(set(variables))


def test_quirks_and_dialect_have_the_same_fields() -> None:
    assert get_type_hints(Quirks) == get_type_hints(Dialect)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.pattern.pattern)
def test_a_family_names_its_source_and_known_rows(family: Family) -> None:
    assert re.search(r"2026-\d\d-\d\d$", family.source)
    assert family.quirks
    assert set(family.quirks) <= QUIRK_NAMES
    assert family.rows <= set(PROVIDERS)
