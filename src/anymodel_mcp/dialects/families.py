"""Model families: what holds for a model wherever it is hosted, or at some providers only. Rows over `ProviderRow`.

Few and careful, since names promise little: what a refusal teaches at run time (`wire/repair.py`) is not written down
here. A family speaks of what goes wrong silently: efforts that are no word of the model, thoughts inside the text,
pictures that come only one way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from anymodel_mcp.dialects.fields import Quirks


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models whose id (in lower case, at its start or after a slash) matches `pattern`.

    Attributes:
        rows: the provider rows at which it holds; empty = at all.
        source: where the fact stands, and when it was read.
    """

    pattern: re.Pattern[str]
    quirks: Quirks
    source: str
    rows: frozenset[str] = frozenset()

    def holds(self, row: str, model: str) -> bool:
        """Whether this family says anything about a model at a provider."""
        return (not self.rows or row in self.rows) and self.pattern.search(model.lower()) is not None


def _family(pattern: str, quirks: Quirks, source: str, *rows: str) -> Family:
    return Family(pattern=re.compile(rf"(?:^|/){pattern}"), quirks=quirks, source=source, rows=frozenset(rows))


_OPENAI_REASONING = "https://developers.openai.com/api/docs/guides/reasoning, 2026-11-20"
_OPENAI_IMAGES = "https://developers.openai.com/api/reference/resources/images/methods/generate, 2026-11-20"
_QWEN3 = "https://huggingface.co/Qwen/Qwen3-235B-A22B-Thinking-2507, 2026-11-20"
_LEAPX = "https://docs.leapx-hub.com/en/api-reference/endpoint/chat-openai, 2026-11-20"

FAMILIES: tuple[Family, ...] = (
    # the words that each generation takes; a refused word is answered with 400 and costs a request
    _family(r"o[134](?:-|$)", {"reasoning_efforts": ("low", "medium", "high")}, _OPENAI_REASONING),
    _family(
        r"gpt-5(?:-(?:mini|nano|codex|pro).*|-20\d\d.*)?$",
        {"reasoning_efforts": ("minimal", "low", "medium", "high")},
        _OPENAI_REASONING,
    ),
    _family(r"gpt-5\.1(?:-|$)", {"reasoning_efforts": ("none", "low", "medium", "high")}, _OPENAI_REASONING),
    _family(
        r"gpt-5\.[2-6](?:-|$)", {"reasoning_efforts": ("none", "low", "medium", "high", "xhigh")}, _OPENAI_REASONING
    ),
    # always base64, and `response_format` is refused; what relays sell under the name is the same engine
    _family(r"(?:gpt-image|chatgpt-image)-", {"image_response_format": None}, _OPENAI_IMAGES),
    _family(r"dall-e-2", {"image_input_field": "image"}, _OPENAI_IMAGES),
    # the chat template opens the block, so that raw hosts send the closing tag only
    _family(r"qwen3-.*thinking", {"think_tags": "closing_only_possible"}, _QWEN3),
    _family(r"(?:qwq-|deepseek-r1)", {"think_tags": "closing_only_possible"}, _QWEN3),
    _family(r"(?:nvidia-)?nemotron", {"think_tags": "closing_only_possible"}, _QWEN3),
    # models that want their thoughts back within a tool loop, or answer 400
    _family(
        r"deepseek-(?:reasoner|v3\.2|v4|chat)", {"reasoning_back": "tools"}, "https://api-docs.deepseek.com, 2026-11-20"
    ),
    _family(r"kimi-k[23]", {"reasoning_back": "tools"}, "https://platform.moonshot.ai/docs, 2026-11-20"),
    # the relay names the depth of thought in the model's id: -nothinking, -thinking-low, -thinking-<budget>
    _family(r"gemini-", {"reasoning": "suffix", "reasoning_back": "always"}, _LEAPX, "leapx"),
    _family(
        r"(?:deepseek|glm|doubao|kimi)-", {"reasoning": "thinking"}, _LEAPX, "leapx", "acedatacloud", "opendatasky"
    ),
    # thought signatures come back in `extra_content`, and a tool call without them is refused
    _family(
        r"gemini-3",
        {"reasoning_back": "always"},
        "https://ai.google.dev/gemini-api/docs/thought-signatures, 2026-11-20",
    ),
)
