"""`python -m calsync.sandbox.vtiger`: the stand-in as a process, which prints one JSON line when it is ready."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading

from calsync.sandbox.vtiger.server import Server


def main() -> int:
    """Serve until SIGTERM or SIGINT; nothing survives the end."""
    parser = argparse.ArgumentParser(prog="python -m calsync.sandbox.vtiger", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    options = parser.parse_args()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with Server(options.host, options.port).start() as server:
        print(json.dumps({"url": server.url, "pid": os.getpid()}), flush=True)
        stopping.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
