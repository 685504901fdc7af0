"""Finds results, progress and failure reasons in answers of media services if their row does not name the fields."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

from anymodel_mcp.dialects.jobs.row import JobRow
from anymodel_mcp.wire.decode.json_values import as_number, as_object
from anymodel_mcp.wire.jobs.paths import first_at, read_path

_WORDS = (
    "fail_reason",
    "failReason",
    "failure",
    "failure_reason",
    "task_status_msg",
    "error.message",
    "error.msg",
    "error",
    "message",
    "msg",
    "ErrMsg",
    "err_code",
    "reason",
    "description",
    "detail",
    "status_msg",
)
_WORD_PLACES = ("response.error", "data", "response", "output", "Resp", "task", "base_resp", "")
_PROGRESS = ("data.progress", "progress", "output.progress", "task.progress", "percent")
_KNOWN_KEYS = re.compile(
    r"(?:.*_)?(?:url|urls|uri|sample|download_url|song_path|video_path)|(?:video|audio|image|result|download)Urls?|"
    r"output|outputs|videos|images|audios",
    re.IGNORECASE,
)
_NO_RESULT = re.compile(
    r"callback|webhook|polling|status_url|response_url|cancel|cover|thumb|notify|source|input|last_frame|stream",
    re.IGNORECASE,
)
MAX_OUTPUTS = 64
"""The most results of one job."""
_MAX_DEPTH = 12


def find_outputs(answer: Any, row: JobRow) -> list[str]:
    """The result URLs of a finished job, in order, each once."""
    if row.outputs:
        found = [v for place in row.outputs for v in read_path(answer, place) if isinstance(v, str) and v]
        return _addresses(found)
    return find_known(answer)


def find_known(answer: Any) -> list[str]:
    """Like `find_outputs`, by common key names, if the row names none or the answer has them elsewhere."""
    return _addresses(_by_known_keys(answer, "", 0))


def _addresses(found: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(v for v in found if v.startswith(("http://", "https://", "data:", "/"))))


def _by_known_keys(value: Any, name: str, depth: int) -> list[str]:
    if depth > _MAX_DEPTH:
        return []
    if isinstance(value, str):
        good = _KNOWN_KEYS.fullmatch(name) and not _NO_RESULT.search(name) and value.startswith(("http", "data:"))
        return [value] if good else []
    if isinstance(value, list):
        return [v for item in cast("list[Any]", value)[:1000] for v in _by_known_keys(item, name, depth + 1)]
    return [v for key, item in as_object(value).items() for v in _by_known_keys(item, key, depth + 1)]


def find_progress(answer: Any) -> int | None:
    """The progress as 0 to 100; `None` = not known."""
    value = first_at(answer, *_PROGRESS)
    text = value.strip() if isinstance(value, str) else value
    number = as_number(text[:-1] if isinstance(text, str) and text.endswith("%") else text)
    if number is None or number < 0:
        return None
    return min(round(number * 100 if isinstance(value, float) and number <= 1 else number), 100)


def find_reason(answer: Any) -> str:
    """The vendor's message for a failure."""
    for place in _WORD_PLACES:
        for name in _WORDS:
            value = first_at(answer, f"{place}.{name}" if place else name)
            if isinstance(value, str) and value.strip() and value.strip().lower() not in ("success", "succeed", "ok"):
                return value.strip()
    found = first_at(answer, "details.Moderation Reasons[]", "detail[].msg", "songs[].error_detail", "error.code")
    return str(found) if found is not None else ""
