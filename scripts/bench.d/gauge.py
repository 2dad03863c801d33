"""What a piece of work costs this process: time, CPU, memory and database statements."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from calsync.question import Question


class Gauge:
    """Adds up what happens within `measuring`; everything else in the process does not count."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        self.peak_kib = 0
        self.statements = self.rows = 0
        self._on = False

    @contextmanager
    def measuring(self) -> Iterator[None]:
        _forget_peak()
        wall, cpu, self._on = time.perf_counter(), _cpu(), True
        try:
            yield
        finally:
            self._on = False
            self.cpu += _cpu() - cpu
            self.wall += time.perf_counter() - wall
            self.peak_kib = max(self.peak_kib, _memory("VmHWM"))

    def watch(self, engine: Engine) -> None:
        """Count what SQLAlchemy and `Question` send: statements, and rows of parameters that go with them."""
        event.listen(engine, "before_cursor_execute", self._count)
        ask = Question.ask

        def asking(question: Question, engine: Engine, **values: Any) -> list[tuple[Any, ...]]:
            self._count(None, None, "", (), None, False)
            return ask(question, engine, **values)

        Question.ask = asking  # type: ignore[method-assign]

    def _count(
        self, _connection: Any, _cursor: Any, _statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        if self._on:
            self.statements += 1
            self.rows += len(parameters) if many else 1


def _cpu() -> float:
    """User and system seconds of this process; SQLite works inside it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory(name: str) -> int:
    """A line of /proc/self/status, in KiB; without one, the peak since the process began."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _forget_peak() -> None:
    """Let the kernel's high-water mark begin anew."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
