"""Which kind a failure is: the provider's code decides, then its words, then the status.

The tables hold codes and sentences as seen (facts/dialects.md B.1 and B.2 "Error bodies", read 2026-11-20).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from anymodel_mcp.errors import ErrorKind
from anymodel_mcp.wire.failures.retry import RETRY_STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSignals:
    """What is known of a failure.

    Attributes:
        status: the HTTP status, or the one that an error inside a 200 carries.
        inside: it came inside a 200.
        codes: the provider's codes and types, in lower case, the most precise first.
        text: its words.
        temporary: it says when to come back.
        gave_up: the answer ended with a finish reason that means failure.
    """

    status: int
    inside: bool
    codes: tuple[str, ...]
    text: str
    temporary: bool = False
    gave_up: bool = False


_CODES_BY_KIND: dict[ErrorKind, str] = {
    "quota": """
        insufficient_quota insufficient_user_quota insufficient_balance billing_hard_limit_reached
        billing_not_active billing_error credit_balance_too_low payment_required quota_exceeded arrearage
        accountoverdueerror 1008 1113 exceeded_current_quota_error used_api pre_consume_token_quota_failed
        insufficient_funds insufficient_credits error_code:17 error_code:19
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
    "upstream": """
        tool_use_failed json_validate_failed output_parse_failed malformed_function_call
    """,
    "timeout": """
        timeout timeout_error request_timeout deadline_exceeded gateway_timeout
    """,
    "too_large": """
        request_too_large payload_too_large file_too_large
    """,
    "endpoint_not_found": """
        api_not_implemented unsupported_endpoint unknown_url
    """,
}
_CODES: dict[str, ErrorKind] = {code: kind for kind, codes in _CODES_BY_KIND.items() for code in codes.split()}
_SERVER_CODES = frozenset(
    {"server_error", "internal_server_error", "internalservererror", "internal_error", "internal"}
)

_FORBID = r"(?:not (?:supported|permitted|allowed)|unsupported|does ?n[o']t support|must be set to|can ?not be support)"


_FIELDS = (
    "max_tokens|max_completion_tokens|temperature|top_p|top_k|stop|n|seed|logprobs|logit_bias|stream_options|"
    "response_format|reasoning_effort|tool_choice|parallel_tool_calls|frequency_penalty|presence_penalty|encoding_format|dimensions|"
    "enable[_ ]thinking|thinking"
)


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# in this order; the first that is found counts
_SENTENCES: tuple[tuple[re.Pattern[str], ErrorKind], ...] = (
    (
        _words(
            r"(?:maximum|available|max|exceed\w*|the) (?:\w+ ){0,3}context (?:size|length|window)",
            r"context (?:size|length|window) (?:\w+ ){0,3}exceed",
            r"context_length|(?:prompt|input|request) (?:is )?too long|too many (?:input )?tokens|reduce the length of",
            r"exceed\w* (?:the )?model(?:'s)? token limit|\binputs?\W{0,2} tokens \+ \W?max_(?:new_)?tokens",
            r"range of input length|input token count .{0,40}exceeds|上下文.{0,10}(?:超|过长)",
        ),
        "context_length",
    ),
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
            r"insufficient (?:account )?(?:balance|quota|credit|fund)|(?:not enough|insufficient|out of|more) credits",
            r"balance (?:is |too )?(?:insufficient|low)|credit balance|exceeded your current quota|payment required",
            r"account .{0,20}overdue|does ?n[o']t have (?:any |enough )?credits|spending (?:limit|cap)",
            r"余额不足|额度(?:不足|已用)|欠费|quota.{0,20}用尽",
        ),
        "quota",
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
            r"(?:unsupported|unknown|unrecognized|unexpected|invalid) (?:request )?"
            r"(?:parameter|argument|field|name|value|key)\b",
            r"extra (?:inputs|fields) (?:are )?not permitted|cannot find field",
            rf"(?:parameter|property|field|argument|value)\b[^.\n]{{0,80}}?{_FORBID}",
            r"\b(?:parameter|field|argument)\b[^.\n]{0,80}?(?:not valid|is invalid)",
            rf"{_FORBID} (?:the )?(?:parameter|field|argument)",
            rf"['\"`][\w.\[\]]+['\"`]?(?: \w+)? (?:is|are) {_FORBID}",
            rf"\b(?:{_FIELDS})\b[^\n]{{0,60}}?{_FORBID}",
        ),
        "unsupported_parameter",
    ),
    (
        _words(
            r"rate.?limit|too many requests|requests per|tokens per|per.?minute|concurren",
            r"请求过于频繁|限流|请求频率",
        ),
        "rate_limit",
    ),
    (
        _words(
            r"at capacity|overload|(?:temporarily|currently) unavailable|service unavailable|server.{0,10} busy",
            r"负载|繁忙",
        ),
        "overloaded",
    ),
)
_PARAMETER_STATUSES = frozenset({200, 400, 404, 405, 406, 422, 500, 501})
_TIMED_OUT = re.compile(r"timed? ?out|deadline exceeded|超时", re.IGNORECASE)
_TOO_LARGE = re.compile(r"(?:payload|entity|body|file|image|upload)\b.{0,40}too (?:large|big)|too large", re.IGNORECASE)
_STATUS: dict[int, ErrorKind] = {
    401: "auth", 402: "quota", 403: "auth", 404: "endpoint_not_found", 405: "endpoint_not_found", 408: "timeout",
    410: "gone", 413: "too_large", 429: "rate_limit", 503: "overloaded", 504: "timeout", 524: "timeout",
    529: "overloaded",
}  # fmt: skip
_RETRYABLE: frozenset[ErrorKind] = frozenset(
    {"rate_limit", "overloaded", "timeout", "server", "upstream", "connection"}
)


def classify(evidence: ErrorSignals) -> ErrorKind:
    """The kind of a failure."""
    by_code = _by_code(evidence)
    by_words = _by_words(evidence)
    kind = by_code or by_words or _by_status(evidence)
    if evidence.status == 410:
        return "gone"
    if evidence.status == 402:
        return "quota"
    if evidence.status == 401 and kind not in ("quota", "content_filter"):
        return "auth"
    if evidence.status == 413 and kind not in ("context_length", "rate_limit"):
        return "too_large"
    if kind == "rate_limit" and by_words in ("overloaded", "context_length") and "rate" not in "".join(evidence.codes):
        return by_words
    if kind == "quota" and evidence.temporary and by_code != "quota":
        return "rate_limit"  # Gemini says "exceeded your current quota" of a limit per minute, and when it ends
    return kind


def _by_code(evidence: ErrorSignals) -> ErrorKind | None:
    for code in evidence.codes:
        kind = _CODES.get(code)
        if kind == "auth" and evidence.status == 403 and code.startswith("permission"):
            continue  # the words may tell more
        if kind is not None:
            return kind
    return None


def _by_words(evidence: ErrorSignals) -> ErrorKind | None:
    text = evidence.text[:2000]
    for pattern, kind in _SENTENCES:
        if kind == "unsupported_parameter" and evidence.status not in _PARAMETER_STATUSES:
            continue
        if pattern.search(text):
            return kind
    if _TIMED_OUT.search(text) and (evidence.inside or evidence.status >= 500 or evidence.status == 408):
        return "timeout"
    if _TOO_LARGE.search(text) and evidence.status in (400, 422):
        return "too_large"
    return None


def _by_status(evidence: ErrorSignals) -> ErrorKind:
    status = evidence.status
    if evidence.inside and (status < 300 or status == 502):
        known = any(code in _SERVER_CODES for code in evidence.codes)
        return "server" if known and not evidence.gave_up else "upstream"
    if status in _STATUS:
        return _STATUS[status]
    return "server" if status >= 500 else "bad_request"


def is_retryable(kind: ErrorKind, status: int, *, inside: bool) -> bool:
    """Whether the same request may simply be sent again, as far as the failure itself tells."""
    if kind not in _RETRYABLE:
        return status in (409, 425) and kind == "bad_request"
    return kind != "server" or inside or status in RETRY_STATUSES
