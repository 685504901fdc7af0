"""The media services, one `JobRow` each; `row.py` explains the fields.

To add a service: one row in the module of its kind. A service without a published source gets none.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from anymodel_mcp.dialects.jobs import collections, music, pictures, video
from anymodel_mcp.dialects.jobs.row import JobRow

__all__ = ["JOB_ROWS", "SERVICES", "JobRow", "find_job_row", "rows_of", "service_of_model"]

JOB_ROWS: Mapping[str, JobRow] = MappingProxyType(
    {row.name: row for row in (*music.ROWS, *pictures.ROWS, *video.ROWS, *collections.ROWS)}
)
"""All rows, by name."""

COLLECTIONS = frozenset({"acedata"})
"""Rows whose actions are services of many vendors."""

AUDIO = "audio"
"""Speech and transcription, which are no jobs."""

SERVICES: tuple[str, ...] = tuple(
    dict.fromkeys(
        [
            *(name for row in JOB_ROWS.values() for name in (row.called, row.name)),
            *(name for row in JOB_ROWS.values() if row.name in COLLECTIONS for name in row.submit if "/" not in name),
            AUDIO,
        ]
    )
)
"""What `services` of a provider may name."""


def rows_of(service: str) -> list[JobRow]:
    """The rows of a service; several rows may share one."""
    return [row for row in JOB_ROWS.values() if service in (row.called, row.name)]


def find_job_row(service: str, action: str, host: str) -> tuple[JobRow, str] | None:
    """The row for a service at a host, and the row's action; `None` = no such service.

    Of several rows the one with the action is taken, the vendor's own host first. A provider that sells many services
    under one row (Ace Data Cloud) has them as actions: `suno` with action `lyrics` is its `suno/lyrics`.

    Args:
        service: as callers name it.
        action: "" = the default.
        host: of the provider's base URL.
    """
    for row in JOB_ROWS.values():
        if _is_at(row, host) and service in row.submit:
            return row, f"{service}/{action}" if action and f"{service}/{action}" in row.submit else action or service
    rows = rows_of(service)
    rows = [row for row in rows if _is_at(row, host)] or [row for row in rows if row.prefix or not row.hosts] or rows
    row = next((row for row in rows if action in row.submit), rows[0] if rows else None)
    return (row, action) if row else None


def _is_at(row: JobRow, host: str) -> bool:
    return any(host == own or host.endswith("." + own) for own in row.hosts)


def service_of_model(model: str) -> str:
    """The service that a model name belongs to, by how it begins; "" = unknown."""
    name = model.lower()
    tail = name.rpartition("/")[2]
    for row in JOB_ROWS.values():
        if any(name.startswith(start) or tail.startswith(start) for start in row.models):
            return row.called
    return ""
