"""Model families: what holds for a model wherever it is hosted, or at some providers only. Rows over `ProviderRow`.

Rows are few: what is learned from a refusal at run time (`wire/failures/repair.py`) is not listed
here. A family speaks of what goes wrong silently: efforts that are no word of the model, thoughts inside the text,
pictures that come only one way.
"""

from __future__ import annotations

import re

from anymodel_mcp.dialects.fields import ApiName, Quirks
from anymodel_mcp.record import record


@record
class Family:
    """Models whose id (in lower case, at its start or after a slash) matches `pattern`.

    Attributes:
        rows: the provider rows at which it holds; empty = at all.
        api: the API in which it holds; `None` = in all.
        source: where the fact is documented, and when it was read.
    """

    pattern: re.Pattern[str]
    quirks: Quirks
    source: str
    rows: frozenset[str] = frozenset()
    api: ApiName | None = None

    def holds(self, row: str, model: str) -> bool:
        """Whether this family says anything about a model at a provider."""
        return (not self.rows or row in self.rows) and self.pattern.search(model.lower()) is not None


def _family(pattern: str, quirks: Quirks, source: str, *rows: str, api: ApiName | None = None) -> Family:
    place = re.compile(rf"(?:^|/){pattern}")
    return Family(pattern=place, quirks=quirks, source=source, rows=frozenset(rows), api=api)


_SURVEY = "survey of documentation, recordings, source code and issue threads, 2026-11-20"
_EFFORTS = "pydantic-ai profiles/openai.py, live-checked there 2026-07, read 2026-11-20"
_RECORDED = "recorded refusal of response_format by gpt-image, read 2026-11-20"
_OPENAPI = "https://github.com/openai/openai-openapi 2.3.0, 2026-11-21"
_PPLX = "https://docs.perplexity.ai/docs/embeddings/best-practices, 2026-11-28"
_CLAUDE = "https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking, 2026-11-28"
_THINK = "https://ai.google.dev/gemini-api/docs/thinking, 2026-11-28"
_LEAPX = "https://docs.leapx-hub.com/en/api-reference/endpoint/chat-openai, 2026-11-20"
_SEARCH_MODELS = "https://developers.openai.com/api/docs/guides/tools-web-search, 2026-11-28"
_GROQ_TOOLS = "https://console.groq.com/docs/tool-use/built-in-tools, 2026-11-28"
_SONAR = "https://docs.perplexity.ai/docs/sonar/models, 2026-11-28"
_LITELLM_SEARCH = "https://docs.litellm.ai/docs/completion/web_search, 2026-11-28"
_NEWAPI_SEARCH = "https://github.com/QuantumNous/new-api relay/channel/claude, 2026-11-28"

FAMILIES: tuple[Family, ...] = (
    # only the generations whose effort names are known; other refusals are learned at run time
    _family(
        r"gpt-5(?:-(?:mini|nano|codex|pro).*|-20\d\d.*)?$",
        {"reasoning_efforts": ("minimal", "low", "medium", "high")},
        _EFFORTS,
    ),
    _family(r"gpt-5\.6(?:-|$)", {"reasoning_efforts": ("none", "low", "medium", "high", "xhigh", "max")}, _EFFORTS),
    # always base64, and `response_format` is refused; relays sell the same engine under this name
    _family(r"(?:gpt-image|chatgpt-image)-", {"image_response_format": None}, _RECORDED),
    # signed bytes in base64, unless asked otherwise
    _family(
        r"pplx-embed-", {"embed_form": "int8"}, "https://docs.perplexity.ai/docs/embeddings/best-practices, 2026-11-28"
    ),
    # the chat template opens the block, so that raw hosts send the closing tag only
    _family(r"(?:qwen3-.*thinking|deepseek-r1|(?:nvidia-)?nemotron)", {"think_tags": "closing_only_possible"}, _SURVEY),
    # models that require their reasoning back within a tool loop, else 400
    _family(r"deepseek-(?:reasoner|v3\.2|v4|chat)", {"reasoning_back": "tools"}, _SURVEY),
    _family(r"kimi-k[23]", {"reasoning_back": "tools"}, _SURVEY),
    # thought signatures come back in `extra_content`
    _family(r"gemini-3", {"reasoning_back": "always"}, _SURVEY),
    # from 4.6 on the model decides how much it thinks, within an effort; the budget is refused by the newest
    _family(
        r"(?:anthropic\.)?claude-(?:[a-z]+-)?(?:4[.-][6-9]|[5-9](?:[.-]|$))",
        {"reasoning": "adaptive", "reasoning_efforts": ("none", "low", "medium", "high", "xhigh", "max")},
        _CLAUDE,
        api="anthropic",
    ),
    _family(
        r"gemini-3",
        {
            "reasoning": "thinking_level",
            "reasoning_efforts": ("minimal", "low", "medium", "high"),
            # https://ai.google.dev/gemini-api/docs/thought-signatures
            "foreign_signature": "skip_thought_signature_validator",
        },
        _THINK,
        api="gemini",
    ),
    # models that exist only there
    _family(r"[^/]*realtime", {"api": "realtime"}, _OPENAPI),
    _family(
        r"gpt-realtime-[2-9]",
        {"reasoning": "effort", "reasoning_efforts": ("minimal", "low", "medium", "high")},
        "https://learn.microsoft.com/en-us/azure/foundry/openai/concepts/realtime-2, 2026-11-28",
        api="realtime",
    ),
    # the relay puts the effort into the model id: -nothinking, -thinking-low, -thinking-<budget>
    _family(r"gemini-", {"reasoning": "suffix", "reasoning_back": "always"}, _LEAPX, "leapx"),
    _family(r"(?:glm|doubao|kimi)-", {"reasoning": "thinking"}, _LEAPX, "leapx"),
    _family(
        r"deepseek-",
        {"reasoning": "thinking_effort", "reasoning_efforts": ("none", "low", "high", "max")},
        _LEAPX,
        "leapx",
    ),
    _family(
        r"qwen", {"reasoning": "enable_thinking", "fields_in": "parameters", "search": "enable_search"}, _LEAPX, "leapx"
    ),
    _family(r"(?:o1|o3-mini|o4-mini)(?:-|$)", {"api": "responses"}, _LEAPX, "leapx"),
    # the only chat models of OpenAI that take the field; others refuse it
    _family(r"gpt-.+-search-(?:preview|api)", {"search": "web_search_options"}, _SEARCH_MODELS),
    _family(r"sonar(?:-|$)", {"search": "always"}, _SONAR),
    _family(r"sonar(?:-|$)", {"search": "always"}, _SONAR, "openrouter"),
    _family(r"gpt-oss-", {"search": "browser_search"}, _GROQ_TOOLS, "groq"),
    _family(r"compound", {"search": "always"}, _GROQ_TOOLS, "groq"),
    _family(r"(?:claude|gemini|grok)-", {"search": "web_search_options"}, _LITELLM_SEARCH, "litellm", api="chat"),
    _family(r"claude-", {"search": "web_search_options"}, _NEWAPI_SEARCH, "newapi", "rixapi", api="chat"),
    # https://github.com/openai/openai-openapi 2.3.0 (createTranscription), 2026-11-21
    _family(r".*transcribe-diarize", {"transcription_times": "diarized_json"}, _OPENAPI),
    # picture models that answer at chat/completions only
    _family(r"nano-banana", {"image_dialect": "chat"}, _LEAPX, "leapx", "rixapi"),
)
