"""URLs: a base URL is used verbatim; only the endpoint's path is appended, before any query.

Nothing is guessed: base URLs end in /v1, /v3, /v4, /openai or without a version. Clear mistakes are
corrected with a warning (the pasted path of an endpoint) or refused with a sentence (no scheme, a password inside).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

from anymodel_mcp.errors import ConfigError

_ENDPOINTS = (
    "chat/completions",
    "completions",
    "embeddings",
    "images/generations",
    "images/edits",
    "audio/speech",
    "audio/transcriptions",
    "responses",
    "messages",
)
_VERSIONED_LIST = re.compile(r"/v\d+\w*/models$")  # ".../models" alone is a real base at Azure AI
_GEMINI_METHOD = re.compile(r"/models/[^/]+:(?:stream)?generateContent$", re.IGNORECASE)
_SPACE_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f\\]")
_OWN_MACHINE = re.compile(r"(?:localhost|127\.|0\.0\.0\.0|10\.|192\.168\.|host\.docker\.internal)", re.IGNORECASE)
_SCHEMELESS = re.compile(r"[\w.\-]+(?::\d+)?(?:/|$)")


def join(base_url: str, path: str, query: Mapping[str, str]) -> str:
    """The URL of an endpoint.

    Args:
        base_url: from `clean_base_url`; its query is kept.
        path: such as "chat/completions"; "" = the base itself.
        query: appended to the base's own query.
    """
    parts = urlsplit(base_url)
    whole = f"{parts.path.rstrip('/')}/{path.lstrip('/')}" if path else parts.path
    both = "&".join(part for part in (parts.query, urlencode(query)) if part)
    return urlunsplit((parts.scheme, parts.netloc, whole, both, ""))


def clean_base_url(text: str) -> tuple[str, tuple[str, ...]]:
    """Cleans a base URL: without quotes, trailing slash and endpoint path; also returns what was corrected.

    Raises:
        ConfigError: it is not usable; the message continues a sentence ("has no scheme: ...").
    """
    text = _unquoted(text.strip())
    parts = _split(text)
    warnings: list[str] = []
    if parts.fragment:
        warnings.append(f"the part of base_url after # was removed: {'#' + parts.fragment!r}")
    path = parts.path.rstrip("/")
    cut = _endpoint_cut(path)
    if cut is not None:
        warnings.append(f"base_url held the path of an endpoint, which was removed: {path[cut:]!r}")
        path = path[:cut].rstrip("/")
    return urlunsplit((parts.scheme.lower(), parts.netloc, path, parts.query, "")), tuple(warnings)


def _unquoted(text: str) -> str:
    """The text without the pair of quotes around it, which `docker --env-file` and others keep."""
    quoted = len(text) > 2 and ((text[0] == text[-1] and text[0] in "\"'") or text[0] + text[-1] in ("\u201c\u201d",))
    return text[1:-1].strip() if quoted else text


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is the check
    except ValueError as error:
        raise ConfigError(f"is not a web address: {error}") from error
    if "@" in parts.netloc:
        raise ConfigError(
            "holds a user name or password: remove it and give the key as api_key, api_key_env or a header"
        )
    if _SPACE_OR_CONTROL.search(text):
        raise ConfigError("holds white space, a backslash or a control character")
    if parts.scheme.lower() not in ("http", "https"):
        hint = ""
        if _SCHEMELESS.match(text):
            scheme = "http" if _OWN_MACHINE.match(text) else "https"
            hint = f": write {f'{scheme}://{text}'!r}"
        raise ConfigError(f"does not begin with https:// or http://{hint}")
    if not parts.hostname:
        raise ConfigError("names no host")
    return parts


def _endpoint_cut(path: str) -> int | None:
    for endpoint in _ENDPOINTS:
        if path.lower().endswith("/" + endpoint):
            return len(path) - len(endpoint) - 1
    if found := _GEMINI_METHOD.search(path):
        return found.start()
    return len(path) - len("/models") if _VERSIONED_LIST.search(path.lower()) else None


def without_query(url: str) -> str:
    """A URL without its query, which may contain a key."""
    return url.partition("?")[0]


def same_host(one: str, other: str) -> bool:
    """Whether two URLs have the same host and port, so that a key for one may be sent to the other."""
    return _place(one) == _place(other)


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)


def is_of(host: str, hosts: Sequence[str]) -> bool:
    """Whether a host is one of these, or below one."""
    return any(host == own or host.endswith("." + own) for own in hosts)


def same_origin(one: str, other: str) -> bool:
    """Whether two URLs have the same scheme, host and port, and neither contains a user name."""
    try:
        here, there = urlsplit(one), urlsplit(other)
        alike = (here.scheme, _place(one)) == (there.scheme, _place(other))
    except ValueError:
        return False
    return alike and "@" not in here.netloc + there.netloc


def may_have_key(url: str, base_url: str, hosts: Sequence[str] = ()) -> bool:
    """Whether the provider's key may be sent to `url`: to its own origin, or over https to a host of the same vendor.

    The vendor's hosts count only where the base URL itself is one of them: a reseller's key never goes to the vendor.
    """
    if same_origin(url, base_url):
        return True
    try:
        there, here = urlsplit(url), urlsplit(base_url)
        port = there.port
    except ValueError:
        return False
    at_vendor = is_of(here.hostname or "", hosts) and is_of(there.hostname or "", hosts)
    return at_vendor and there.scheme == "https" and port in (None, 443) and "@" not in there.netloc
