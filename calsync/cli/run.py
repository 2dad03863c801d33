"""`calsync run`: the daemon."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from calsync.cli import Context, UserError

if TYPE_CHECKING:
    import uvicorn

    from calsync.daemon import Daemon
    from calsync.wiring import Parts


@click.command()
@click.option(
    "--role",
    type=click.Choice(["all", "web", "scheduler", "worker"]),
    default="all",
    show_default=True,
    help="What this process does.",
)
@click.pass_obj
def run(context: Context, role: str) -> None:
    """Run the daemon until SIGTERM.

    Example: calsync run
    """
    from calsync.config import ConfigError

    context.chatty = True
    parts = context.parts()
    if parts.interlock:
        raise UserError(parts.interlock)
    try:
        _ = parts.oauth
    except ConfigError as error:
        raise UserError(str(error)) from None
    with ExitStack() as stack:
        if role != "web":
            _alone(stack, parts)
        _serve(parts, role)


def _alone(stack: ExitStack, parts: Parts) -> None:
    """Hold the daemon's lock: a second one on the same state ends at once."""
    from calsync.store.locks import Held, holding

    try:
        stack.enter_context(holding(parts.state_dir / "locks", "daemon"))
    except Held:
        raise UserError("another daemon is running on this database; stop it first") from None


def _serve(parts: Parts, role: str) -> None:
    import structlog

    from calsync.daemon import Daemon, wait_for_signal

    daemon = Daemon(parts) if role != "web" else None
    server = _web_server(parts, daemon) if role in ("all", "web") else None
    if daemon is not None:
        daemon.start()
    structlog.get_logger().info("running", role=role)
    wait_for_signal()
    if server is not None:
        server.should_exit = True
    drained = daemon is None or daemon.stop()
    parts.close()
    if not drained:
        # Python would wait for threads that wait for the network, longer than whoever stops us allows.
        sys.stderr.flush()
        os._exit(0)


def _web_server(parts: Parts, daemon: Daemon | None) -> uvicorn.Server:
    """Start the web server in a thread and wait until it answers."""
    import uvicorn

    from calsync.web.app import create_app
    from calsync.web.server import serving
    from calsync.web.visitors import Truncated

    door = _listen(parts.settings.web.listen)
    ticked = daemon.seconds_since_tick if daemon is not None else lambda: 0.0
    application = Truncated(create_app(parts, ticked), parts)
    server = uvicorn.Server(serving(application, parts.settings))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.run, args=([door],), name="web", daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.02)
    return server


def _listen(place: str) -> socket.socket:
    """Take the port; a mistake or a taken port ends the program before anything runs."""
    host, _, port = place.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family, backlog=256)
    except OSError as error:
        cause = error.strerror or type(error).__name__
        raise UserError(f"web.listen: cannot listen on {place} ({cause}); is the port taken?") from None
