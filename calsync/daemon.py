"""The daemon: a clock that finds who is due, and a bounded pool in which their rounds run."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor as ClockExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sdnotify import SystemdNotifier
from sqlalchemy.exc import SQLAlchemyError

from calsync.delivery import deliver
from calsync.engine import finish_disconnect, run_account, turn
from calsync.expiry import clean_up_consent
from calsync.rights import upkeep
from calsync.rights.erasure import go_on_with_all
from calsync.store import accounts
from calsync.store.accounts import State
from calsync.store.database import reading, writing
from calsync.store.locks import Held, holding
from calsync.store.quiet import QuietRounds
from calsync.wiring import Parts
from calsync.wishes import put_back_wished

log = structlog.get_logger()

SWEEP_SECONDS = 1.0
EXPIRE_SECONDS = 5.0
DRAIN_SECONDS = 15.0

#: A round that dies must not be tried again at once: the account is pushed ahead before it starts.
_PUSH_AHEAD = timedelta(seconds=15)
_AFTER_BUG = timedelta(minutes=5)
_BROKE_DOWN = "the last round broke down; the daemon's log says where"
_FINISH_AGAIN = timedelta(seconds=15)


class Daemon:
    """Runs rounds for accounts that are due; `run` returns when it was told to stop."""

    def __init__(self, parts: Parts) -> None:
        """Nothing runs yet."""
        self.parts = parts
        self._pool = ThreadPoolExecutor(parts.settings.daemon.workers, "round")
        self._running: set[int] = set()
        self._quiet = QuietRounds()
        self._guard = threading.Lock()
        self._wake_cursor = ""
        self._ticked = time.monotonic()
        self._systemd = SystemdNotifier()

    def seconds_since_tick(self) -> float:
        """Return how long ago the clock last ran."""
        return time.monotonic() - self._ticked

    def start(self) -> None:
        """Start the clock."""
        self._clock = BackgroundScheduler(
            executors={"default": ClockExecutor(4)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        now = self.parts.clock()
        self._clock.add_job(self._sweep, "interval", seconds=SWEEP_SECONDS, next_run_time=now)
        self._clock.add_job(self._expire, "interval", seconds=EXPIRE_SECONDS)
        self._clock.add_job(self._tell, "interval", seconds=EXPIRE_SECONDS)
        self._clock.add_job(self._forget, "interval", hours=1, next_run_time=now)
        self._clock.start()
        self._systemd.notify("READY=1\nSTATUS=syncing")

    def stop(self) -> bool:
        """Let running rounds come to the end of their batch, then stop; False when something still waits.

        Takes at most DRAIN_SECONDS. What still waits then, for an answer that does not come, has written down
        its intent, so that nothing is lost when the process ends.
        """
        self._systemd.notify("STOPPING=1\nSTATUS=finishing running rounds")
        self.parts.stopping.set()
        deadline = time.monotonic() + DRAIN_SECONDS
        # Its jobs talk to Google and the CRM too, and may wait as long as a round.
        ending = threading.Thread(target=self._clock.shutdown, name="clock-end", daemon=True)
        ending.start()
        ending.join(DRAIN_SECONDS)
        self._pool.shutdown(wait=False, cancel_futures=True)
        while self._running and time.monotonic() < deadline:
            time.sleep(0.05)
        with suppress(SQLAlchemyError):  # it costs nothing but another look
            self._quiet.write(self.parts.engine)
        log.info("stopped", count=len(self._running))
        return not self._running and not ending.is_alive()

    def _sweep(self) -> None:
        """Find accounts that are due and hand them to free workers."""
        try:
            self._wake_changed()
            # Who ends only now has left something that is not written yet, and waits for the next sweep.
            busy = self._busy()
            self._quiet.write(self.parts.engine)
            free = self.parts.settings.daemon.workers - len(busy)
            if free > 0:
                self._hand_out(free, busy)
        except Exception as error:  # the clock goes on whatever happens
            log.error("sweep failed", exc_info=error)
        else:
            self._ticked = time.monotonic()
            self._systemd.notify("WATCHDOG=1")

    def _wake_changed(self) -> None:
        users, self._wake_cursor = self.parts.crm.wakes(self._wake_cursor)
        if users:
            with writing(self.parts.engine) as connection:
                accounts.wake(connection, users, self.parts.clock())

    def _busy(self) -> frozenset[int]:
        with self._guard:
            return frozenset(self._running)

    def _hand_out(self, free: int, busy: frozenset[int]) -> None:
        now = self.parts.clock()
        with reading(self.parts.engine) as connection:
            found = accounts.due(connection, now, free + len(busy))
        chosen = [account_id for account_id in found if account_id not in busy][:free]
        with self._guard:
            self._running.update(chosen)
        if not chosen:
            return
        with writing(self.parts.engine) as connection:
            for account_id in chosen:
                accounts.push_back(connection, account_id, now + _PUSH_AHEAD)
        for account_id in chosen:
            self._pool.submit(self._work, account_id)

    def _work(self, account_id: int) -> None:
        try:
            if not self.parts.interlock and not self._finish(account_id):
                put_back_wished(self.parts, account_id)
                run_account(self.parts, account_id, turn(), wait=0.0, quiet=self._quiet)
        except Exception as error:  # one account's bug must not touch the others
            log.error("round failed", account=account_id, exc_info=error)
            until = self.parts.clock() + _AFTER_BUG
            with writing(self.parts.engine) as connection:
                accounts.change(connection, account_id, due_at=until, reason=_BROKE_DOWN)
        finally:
            with self._guard:
                self._running.discard(account_id)

    def _finish(self, account_id: int) -> bool:
        """Go on with a disconnection that could not be finished; False when there is none."""
        account = accounts.look(self.parts.engine, self.parts.vault, account_id)
        if account is None or account.state is not State.FINISHING:
            return False
        google_copies, _, crm_copies = account.copies.partition(" ")
        try:
            with holding(self.parts.state_dir / "locks", f"account-{account_id}"):
                done = finish_disconnect(self.parts, account, google_copies, crm_copies).state
        except Held:
            log.info("disconnect waits", account=account_id)
            done = State.FINISHING
        if done is State.FINISHING:
            with writing(self.parts.engine) as connection:
                accounts.push_back(connection, account_id, self.parts.clock() + _FINISH_AGAIN)
        return True

    def _forget(self) -> None:
        try:
            if not self.parts.interlock:
                upkeep.hourly(self.parts)
        except Exception as error:  # the clock goes on whatever happens
            log.error("upkeep failed", exc_info=error)

    def _tell(self) -> None:
        """Mail what waits: apart from the rest, since a mail server that does not answer takes its time."""
        try:
            if not self.parts.interlock:
                deliver(self.parts)
        except Exception as error:  # the clock goes on whatever happens
            log.error("mail waits", exc_info=error)

    def _expire(self) -> None:
        """Withdraw grants that were never confirmed; stop writing when the database was adopted elsewhere."""
        try:
            known = self.parts.interlock
            self.parts.check_interlock()
            if self.parts.interlock:
                if not known:
                    log.error("nothing is written any more", reason=self.parts.interlock)
                return
            clean_up_consent(self.parts)
            go_on_with_all(self.parts)
        except Exception as error:  # the clock goes on whatever happens
            log.error("clean-up of consent failed", exc_info=error)


def wait_for_signal() -> None:
    """Block until SIGTERM or SIGINT."""
    stopping = threading.Event()

    def stop(*_: Any) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    while not stopping.wait(0.5):
        pass
