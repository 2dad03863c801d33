"""`python -m calsync.sandbox.demo`: see `scripts/demo`."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

from calsync.sandbox.demo.first import add_first_events
from calsync.sandbox.demo.once import round_trip
from calsync.sandbox.demo.page import DemoServer
from calsync.sandbox.opencrm.workplace import Tenancy
from calsync.sandbox.stage import Stage, StageError
from calsync.sandbox.vtiger.workplace import Vtiger
from calsync.sandbox.workplace import Embedded, Workplace

CRMS: dict[str, Callable[[], Workplace]] = {"builtin": Embedded, "opencrm": Tenancy, "vtiger": Vtiger}
PEOPLE = ("ana", "bob")
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Ctrl-C, or another wish to end: everything that was started is ended on the way out."""


def main() -> int:
    """Run the demo; exit code 0 when all went well, 130 when the round trip was broken off."""
    options = _options()
    for number in _STOPS:
        signal.signal(number, _stop)
    try:
        with tempfile.TemporaryDirectory(prefix="calsync-demo-") as directory:
            made = Stage(Path(directory), {"poll_seconds": 2}, CRMS[options.crm]())
            return _play(made, options.once, options.port)
    except StageError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except Stopped:
        return 130


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="calsync at work, on this machine alone."
    )
    parser.add_argument(
        "--once", action="store_true", help="one scripted round trip, then a table, then exit"
    )
    parser.add_argument(
        "--crm", default="builtin", metavar="NAME", help=f"which CRM stand-in: {' or '.join(CRMS)}"
    )
    parser.add_argument("--port", type=int, default=0, help="port of the page; 0 picks a free one")
    options = parser.parse_args()
    if options.crm not in CRMS:
        parser.error(f"--crm: {options.crm!r} is not available in this version; there is: {', '.join(CRMS)}")
    return options


def _stop(_number: int, _frame: FrameType | None) -> None:
    for number in _STOPS:  # a second Ctrl-C must not disturb the tidying up
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


def _play(made: Stage, once: bool, port: int) -> int:
    with made as stage:
        print("starting the stand-ins and the daemon ...", file=sys.stderr)
        stage.start_daemon()
        with ThreadPoolExecutor() as pool:
            list(pool.map(stage.add_person, PEOPLE))
        if once:
            return round_trip(stage)
        add_first_events(stage)
        for user in PEOPLE:
            stage.connect(user)
        _show(stage, port)
    return 0


def _show(stage: Stage, port: int) -> None:
    """Serve the page until somebody wants to stop."""
    server = DemoServer(stage, port)
    server.start()
    print(f"both calendars, side by side: {server.url}\nCtrl-C ends the demo", flush=True)
    with contextlib.suppress(Stopped):
        threading.Event().wait()
    print("\nstopping ...", file=sys.stderr)
    server.stop()


if __name__ == "__main__":
    sys.exit(main())
