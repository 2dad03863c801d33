"""`python -m calsync.sandbox.opencrm`: the stand-in as a process; prints one JSON line when it is ready."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from calsync.sandbox.opencrm.server import Server
from calsync.sandbox.opencrm.switches import PROFILES

SAVE_SECONDS = 0.5


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m calsync.sandbox.opencrm", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--state", type=Path, help="file in which the state survives a restart")
    parser.add_argument(
        "--profile", choices=tuple(PROFILES), default="rich", help="what a new tenant is like"
    )
    options = parser.parse_args()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        made = Server(options.host, options.port, options.state, options.profile)
    except (TypeError, OSError) as error:
        parser.error(str(error))
    with made.start() as server:
        print(json.dumps({"url": server.url, "pid": os.getpid()}), flush=True)
        while not stopping.wait(SAVE_SECONDS):
            if server.dirty:
                server.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
