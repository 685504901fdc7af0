"""The state of one call across its requests: learned repairs, deadlines, statistics; used by `client.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import anyio

from anymodel_mcp.config import ProviderSettings
from anymodel_mcp.types import CallStats, Delta
from anymodel_mcp.wire.exchange import ResponseHead
from anymodel_mcp.wire.failures.repair_steps import Repair

OnDeltas = Callable[[Sequence[Delta]], None]


def ignore_deltas(_: Sequence[Delta]) -> None:
    """Used by calls whose deltas are not streamed."""


class LearnedRepairs:
    """Repairs learned from refusals, per provider and model; kept in memory, and stored through `on_learn`."""

    def __init__(self, on_learn: Callable[[str, str, Repair], None] | None = None) -> None:
        self._known: dict[tuple[str, str], tuple[Repair, ...]] = {}
        self._on_learn = on_learn

    def known(self, provider: str, model: str) -> tuple[Repair, ...]:
        """Returns the repairs for this model's requests, oldest first."""
        return self._known.get((provider, model), ())

    def learn(self, provider: str, model: str, repair: Repair, *, tell: bool = True) -> None:
        """Remembers a repair that worked."""
        known = self.known(provider, model)
        if repair not in known:
            self._known[provider, model] = (*known, repair)
            if tell and self._on_learn:
                self._on_learn(provider, model, repair)


@dataclass(slots=True)
class CallState:
    """The state of one call over all its requests."""

    model: str
    on_deltas: OnDeltas
    started: float
    ends: float
    requests: int = 0
    body_bytes: int = 0
    first_delta_s: float | None = None
    head: ResponseHead | None = None
    key: str | None = field(default=None, repr=False)
    key_renewed: bool = False
    repairs: list[Repair] = field(default_factory=list["Repair"])
    warnings: list[str] = field(default_factory=list[str])

    def deliver(self, deltas: Sequence[Delta]) -> bool:
        """Passes deltas on; true if they contain text or reasoning."""
        if not deltas:
            return False
        if self.first_delta_s is None:
            self.first_delta_s = round(anyio.current_time() - self.started, 3)
        self.on_deltas(deltas)
        return True

    def stats(self, warnings: Sequence[str]) -> CallStats:
        """The statistics of the requests, with `warnings` appended."""
        headers: Mapping[str, str] = self.head.headers if self.head else {}
        return CallStats(
            attempts=self.requests,
            first_delta_s=self.first_delta_s,
            duration_s=round(anyio.current_time() - self.started, 3),
            request_id=next((headers[n] for n in ("x-request-id", "request-id") if headers.get(n)), None),
            rate_limit=_rate_limit(headers),
            warnings=tuple(dict.fromkeys((*self.warnings, *warnings))),
        )


def _rate_limit(headers: Mapping[str, str]) -> dict[str, str]:
    start = "x-ratelimit-"
    return {k.removeprefix(start).replace("-", "_"): v[:80] for k, v in headers.items() if k.startswith(start)}


class ResponseDeadline:
    """The three timeouts of a response as one moving deadline; a context manager that records which one fired."""

    def __init__(self, provider: ProviderSettings, state: CallState) -> None:
        self._provider, self._state = provider, state
        first = anyio.current_time() + provider.first_byte_timeout_s
        self._reason = f"no answer within {provider.first_byte_timeout_s:g} s (first_byte_timeout_s)"
        self._scope = anyio.CancelScope(deadline=min(first, state.ends))

    @property
    def fired(self) -> bool:
        """Whether a timeout ended the request."""
        return self._scope.cancelled_caught

    @property
    def reason(self) -> str:
        """The timeout that the current deadline comes from."""
        if self._scope.deadline >= self._state.ends:
            return f"the call took longer than {self._provider.total_timeout_s:g} s (total_timeout_s)"
        return self._reason

    def heard(self) -> None:
        """The answer has begun: from now on the idle timeout applies."""
        self._reason = f"no data for {self._provider.idle_timeout_s:g} s in the middle of the answer (idle_timeout_s)"
        self._scope.deadline = min(anyio.current_time() + self._provider.idle_timeout_s, self._state.ends)

    def __enter__(self) -> ResponseDeadline:
        self._scope.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._scope.__exit__(kind, exc, trace)
