"""What the interface answers, in all the shapes it has been seen in: rows, ids, numbers, failures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from calsync.model.errors import Later, Refused

Row = Mapping[str, Any]

#: Names under which a record's id comes (1.3, 1.4).
_IDS = ("crmid", "id", "record_id")

_WORD = re.compile(r"[a-z]+")

#: Of what an error says, only these words are repeated: the rest may be what somebody has written.
_VOCABULARY = frozenset(
    [
        "access",
        "api",
        "bad",
        "date",
        "deleted",
        "denied",
        "disabled",
        "error",
        "exceeded",
        "expired",
        "field",
        "format",
        "forbidden",
        "found",
        "internal",
        "invalid",
        "key",
        "limit",
        "locked",
        "login",
        "mandatory",
        "method",
        "missing",
        "module",
        "no",
        "not",
        "parameter",
        "permission",
        "post",
        "record",
        "required",
        "server",
        "session",
        "too",
        "many",
        "type",
        "unauthorised",
        "unauthorized",
        "unknown",
        "unsupported",
        "use",
        "value",
        "wrong",
    ]
)

#: How long to wait before a refused key is tried again: only a person can change it.
KEY_PAUSE_SECONDS = 300.0
LIMIT_PAUSE_SECONDS = 60.0


class Rejected(Refused):
    """The interface answered with an error of its own, inside of HTTP 200 (1.1)."""


class NoEntry(Later):
    """The credentials are not taken."""


def parse(method: str, status: int, body: bytes, after: float | None) -> Any:
    """Return the JSON value of an answer; `after`: seconds that its Retry-After asks for.

    The body comes first, then the status (1.1): errors come with 200, and a firewall answers in HTML. Raises Later,
    NoEntry for credentials that are not taken, Rejected for an error of the interface itself.
    """
    if status in (408, 425, 429) or status >= 500:
        raise Later(f"CRM {method}: HTTP {status}", after)
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Later(
            f"CRM {method}: HTTP {status} without JSON: a firewall, or not the address of the interface"
        ) from None
    if isinstance(answer, dict) and answer.get("error"):
        raise _failure(method, str(answer["error"]))
    if status in (401, 403):
        raise NoEntry(f"CRM {method}: HTTP {status}; {_KEY_HINT}", KEY_PAUSE_SECONDS)
    if status != 200:
        raise Later(f"CRM {method}: HTTP {status}")
    return answer


_KEY_HINT = "check crm.opencrm.key_file and crm.opencrm.passkey_file, and whether the API is enabled"


def _failure(method: str, text: str) -> Refused | Later:
    """Return what an error text means."""
    words = " ".join(word for word in _WORD.findall(text.lower()[:300]) if word in _VOCABULARY)
    if "unauthori" in words or "invalid key" in words:
        return NoEntry(f"CRM {method}: {words}; {_KEY_HINT}", KEY_PAUSE_SECONDS)
    if "limit" in words or "too many" in words:
        return Later(f"CRM {method}: {words}", LIMIT_PAUSE_SECONDS)
    return Rejected(f"CRM {method}: {words or 'an error in words of its own'}")


def retry_after(header: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110 10.2.3), None without a usable one."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - now).total_seconds())
    except (ValueError, TypeError):
        return None


def rows_of(method: str, answer: Any) -> list[Row]:
    """Return the rows of a list: also a single one without its list, and none in any shape (1.3). Raises Later."""
    if not answer:
        return []
    if isinstance(answer, dict):
        answer = [answer]
    if isinstance(answer, list) and all(isinstance(row, dict) and id_of(row) for row in answer):
        return list(answer)
    raise Later(f"CRM {method}: an answer that is no list of records")


def id_of(row: Row) -> str:
    """Return the id of a record as digits; "" when it has none."""
    return next((number for name in _IDS if (number := digits(row.get(name)))), "")


def digits(value: Any) -> str:
    """Return a whole number, also a quoted one, as digits; "" for anything else."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if text.isascii() and text.isdigit() else ""


def number_of(method: str, answer: Any) -> int:
    """Return a count, which may be quoted (1.3); Later for anything else."""
    if not digits(answer):
        raise Later(f"CRM {method}: an answer that is no number")
    return int(digits(answer))


def edited_id(answer: Any) -> str:
    """Return the id that a write answers, in any of its shapes (1.4); "" when it says none."""
    found = id_of(answer) if isinstance(answer, dict) else digits(answer)
    return "" if found == "0" else found


def text_of(row: Row, name: str) -> str:
    """Return a field as text; "" for one that is null, absent, or not asked for."""
    value = row.get(name) if name else None
    return "" if value is None else str(value)
