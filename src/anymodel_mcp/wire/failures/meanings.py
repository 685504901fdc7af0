"""Classifies error messages of any vendor: pairs of word classes, not a list of sentences.

A sentence says that the input is too large when a word for the input, a word for excess and a number of tokens meet; it
says that the money is gone when a word for money and a word for its end meet. The sentences that these rules were tried
on, with their pages: tests/fixtures/refusals.jsonl.
"""

from __future__ import annotations

import re

from anymodel_mcp.wire.patterns import LazyPattern

_MOST_CHARS = 2000
_NEAR = r"[^.\n]{0,80}?"


def _any(*patterns: str) -> LazyPattern:
    return LazyPattern("|".join(patterns), re.IGNORECASE)


def _pair(one: str, other: str, between: str = _NEAR) -> LazyPattern:
    """Matches if two word classes are near each other, in either order."""
    return _any(rf"(?:{one}){between}(?:{other})", rf"(?:{other}){between}(?:{one})")


# --- refusals ---------------------------------------------------------------------------------------------------------

REFUSAL = _any(
    r"unsupported|not (?:yet |a )?support|does ?n[o']t (?:yet )?support|no support for|not permitted|not allowed"
    r"|not accept",
    r"unrecogni[sz]ed|unknown|unexpected|deprecated|extra (?:input|field)|extra_forbidden|may only|only be set",
    r"invalid (?:\w+ )?(?:param|field|argument|value)|invalid ['\"`]?[a-z_]+['\"`]?:|can ?not|must (?:not )?be"
    r"|must have",
    r"not available|unavailable|only (?:the default|user|supports?)|(?:is|are) (?:allowed|illegal|invalid|disabled)",
    r"not (?:a )?(?:multi-?modal|vision|reasoning|chat)|not enabled|not currently|cannot be used|at most 0|requires",
    r"roles must|must alternate|should be|不支持|无效|不合法|非法",
)
"""Words that refuse a field, a value or a feature."""
_MORE_REFUSALS = LazyPattern(
    r"may only|only be set|must be|cannot both|too (?:large|high|small|low)"
    r"|\bonly (?:\S{1,40} ){1,2}(?:is|are) supported",
    re.IGNORECASE,
)


def refuses(message: str) -> bool:
    """Whether a text says that something is not taken."""
    return bool(REFUSAL.search(message) or _MORE_REFUSALS.search(message))


IDEAS: dict[str, LazyPattern] = {
    "reasoning": _any(r"\bthink(?:ing)?\b", r"\breasoning\b(?!_content)", "思考"),
    "tools": _any(r"\btools?\b", r"\btool[ _-]?(?:use|call\w*|choice)", r"\bfunctions?[ _-]?call\w*"),
    "vision": _any(r"\bimages?(?:_url)?\b", r"\bvision\b", r"\bmulti-?modal", r"\bpictures?\b", "图片"),
    "system": _any(
        r"\b(?:system|developer)['\"`]? (?:role|message|prompt|instruction)s?", r"\broles?\b", r"\[\d+\]\.role"
    ),
    "stream": _any(r"\bstream(?:ing)?\b", "流式"),
}
"""Features that a refusal may name instead of a field, and the words for them."""

_LACKS = (
    r"(?:\b(?:does ?n[o']t|do ?n[o']t|not|no|without|lacks?|cannot|can't|disabled?|unavailable|unsupported|at most 0"
    r"|unknown variant)\b|不支持)"
)


def names_idea(idea: str, text: str) -> bool:
    """Whether a text refuses a feature: a word for it near a word of refusal."""
    text = text[:_MOST_CHARS]
    return bool(IDEAS[idea].search(text) and REFUSAL.search(text))


def lacks_idea(idea: str, text: str) -> bool:
    """Whether a text says that the model lacks a feature entirely."""
    return bool(_LACKING[idea].search(text[:_MOST_CHARS]))


_LACKING = {
    idea: _pair(_LACKS, IDEAS[idea].pattern, r"[^.\n]{0,60}?") for idea in ("reasoning", "tools", "vision", "stream")
}
_LACKING["vision"] = _any(_LACKING["vision"].pattern, r"\b(?:only (?:supports?|accepts?|takes?) text|text[- ]only)\b")


def refuses_roles(text: str) -> bool:
    """Whether the chat template of a model refuses the roles of messages, or their order."""
    return bool(_ROLES.search(text[:_MOST_CHARS]))


_ROLES = _any(
    r"roles? must (?:strictly )?alternate|must alternate between",
    r"only (?:\w+[, ]+(?:and |or )?){1,4}roles? (?:is|are) (?:supported|allowed|permitted)",
    r"(?:system|developer)['\"`]? (?:role|message|prompt|instruction)s?\b[^.\n]{0,40}?"
    r"(?:not (?:be )?(?:supported|allowed|permitted|enabled)|unsupported|must be (?:at the|the first))",
    r"(?:not (?:support|accept|allow)|unsupported|unknown|unexpected|invalid)[^.\n]{0,30}?\b(?:system|developer)"
    r"['\"`]? (?:role|message|prompt|instruction)",
    r"(?:unsupported|unknown|unexpected|invalid) (?:message )?role\b",
    r"\.role\b[^.\n]{0,40}?(?:not support|must be|invalid)",
    r"\brole\b['\"`:= ]{0,4}(?:system|developer)\b[^.\n]{0,30}?(?:\bnot\b|unsupported|invalid)",
)

# --- money ------------------------------------------------------------------------------------------------------------

_MONEY = (
    r"\bcredits?\b|free[ -]?(?:tier|plan|model|request)s?|\btrial\b|\bbalance\b|\bpayment|\bbilling\b|\bfunds?\b"
    r"|\bspend(?:ing)?\b"
    r"|(?<!thinking )(?<!reasoning )(?<!token )\bbudget\b|余额|额度|账户|资源包"
)
_ALLOWANCE = r"\bquota|\ballowance\b"
_SPENT = (
    r"exhaust\w*|used (?:up|all)|negative|not (?:been )?enabled|exceed\w*|insufficient|expired|not enough|deplet\w*"
    r"|too low|overdue|ran out|run out|out of\b|no (?:more|remaining|longer)|has ended|have ended|reach\w*|required"
    r"|does ?n[o']t have|不足|用尽|用完|耗尽|欠费"
)
_MONEY_SPENT = _pair(_MONEY, _SPENT, r"[^.\n]{0,60}?")
_ALLOWANCE_SPENT = _pair(_ALLOWANCE, _SPENT, r"[^.\n]{0,60}?")


def says_money_spent(text: str) -> bool:
    """Whether credit, balance, trial or budget are exhausted."""
    return bool(_MONEY_SPENT.search(text[:_MOST_CHARS]))


def says_allowance_spent(text: str) -> bool:
    """Whether a quota is exhausted without a time at which it is renewed."""
    text = text[:_MOST_CHARS]
    return bool(_ALLOWANCE_SPENT.search(text)) and not _WINDOW.search(text)


# --- throttling -------------------------------------------------------------------------------------------------------

_WINDOW = _any(
    r"rate[ -]?limit|throttl|per[ -]?(?:second|minute|hour)|\b[rt]p[ms]\b|requests? per|tokens? per|每(?:秒|分钟)",
    r"per \d+ ?s(?:econds)?\b",
)
_WAITING = _any(
    r"too many requests|\bwait\b|concurren|per[ -]?day|请求过于频繁|限流|请求频率|稍后再试",
    r"(?:request|qps|rpm|tpm) (?:rate )?limit reached",
)
_WINDOWS = (
    (86_400.0, _any(r"per[ -]?day|\bdaily\b|\b[rt]pd\b|by ?day\b|per 86400|\btoday\b|tomorrow|每天|每日")),
    (604_800.0, _any(r"per[ -]?week|\bweekly\b|每周")),
    (2_678_400.0, _any(r"per[ -]?month|\bmonthly\b|每月")),
)


def says_throttled(text: str) -> bool:
    """Whether the text tells the caller to slow down."""
    text = text[:_MOST_CHARS]
    return bool(_WINDOW.search(text) or _WAITING.search(text))


def long_window_s(text: str) -> float | None:
    """The window of a rate limit in seconds, if it is a day or longer, so that an early retry is useless."""
    text = text[:_MOST_CHARS]
    return next((seconds for seconds, words in _WINDOWS if words.search(text)), None)


# --- requests that are too large --------------------------------------------------------------------------------------

_COUNT = r"(\d[\d,_]*)"
_REQUESTED = _any(rf"requested:?\s+(?:about\s+)?~?{_COUNT}")
_SENT = _any(rf"(?:requested|you sent|resulted in|given|has|have):?\s+(?:about\s+)?~?{_COUNT}")
_LIMIT = _any(rf"\blimit(?: is|:)?\s+{_COUNT}")
_CONTEXT = _any(rf"context (?:length|window|size)(?: is| of|:)\s+{_COUNT}")
_INPUT = r"\b(?:prompt|inputs?|request(?:ed)?|messages?|conversation|context|sequence|tokens?)\b"
_STRONG_INPUT = _any(r"\b(?:prompt|inputs?|messages?|conversation|request (?:contains|body|too))\b")
_EXCESS = (
    r"exceed\w*|longer than|too (?:long|large|many)|larger than|greater than|more than|less than|maximum|up to"
    r"|at most|limit\b"
    r"|max(?:imum)? size|<=|>=|>|超"
)
_OVERFLOW = _pair(_INPUT, _EXCESS, r"[^\n]{0,120}?")
_TOKENS = _any(r"token|length|context|n_ctx|长度|上下文")
_NUMBER = _any(r"\d{3,}|\d[\d,_]{3,}|\d+\s*tokens?")
_PLAIN_OVERFLOW = _any(
    r"(?:maximum|available|max|exceed\w*|the) (?:\w+ ){0,3}context (?:size|length|window)",
    r"context (?:size|length|window|limit) (?:\w+ ){0,3}exceed",
    r"context_length_exceeded|context length exceeded|(?:prompt|input|request|conversation) (?:is )?too long",
    r"too many input tokens|reduce the length of|range of input length",
    r"tokens? (?:\w+ ){0,2}exceed\w* (?:\w+ ){0,3}limit|exceed\w* (?:the )?model(?:'s)? token limit",
    r"上下文.{0,10}(?:超|过长)|输入.{0,12}(?:超过|过长|超出)",
)
_OUTPUT = _any(
    r"max(?:imum)?[_ ](?:\w+[_ ]){0,2}tokens?\b|(?:completion|output) tokens?\b|output limit|num_predict",
    r"maximum tokens (?:you )?request",
)
_ARRAY = _any(r"array too long|number of (?:inputs|items|images|messages)|batch size")


def exceeds_limit(text: str) -> bool:
    """Whether numbers show that this request exceeds a rate limit or the context, which no wait fixes."""
    text = text[:_MOST_CHARS]
    for sent, limit in ((_REQUESTED, _LIMIT), (_SENT, _CONTEXT)):
        asked, most = sent.search(text), limit.search(text)
        if asked and most and count_of(asked) > count_of(most):
            return True
    return False


def count_of(found: re.Match[str] | None) -> float:
    """The first number found by a pattern of this module; 0 = none."""
    digits = re.sub(r"[,_]", "", next((g for g in found.groups() if g), "")) if found else ""
    return float(digits) if digits else 0.0


def says_overflow(text: str) -> bool:
    """Whether the input does not fit: a word for it, a word for excess, and a number of tokens or a plain sentence."""
    text = text[:_MOST_CHARS]
    if _ARRAY.search(text) or (_OUTPUT.search(text) and not _STRONG_INPUT.search(text)):
        return False
    if _PLAIN_OVERFLOW.search(text):
        return True
    return bool(_OVERFLOW.search(text) and _TOKENS.search(text) and _NUMBER.search(text))


# --- walls ------------------------------------------------------------------------------------------------------------

_CHALLENGE = _any(
    r"<title>\s*(?:just a moment|attention required|access denied|please wait|verif|security check|blocked|ddos)",
    r"cf-chl|challenge-platform|cf-mitigated|used cloudflare to restrict access|captcha|are you a (?:human|robot)",
    r"checking your browser|you have been blocked|request blocked|incapsula|unusual traffic|error code: 10(?:06"
    r"|07|08|09|10|12|20)",
    r"just a moment\.\.\.|访问被(?:阻断|拦截)",
)
_REGION = _any(
    r"country, region,? (?:or|and) territory|unsupported[ _](?:countr|region|location|territor)",
    r"^\s*request not allowed\b",
    r"(?:your|user|this) (?:current )?(?:country|region|location|territory|ip)\b[^.\n]{0,40}?(?:(?:not|un)[ -]?"
    r"(?:supported|available|allowed)|blocked|restricted|banned|denied)",
    r"not (?:supported|available|allowed|offered) (?:in|from|for) (?:your|this) (?:country|region|location"
    r"|territory|ip)",
    r"(?:geo|region)[ -]?(?:block|restrict)\w*|not available in (?:mainland )?china",
)


def says_challenged(page: str) -> bool:
    """Whether a page is from a bot check or a firewall, which no key passes."""
    return bool(_CHALLENGE.search(page[:20_000]))


def says_region_blocked(text: str) -> bool:
    """Whether the provider does not serve the country or network address of the client."""
    return bool(_REGION.search(text[:_MOST_CHARS]))
