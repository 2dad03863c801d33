"""What Google's error answers mean for the engine (Calendar API: Handle API errors).

Two envelopes are in use: the Calendar backend's `errors[]` with domain and reason, and the front end's
`status` with `details[]`. Reasons are codes, never content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from calsync.model.errors import (
    CalendarLost,
    ConsentLost,
    CursorExpired,
    KeyTaken,
    Later,
    Refused,
    SideError,
    Spent,
    Stale,
)

_SLOW_DOWN = frozenset({"userRateLimitExceeded", "rateLimitExceeded"})
_QUOTA = frozenset({"quotaExceeded", "dailyLimitExceeded"})
_CONSENT = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "PERMISSION_DENIED"})
_PROJECT = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})

#: Calendar use limits come back after hours: hammering extends them.
QUOTA_PAUSE_SECONDS = 3600.0


#: How the message begins when Google does not know a zone; its reason is no more than "invalid".
_ZONE = b"Invalid time zone definition"


class ZoneRefused(Refused):
    """Google does not know the time zone that a body names."""


def reason_of(content: bytes) -> str:
    """Return the reason code of an error body, or "" when it has none."""
    try:
        error = orjson.loads(content).get("error")
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    if isinstance(error, str):
        return error
    return _reason(error) if isinstance(error, dict) else ""


def _reason(error: dict[str, Any]) -> str:
    for part in [*(error.get("errors") or []), *(error.get("details") or [])]:
        if isinstance(part, dict) and isinstance(part.get("reason"), str):
            return str(part["reason"])
    return str(error.get("status", ""))


def failure(operation: str, status: int, content: bytes, headers: Mapping[str, str]) -> SideError:
    """Return what a failed request means; `operation` is e.g. "events.list"."""
    reason = reason_of(content)
    text = f"Google {operation}: {status} {reason}".rstrip()
    if status in (429, 408) or status >= 500:
        return Later(text, _retry_after(headers))
    if status == 403:
        return _forbidden(operation, reason, text, headers)
    if status == 401:
        return ConsentLost(text)
    if status == 404:
        return CalendarLost(text) if operation in ("events.list", "events.insert") else Stale(text)
    if status == 410:
        return CursorExpired(text) if operation == "events.list" else Stale(text)
    if status == 400 and operation == "events.list":
        return CursorExpired(text)
    if status == 400 and _ZONE in content:
        return ZoneRefused(text)
    meanings: dict[int, type[SideError]] = {409: KeyTaken, 412: Stale}
    return meanings.get(status, Refused)(text)


def _forbidden(operation: str, reason: str, text: str, headers: Mapping[str, str]) -> SideError:
    if reason in _SLOW_DOWN:
        return Later(text, _retry_after(headers))
    if reason in _QUOTA:
        return Spent(text, QUOTA_PAUSE_SECONDS)
    if reason in _PROJECT:
        return Later(text, QUOTA_PAUSE_SECONDS)
    if reason in _CONSENT:
        return ConsentLost(text)
    return CalendarLost(text) if operation == "events.list" else Refused(text)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return float(headers.get("retry-after", ""))
    except ValueError:
        return None
