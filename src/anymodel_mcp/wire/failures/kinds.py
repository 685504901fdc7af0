"""Classifies a failure: by its plain meaning, then the provider's code, then other sentences, then the status.

The tables hold codes and sentences from a survey of documentation and recorded errors, 2026-11-20; what words
mean regardless of the vendor: `meanings.py`.
"""

from __future__ import annotations

import re

from anymodel_mcp.errors import ErrorKind
from anymodel_mcp.record import record
from anymodel_mcp.wire.failures import meanings
from anymodel_mcp.wire.failures.limits import named_bounds
from anymodel_mcp.wire.failures.retry import RETRY_STATUSES
from anymodel_mcp.wire.patterns import LazyPattern


@record
class ErrorSignals:
    """The facts about a failure.

    Attributes:
        status: the HTTP status, or the one that an error inside a 200 carries.
        inside: it was reported inside a 200.
        codes: the provider's codes and types, in lower case, the most precise first.
        text: its message.
        param: the request field that it names in a separate field.
        page: the beginning of a body that is not JSON.
        temporary: it says when to retry.
        gave_up: the answer ended with a finish reason that means failure.
    """

    status: int
    inside: bool
    codes: tuple[str, ...]
    text: str
    param: str = ""
    page: str = ""
    temporary: bool = False
    gave_up: bool = False


_CODES_BY_KIND: dict[ErrorKind, str] = {
    "quota": """
        insufficient_quota insufficient_user_quota insufficient_balance billing_hard_limit_reached
        billing_not_active billing_error credit_balance_too_low payment_required quota_exceeded arrearage
        accountoverdueerror 1008 1113 exceeded_current_quota_error used_api pre_consume_token_quota_failed
        insufficient_funds insufficient_credits not_enough_balance budget_exceeded quota_exhausted
        allocationquota.freetieronly error_code:17 error_code:19
    """,
    "auth": """
        invalid_api_key invalid_apikey invalidapikey token_mismatched invalid_token token_expired
        authentication_error authenticationerror invalid_authentication_error incorrect_api_key_error
        unauthenticated unauthorized permission_error permission_denied access_denied no_token
        account_deactivated 1004 2049 1000 1001 invalid_authorization
        error_code:110 error_code:111
    """,
    "rate_limit": """
        rate_limit_exceeded rate_limit_error ratelimiterror rate_limit_reached_error too_many_requests
        rate_limit_reached rate_limited throttling throttling.ratequota limit_requests 1002 resource_exhausted
        requests tokens throttlingexception concurrency_limit 1039 error_code:18
    """,
    "overloaded": """
        overloaded overloaded_error engine_overloaded engine_overloaded_error service_unavailable
        serviceunavailable unavailable slow_down server_overloaded serveroverloaded modelnotready model_not_ready
    """,
    "model_not_found": """
        model_not_found model_not_exist model_not_supported modelnotfound no_such_model invalid_model
        modelnotopen model_not_available 1211 resource_not_found_error invalidendpointormodel.notfound
        deploymentnotfound unknown_model model_decommissioned 5007 not_found_model
    """,
    "context_length": """
        context_length_exceeded model_context_window_exceeded context_window_exceeded
        exceed_context_size_error string_above_max_length 1261 context_length prompt_too_long
        model_max_prompt_tokens_exceeded
    """,
    "content_filter": """
        content_filter content_policy_violation moderation_blocked responsibleaipolicyviolation 1026 1027 1301
        data_inspection_failed datainspectionfailed sensitive_words_detected content_blocked
        sensitivecontentdetected inputtextsensitivecontentdetected content_moderation
        outputimagesensitivecontentdetected inputimagesensitivecontentdetected safety_violations
    """,
    "unsupported_parameter": """
        unsupported_parameter unsupported_value unknown_parameter extra_forbidden unrecognized_parameter
        unsupported_parameters parameter_not_supported
    """,
    "blocked": """
        unsupported_country_region_territory
    """,
    "upstream": """
        tool_use_failed json_validate_failed output_parse_failed malformed_function_call
    """,
    "timeout": """
        timeout timeout_error request_timeout deadline_exceeded gateway_timeout
    """,
    "too_large": """
        request_too_large payload_too_large file_too_large
    """,
    "bad_request": """
        beta_api_shape_disabled
    """,
    "endpoint_not_found": """
        api_not_implemented unsupported_endpoint unknown_url
    """,
}
_CODES: dict[str, ErrorKind] = {code: kind for kind, codes in _CODES_BY_KIND.items() for code in codes.split()}
_SERVER_CODES = frozenset(
    {"server_error", "internal_server_error", "internalservererror", "internal_error", "internal"}
)

_FORBID = (
    r"(?:not (?:currently )?(?:a )?(?:supported|permitted|allowed|available)|unsupported|does ?n[o']t support"
    r"|must be set to|can ?not be support|unavailable)"
)
_FIELDS = (
    "max_tokens|max_completion_tokens|max_output_tokens|temperature|top_p|top_k|stop|n|seed|logprobs|top_logprobs|logit_bias|"
    "stream|stream_options|response_format|reasoning_effort|tool_choice|parallel_tool_calls|frequency_penalty|"
    "presence_penalty|encoding_format|dimensions|enable[_ ]thinking|thinking"
)
_NO_FIELDS = frozenset({"model", "messages", "input", "prompt", "none", "null", "body"})
"""What a `param` may hold though no field is refused: what the request is about, and written-out nothings."""


def _words(*patterns: str) -> LazyPattern:
    return LazyPattern("|".join(patterns), re.IGNORECASE)


# in this order; the first match counts
_SENTENCES: tuple[tuple[LazyPattern, ErrorKind], ...] = (
    (
        _words(
            r"safety system|content management policy|content polic|usage polic|input was flagged|moderation",
            r"was (?:flagged|blocked|filtered)|inappropriate content|responsible ai|content.filter",
            r"sensitive (?:content|info)|敏感|违规|不当内容|安全审核",
        ),
        "content_filter",
    ),
    (
        _words(
            r"(?:incorrect|invalid|missing|wrong|expired|bad|no) (?:or \w+ )?"
            r"(?:api[ _-]?key|credential|subscription key|auth\w* (?:token|header|credential))",
            r"api[ _-]?key (?:\w+ ){0,3}(?:not valid|invalid|expired|incorrect|missing|required)",
            r"unauthori[sz]ed|invalid authentication|did ?n[o']t provide an api key",
            r"无效的令牌|令牌.{0,10}(?:无效|过期)|身份验证",
        ),
        "auth",
    ),
    (
        _words(r"no endpoints found that (?:can )?(?:support|handle|match)"),
        "unsupported_parameter",
    ),
    (
        _words(
            r"no such model|unknown model|invalid model\b|not a valid model|no available channel|no endpoints found",
            r"model[^.\n]{0,120}?(?:does ?n[o']t exist|not (?:be )?found|not exist|no longer available|unavailable for|"
            r"is not (?:supported|available)(?! (?:for|in|by|with)\b))",
            r"^model: \S+$|model .{0,80}不存在|模型.{0,80}(?:不存在|无可用渠道)",
        ),
        "model_not_found",
    ),
    (
        _words(
            r"(?:unsupported|unknown|unrecognized|unexpected|invalid) (?:request |think\w* |reasoning )?"
            r"(?:parameter|argument|field|name|value|key)\b",
            r"extra (?:inputs|fields) (?:are )?not permitted|cannot find field|unknown variant",
            rf"(?:parameter|property|field|argument|value)\b[^.\n]{{0,80}}?{_FORBID}",
            r"\b(?:parameter|field|argument)\b[^.\n]{0,80}?(?:not valid|is invalid|is illegal)",
            rf"{_FORBID} (?:the )?(?:parameter|field|argument)",
            rf"['\"`][\w.\[\]]+['\"`]?(?: \w+)? (?:is|are) {_FORBID}",
            rf"\b(?:{_FIELDS})\b[^\n]{{0,60}}?{_FORBID}",
            rf"\binvalid (?:value for )?['\"`]?(?:{_FIELDS})\b",
            r"\bonly (?:the default )?\S{1,40} (?:\(\S{1,40}\) )?(?:is|are) (?:allowed|supported|permitted|accepted)",
            r"must be verified to stream|is not a multi-?modal model|at most 0 \w+\(s\)",
            r"\w encoding is (?:not|un)|unsupported encoding|only \w{1,20} encoding",
        ),
        "unsupported_parameter",
    ),
    (
        _words(
            r"at capacity|overload|(?:temporarily|currently) unavailable|service unavailable|server.{0,10} busy",
            r"负载|繁忙",
        ),
        "overloaded",
    ),
)
_PARAMETER_STATUSES = frozenset({200, 400, 404, 405, 406, 416, 422, 500, 501})
_ROLE_STATUSES = frozenset({200, 400, 422, 500})
_NUMBER_FIELD = LazyPattern(
    r"max(?:imum)?[_ ](?:\w+[_ ])?tokens\b|(?:completion|output) tokens\b|temperature|top_[pk]\b|top_logprobs|penalty"
    r"|^\W*n\b",
    re.IGNORECASE,
)
_ABOVE = LazyPattern(r"\d\s*>\s*\d")
_TIMED_OUT = LazyPattern(r"timed? ?out|deadline exceeded|超时", re.IGNORECASE)
_TOO_LARGE = LazyPattern(
    r"(?:payload|entity|body|file|image|picture|upload|document|audio|attachment)\w*\b.{0,40}too (?:large|big)"
    r"|too (?:large|big)\b.{0,40}(?:payload|entity|body|file|image|picture|upload|document|audio|attachment)",
    re.IGNORECASE,
)
_ENDPOINT = LazyPattern(
    r"only supported in v1/responses|please use (?:the )?/?v1/responses|not supported in the v1/\w+"
    r"|responses api (?:only|instead)|not a chat model"
    r"|does ?n[o']t support (?:the )?(?:embeddings?|completions?|responses|chat completions?)\b",
    re.IGNORECASE,
)
_STATUS: dict[int, ErrorKind] = {
    401: "auth", 402: "quota", 403: "auth", 404: "endpoint_not_found", 405: "endpoint_not_found", 408: "timeout",
    410: "gone", 413: "too_large", 429: "rate_limit", 503: "overloaded", 504: "timeout", 524: "timeout",
    529: "overloaded",
}  # fmt: skip
_RETRYABLE: frozenset[ErrorKind] = frozenset(
    {"rate_limit", "overloaded", "timeout", "server", "upstream", "connection"}
)
_SOON_S = 3600.0


def classify(signals: ErrorSignals) -> ErrorKind:
    """Returns the kind of a failure."""
    if signals.status == 410:
        return "gone"
    plain = _by_meaning(signals)
    if signals.status == 402:
        return plain if plain == "blocked" else "quota"
    by_code, by_words = _by_code(signals), _by_words(signals)
    kind = plain or by_code or by_words or _by_status(signals)
    if signals.status == 401 and kind not in ("quota", "content_filter", "blocked"):
        return "auth"
    if signals.status == 413 and kind not in ("context_length", "rate_limit", "quota"):
        return "too_large"
    if kind == "rate_limit" and by_words == "overloaded" and "rate" not in "".join(signals.codes):
        return by_words
    if kind == "quota" and signals.temporary and by_code != "quota":
        return "rate_limit"  # Gemini says "exceeded your current quota" for a limit per minute, and when it ends
    return kind


def _by_meaning(signals: ErrorSignals) -> ErrorKind | None:
    """Kinds that precede any code and status: bot checks, a request above a limit, exhausted credit."""
    text, codes = signals.text, " ".join(signals.codes).replace("_", " ")
    if (
        signals.status == 451
        or meanings.says_challenged(signals.page)
        or meanings.says_region_blocked(f"{text} {codes}")
    ):
        return "blocked"
    if meanings.exceeds_limit(text):
        return "context_length"
    if meanings.says_money_spent(f"{text}\n{codes}"):
        return "quota"
    if meanings.says_allowance_spent(f"{text}\n{codes}") and _by_code(signals) != "rate_limit":
        return "quota"
    return None


def _by_code(signals: ErrorSignals) -> ErrorKind | None:
    for code in signals.codes:
        kind = _CODES.get(code)
        if kind == "auth" and signals.status == 403 and code.startswith("permission"):
            continue  # the message may be more specific
        if kind is not None:
            return kind
    return None


def _by_words(signals: ErrorSignals) -> ErrorKind | None:
    text = signals.text[:2000]
    throttled = meanings.says_throttled(text)
    if not throttled and signals.status != 429 and meanings.says_overflow(text):
        return "context_length"
    if _ENDPOINT.search(text):
        return "endpoint_not_found"
    if signals.status in _ROLE_STATUSES and meanings.refuses_roles(text):
        return "unsupported_parameter"
    for pattern, kind in _SENTENCES:
        if kind == "unsupported_parameter" and signals.status not in _PARAMETER_STATUSES:
            continue
        if pattern.search(text):
            return kind
    if throttled:
        return "rate_limit"
    return _by_fault(signals, text)


def _by_fault(signals: ErrorSignals, text: str) -> ErrorKind | None:
    """Kinds recognized by a few words together with the status."""
    if _TIMED_OUT.search(text) and (signals.inside or signals.status >= 500 or signals.status == 408):
        return "timeout"
    if signals.status in _PARAMETER_STATUSES and _refuses_field(signals, text):
        return "unsupported_parameter"
    if _TOO_LARGE.search(text) and signals.status in (400, 422):
        return "too_large"
    return None


def _refuses_field(signals: ErrorSignals, text: str) -> bool:
    """Whether a field is named, in words or as `param`, that is refused, or whose number is."""
    root = re.split(r"[.\[]", signals.param.lower().removeprefix("body."))[0]
    if root and root not in _NO_FIELDS and meanings.REFUSAL.search(text):
        return True
    if any(meanings.lacks_idea(idea, text) for idea in ("reasoning", "tools", "vision", "stream")):
        return True
    bounds = named_bounds(text, float("inf")), named_bounds(text, float("-inf"))
    limited = any(b.nearest is not None for b in bounds) or _ABOVE.search(text)
    return bool(limited and _NUMBER_FIELD.search(f"{signals.param} {text}"))


_REFUSED_REQUEST = frozenset({"invalid_request_error", "invalid_request"})
"""The types that OpenAI and its imitations use for an invalid request, also inside a 200."""


def _by_status(signals: ErrorSignals) -> ErrorKind:
    status = signals.status
    if signals.inside and (status < 300 or status == 502):
        if status < 300 and not signals.gave_up and _REFUSED_REQUEST.intersection(signals.codes):
            return "bad_request"
        known = any(code in _SERVER_CODES for code in signals.codes)
        return "server" if known and not signals.gave_up else "upstream"
    if status in _STATUS:
        return _STATUS[status]
    return "server" if status >= 500 else "bad_request"


def is_retryable(kind: ErrorKind, signals: ErrorSignals, *, wait_s: float | None) -> bool:
    """Whether the same request may be sent again, judged by the failure alone.

    Args:
        kind: its kind.
        signals: the facts about it.
        wait_s: the wait that the provider asks for, in seconds.
    """
    status = signals.status
    if kind not in _RETRYABLE:
        return status in (409, 425) and kind == "bad_request"
    if kind == "rate_limit" and meanings.long_window_s(signals.text):
        return wait_s is not None and wait_s <= _SOON_S  # a sliding window may accept the next request soon
    return kind != "server" or signals.inside or status in RETRY_STATUSES


def believable(wait_s: float | None, signals: ErrorSignals) -> float | None:
    """The wait that a provider asks for, unless its message contradicts it: a daily limit ends within a day."""
    if meanings.exceeds_limit(signals.text):
        return None
    window = meanings.long_window_s(signals.text)
    return None if wait_s is not None and window is not None and wait_s > window else wait_s
