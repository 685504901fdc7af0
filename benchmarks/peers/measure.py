"""What is measured of each server; every figure has a bound in count and in time."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers import upstream as up
from benchmarks.peers.roster import EMPTY, Server
from benchmarks.peers.session import CALL_S, NoAnswerError, Session
from benchmarks.peers.upstream import BenchUpstream

WARM_CALLS = 10
BLOCKS = 12
AFTER_START_S = 1.5
"""Until the work that a server does after its first answers is done."""
NO = "no"


@dataclass(slots=True, kw_only=True)
class Record:
    """What was found of one server; a row's name to a number (in its unit), "no", or what went wrong."""

    server: Server
    versions: str = ""
    figures: dict[str, float | str] = field(default_factory=dict[str, float | str])
    starts: list[float] = field(default_factory=list[float])
    chats: list[float] = field(default_factory=list[float])

    @property
    def asks(self) -> bool:
        """Whether it asks an upstream at all."""
        return self.server.key != EMPTY


class Bench:
    """Measures servers against one upstream.

    Attributes:
        node: the Node that npm's servers run on.
        until: on the monotonic clock; what has not begun by then is left out.
    """

    def __init__(self, upstream: BenchUpstream, node: Path | None, until: float) -> None:
        self._upstream = upstream
        self._node = node
        self._until = until

    def measure_starts(self, records: Sequence[Record], count: int) -> None:
        """Start to tools/list, turn by turn, so that a busy moment of the machine meets every server."""
        for turn in range(count + 1):
            for record in records:
                with self._kept(record, "start"), self._session(record) as session:
                    listed = session.open()
                    if turn:  # the first start of all warms the file cache
                        record.starts.append(listed.at - session.started)
        for record in records:
            if record.starts:
                record.figures["start"] = statistics.median(record.starts) * 1000

    def measure_chats(self, records: Sequence[Record], calls: int) -> None:
        """The list's bytes, idle memory, the first chat and many: all servers open, block by block in turn."""
        with contextlib.ExitStack() as stack:
            sessions: list[tuple[Record, Session]] = []
            for record in records:
                with self._kept(record, "list"):
                    session = stack.enter_context(self._session(record))
                    listed = session.open()
                    record.figures["list"], record.figures["tools"] = listed.size, len(listed.result["tools"])
                    sessions.append((record, session))
            time.sleep(AFTER_START_S)
            for record, session in sessions:
                record.figures["memory"] = session.rss_mib() or "not known here"
            for record, session in sessions:
                with self._kept(record, "first"):
                    record.figures["first"] = self._chat_s(record, session) * 1000
                    for _ in range(WARM_CALLS):
                        self._chat_s(record, session)
            self._run_blocks([pair for pair in sessions if isinstance(pair[0].figures["first"], float)], calls)

    def _run_blocks(self, sessions: Sequence[tuple[Record, Session]], calls: int) -> None:
        for _ in range(BLOCKS):
            for record, session in sessions:
                with self._kept(record, "p50"):
                    record.chats += [self._chat_s(record, session) for _ in range(max(1, calls // BLOCKS))]
        for record, _ in sessions:
            if len(record.chats) > 1:
                record.figures["p50"] = statistics.median(record.chats) * 1000
                record.figures["p99"] = statistics.quantiles(record.chats, n=100)[98] * 1000

    def measure_conduct(self, record: Record) -> None:
        """What it does with slow, refused, long and cancelled calls; a process each, for not all survive."""
        parts = {
            "pair": self._pair,
            "note": self._notes,
            "busy": self._busy,
            "long": self._long,
            "cancel": self._cancel,
        }
        for row, part in parts.items():
            with self._kept(record, row), self._session(record) as session:
                session.open()
                self._chat_s(record, session)
                self._upstream.take()
                part(record, session)

    def _pair(self, record: Record, session: Session) -> None:
        begun = time.monotonic()
        calls = [session.call(record.server.tool, _ask(record, session, up.SECOND)) for _ in range(2)]
        time.sleep(0.2)
        pinged = time.monotonic()
        ping = session.send("ping")
        last = max(session.wait(call).at for call in calls)
        record.figures["pair"] = last - begun
        record.figures["ping"] = (session.wait(ping).at - pinged) * 1000
        record.figures["streams"] = "yes" if any(seen.stream for seen in self._upstream.take()) else NO

    def _notes(self, record: Record, session: Session) -> None:
        begun = time.monotonic()
        call = session.call(record.server.tool, _ask(record, session, up.WORDS), progress=True)
        session.wait(call)
        times = [at - begun for at, _ in session.notes]
        record.figures["note"] = times[0] * 1000 if times else NO
        record.figures["notes"] = len(times)
        said = any("word" in str(note.get("message", "")) for _, note in session.notes)
        record.figures["words"] = "yes" if said else NO

    def _busy(self, record: Record, session: Session) -> None:
        begun = time.monotonic()
        answer = session.wait(session.call(record.server.tool, _ask(record, session, up.BUSY)))
        record.figures["busy"] = len(self._upstream.take())
        record.figures["busy_s"] = answer.at - begun
        record.figures["flagged"] = "yes" if answer.failed else NO

    def _long(self, record: Record, session: Session) -> None:
        answer = session.wait(session.call(record.server.tool, _ask(record, session, up.LONG)))
        record.figures["long"] = answer.size

    def _cancel(self, record: Record, session: Session) -> None:
        call = session.call(record.server.tool, _ask(record, session, up.STALL))
        session.pump(lambda: False, 0.5)
        cancelled = time.monotonic()
        session.notify("notifications/cancelled", {"requestId": call, "reason": "benchmark"})
        try:
            gone = self._gone_at(session, until=cancelled + up.STALL_S)
            record.figures["cancel"] = (gone - cancelled) * 1000 if gone else NO
            self._chat_s(record, session)
            record.figures["alive"] = "yes"
        except NoAnswerError:
            record.figures.setdefault("cancel", NO)
            record.figures["alive"] = NO

    def _gone_at(self, session: Session, until: float) -> float | None:
        """When the upstream was left; `None` if it was not by `until`, when its answer has gone out."""
        while time.monotonic() < until:
            session.pump(lambda: False, 0.25)
            if gone := [seen.gone for seen in self._upstream.peek() if seen.gone is not None]:
                return gone[0]
        return None

    def _chat_s(self, record: Record, session: Session) -> float:
        self._check_time()
        begun = time.monotonic()
        answer = session.wait(session.call(record.server.tool, _ask(record, session, up.INSTANT)))
        if answer.failed:
            raise NoAnswerError(answer.text[:200] or "an error without text")
        return answer.at - begun

    @contextlib.contextmanager
    def _session(self, record: Record) -> Generator[Session]:
        self._check_time()
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            home = Path(folder).resolve()
            record.server.prepare(home)
            env = record.server.environment(self._upstream.origin, home)
            with Session(record.server.command(self._node), env, home) as session:
                yield session

    @contextlib.contextmanager
    def _kept(self, record: Record, row: str) -> Generator[None]:
        """Keeps a failure as the row's figure: a server that cannot do something is a result."""
        try:
            yield
        except (NoAnswerError, OSError, KeyError) as exc:
            record.figures[row] = str(exc) or type(exc).__name__

    def _check_time(self) -> None:
        if time.monotonic() > self._until:
            raise NoAnswerError("not measured: the time of the run was over")


def _ask(record: Record, session: Session, prompt: str) -> dict[str, object]:
    return record.server.ask(prompt, session.folder)


__all__ = ["CALL_S", "NO", "Bench", "Record"]
