"""Logging: only declared keys, no content, no addresses, no tokens.

JSON lines when stderr is not a terminal. Library messages go the same way, with everything that could be
private taken out; exceptions are logged as class names and places, without messages and locals.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

#: Keys that may be logged. Ids, codes and counts only; `user` is a CRM login.
ALLOWED = frozenset(
    [
        "event",
        "level",
        "timestamp",
        "logger",
        "account",
        "user",
        "by",
        "run",
        "side",
        "link",
        "outcome",
        "reason",
        "status",
        "operation",
        "count",
        "seconds",
        "google_created",
        "google_updated",
        "google_deleted",
        "crm_created",
        "crm_updated",
        "crm_deleted",
        "conflicts",
        "quarantined",
        "held_back",
        "failed",
        "calls",
        "error",
        "where",
        "reference",
        "port",
        "workers",
        "role",
        "pid",
        "state",
        "method",
        "path_template",
        "due",
        "erasure",
        "step",
        "request",
        "kind",
        "day",
        "head",
        "version",
    ]
)

_PRIVATE = re.compile(
    r"[^\s@<>\"']+(?:@|%40)[^\s@<>\"']+|%40|ya29\.\S+|1//\S+|4/0\S+|GOCSPX-\S+|eyJ[\w-]+\S*|Bearer\s+\S+"
    r"|https?://\S+|\b[A-Za-z0-9_-]{40,}\b"
)


def scrub(text: str) -> str:
    """Return text without anything that looks like an address, a URL or a token."""
    return _PRIVATE.sub("[removed]", text)


def places(error: BaseException) -> list[str]:
    """Return where an exception came from, innermost last: files, lines and functions, nothing else."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}" for frame in frames][
        -8:
    ]


def _only_allowed(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    error = event.pop("exc_info", None)
    if error:
        exception = sys.exc_info()[1] if error is True else error
        event.update(_described(exception if isinstance(exception, BaseException) else None))
    return {
        key: value if key == "timestamp" else _plain(value) for key, value in event.items() if key in ALLOWED
    }


def _plain(value: object) -> object:
    """Return a value that may be logged: scrubbed text, numbers, and lists of them; of others, the type."""
    if isinstance(value, str):
        return scrub(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return type(value).__name__


def _described(error: BaseException | None) -> dict[str, Any]:
    return {} if error is None else {"error": type(error).__name__, "where": places(error)}


class _LibraryHandler(logging.Handler):
    """Passes on library warnings as logger name and level: their texts may hold URLs with addresses."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.log(
            record.levelno,
            "library",
            logger=record.name,
            **_described(record.exc_info[1] if record.exc_info else None),
        )


def _log_dead_thread(event: threading.ExceptHookArgs) -> None:
    structlog.get_logger().error("thread died", exc_info=event.exc_value)


def configure(verbose: bool = False, chatty: bool = True) -> None:
    """Set up logging to stderr for this process; what is not `chatty` tells of trouble only."""
    level = logging.DEBUG if verbose else logging.INFO if chatty else logging.WARNING
    terminal = sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_allowed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    threading.excepthook = _log_dead_thread
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [_LibraryHandler(level=logging.WARNING)]
    root.setLevel(logging.WARNING)
