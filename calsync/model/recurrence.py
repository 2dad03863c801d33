"""Series: identity of an occurrence, rules in normal form, and how far a series reaches."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import prod
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calsync.model.errors import Unmappable

_LINE = re.compile(r"^(RRULE|EXRULE|RDATE|EXDATE)([;:].*)$", re.IGNORECASE | re.DOTALL)
_UNTIL = re.compile(r"UNTIL=(\d{8})(T\d{6}Z?)?")
_MOMENT = re.compile(r"^(\d{8})(T\d{6}Z?)?$")
_KEY = re.compile(r"\d{8}(T\d{6}Z)?\Z", re.ASCII)
_WEEKDAY = re.compile(r"^([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)$")
_DAYS = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 31, "YEARLY": 366}
_FREQUENCIES = {"SECONDLY", "MINUTELY", "HOURLY", *_DAYS}

#: The largest number that a part of a rule may hold (negative ones count from the end), and the smallest.
_NUMBERS = {
    "BYSECOND": (0, 59),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYMONTH": (1, 12),
    "BYSETPOS": (-366, 366),
}

#: Conditions that let a rule take place once a month, or once a year, whatever its FREQ says.
_MONTHLY, _YEARLY = {"BYMONTHDAY"}, {"BYMONTH", "BYYEARDAY", "BYWEEKNO"}

#: Conditions that RFC 5545 allows for FREQ=YEARLY alone; elsewhere they may never come true.
_YEAR_ONLY = {"BYYEARDAY", "BYWEEKNO"}
_LONGEST_MONTHS = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}

FOREVER = date.max


@lru_cache(maxsize=1024)
def known_zone(name: str) -> ZoneInfo | None:
    """Return the IANA zone of that name, or None when this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def occurrence_key(original: date | datetime) -> str:
    """Return the identity of an occurrence: its original start, as `YYYYMMDD` or `YYYYMMDDTHHMMSSZ` in UTC."""
    if isinstance(original, datetime):
        utc = original.astimezone(UTC)
        return f"{utc.year:04}{utc:%m%dT%H%M%SZ}"
    return f"{original.year:04}{original:%m%d}"


def occurrence_start(key: str) -> date | datetime:
    """Return the original start that an occurrence key names; ValueError for any other text."""
    if not _KEY.match(key):
        raise ValueError("not an occurrence key")
    year, month, day = int(key[:4]), int(key[4:6]), int(key[6:8])
    if len(key) == len("YYYYMMDD"):
        return date(year, month, day)
    return datetime(year, month, day, int(key[9:11]), int(key[11:13]), int(key[13:15]), tzinfo=UTC)


def clean_rules(lines: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Return recurrence lines (RFC 5545 section 3.8.5) in upper case and fixed order.

    Raises Unmappable for a line that is no rule, for a rule that RFC 5545 does not allow, and for one that
    nobody could follow to its end (see `parts_of`).
    """
    cleaned = []
    for line in lines:
        match = _LINE.match(line.strip())
        if not match:
            raise Unmappable("a recurrence line is not RRULE, EXRULE, RDATE or EXDATE")
        name, rest = match.group(1).upper(), match.group(2)
        if name in {"RRULE", "EXRULE"}:
            rest = _clean_rule(rest)
        elif rest in {":", ""}:
            continue
        else:
            _check_dates(rest)
        if rest:
            cleaned.append(name + rest)
    return tuple(sorted(cleaned, key=lambda line: (not line.startswith("RRULE"), line)))


@lru_cache(maxsize=4096)
def _clean_rule(rest: str) -> str:
    rule = ";".join(filter(None, re.sub(r"\s", "", rest[1:]).upper().split(";")))
    if rule:
        parts_of(rule)
    return f":{rule}" if rule else ""


def parts_of(rule: str) -> dict[str, str]:
    """Return the parts of a rule ("FREQ=WEEKLY;COUNT=3") by name.

    Raises Unmappable for unknown or repeated parts, for numbers out of range, and for what repeats within
    minutes under a condition: looking for the next time could take for ever.
    """
    parts: dict[str, str] = {}
    for part in rule.split(";"):
        name, _, value = part.partition("=")
        if name in parts:
            raise Unmappable("a recurrence rule says the same thing twice")
        _check_part(name, value)
        parts[name] = value
    if "FREQ" not in parts:
        raise Unmappable("a recurrence rule has no known FREQ")
    if "COUNT" in parts and "UNTIL" in parts:
        raise Unmappable("a recurrence rule has both COUNT and UNTIL")
    if _never_ends(parts):
        raise Unmappable("a recurrence rule cannot be followed: its conditions do not fit its FREQ")
    return parts


def _never_ends(parts: dict[str, str]) -> bool:
    """Return whether looking for the next time could go on for ever, or for very long."""
    frequency = parts["FREQ"]
    if frequency not in _DAYS:
        return any(name.startswith("BY") for name in parts)
    if frequency != "YEARLY" and parts.keys() & _YEAR_ONLY:
        return True
    months = parts.get("BYMONTH", "1").split(",")
    days = parts.get("BYMONTHDAY", "1").split(",")
    if all(abs(int(day)) > _LONGEST_MONTHS[int(month)] for day in days for month in months):
        return True
    positions = parts.get("BYSETPOS", "1").split(",")
    return all(abs(int(position)) > _most_times(parts) for position in positions)


def _most_times(parts: dict[str, str]) -> int:
    """Return how often a rule can take place within one step of its FREQ, before BYSETPOS chooses."""

    def count(name: str, otherwise: int) -> int:
        return len(parts[name].split(",")) if name in parts else otherwise

    frequency = parts["FREQ"]
    times = prod(count(name, 1) for name in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    if frequency == "DAILY":
        return times
    if frequency == "WEEKLY":
        return times * count("BYDAY", 1)
    weekdays = count("BYDAY", 0) * (5 if frequency == "MONTHLY" else 53)
    return times * (weekdays or (count("BYMONTHDAY", 31) if frequency == "MONTHLY" else 366))


def _check_part(name: str, value: str) -> None:
    if name == "FREQ":
        good = value in _FREQUENCIES
    elif name in {"INTERVAL", "COUNT"}:
        good = re.fullmatch(r"[0-9]{1,8}", value) is not None and int(value) > 0
    elif name == "UNTIL":
        good = _moment(value) is not None
    elif name == "WKST":
        good = bool(value) and value in ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
    elif name == "BYDAY":
        good = all(_is_weekday(day) for day in value.split(","))
    else:
        good = name in _NUMBERS and all(_is_number(number, *_NUMBERS[name]) for number in value.split(","))
    if not good:
        raise Unmappable(f"a recurrence rule has no usable {name if name in _NAMES else 'part'}")


_NAMES = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_NUMBERS}


def _is_weekday(text: str) -> bool:
    match = _WEEKDAY.match(text)
    return match is not None and (match.group(1) is None or 1 <= abs(int(match.group(1))) <= 53)


def _is_number(text: str, least: int, most: int) -> bool:
    if not re.fullmatch(r"[+-]?[0-9]{1,3}", text):
        return False
    return least <= int(text) <= most and (int(text) != 0 or least == 0)


def _moment(text: str) -> datetime | None:
    """Return what a date or time in a recurrence line says, without zone; None when it is neither."""
    match = _MOMENT.match(text)
    if match is None:
        return None
    day, clock = match.groups()
    try:
        return datetime.strptime(day + (clock or "T000000").rstrip("Z"), "%Y%m%dT%H%M%S")
    except ValueError:
        return None


def _check_dates(rest: str) -> None:
    values = rest.rpartition(":")[2]
    if any(_moment(value.split("/")[0].strip()) is None for value in values.split(",") if value):
        raise Unmappable("an RDATE or EXDATE holds no date")


def with_utc_until(line: str, start: date | datetime, zone: str) -> str:
    """Return a recurrence line with its UNTIL as RFC 5545 wants it beside `start`: a date, or a time in UTC.

    A date means the whole of that day in `zone`; a time without zone is one of `zone`.
    """

    def rewritten(match: re.Match[str]) -> str:
        day, clock = match.groups()
        if not isinstance(start, datetime):
            return f"UNTIL={day}"
        if clock and clock.endswith("Z"):
            return match.group()
        local = datetime.strptime(day + (clock or "T235959"), "%Y%m%dT%H%M%S")
        return f"UNTIL={local.replace(tzinfo=known_zone(zone) or UTC).astimezone(UTC):%Y%m%dT%H%M%SZ}"

    try:
        return _UNTIL.sub(rewritten, line)
    except (ValueError, OverflowError):
        return line


def last_day(start: date | datetime, rules: tuple[str, ...]) -> date:
    """Return a day after which the series has no more occurrence; `FOREVER` when it is endless.

    An upper bound, cheap and never too early: exact for UNTIL, by the longest step for COUNT.
    """
    first = start.date() if isinstance(start, datetime) else start
    latest = first
    for line in rules:
        if line.startswith("RRULE:"):
            latest = max(latest, _rule_end(first, line[6:]))
        elif line.startswith("RDATE"):
            latest = max(latest, _last_date(line, first))
    return latest


def _rule_end(first: date, rule: str) -> date:
    parts = parts_of(rule)
    until = _moment(parts.get("UNTIL", ""))
    if until is not None:
        return _next_day(until.date())
    if "COUNT" not in parts:
        return FOREVER
    days = _longest_step(parts) * int(parts["COUNT"])
    return first + timedelta(days=days) if days < (FOREVER - first).days else FOREVER


def _longest_step(parts: dict[str, str]) -> int:
    """Return a number of days in which a rule takes place at least once, on average."""
    step = _DAYS.get(parts["FREQ"], 1)
    if parts.keys() & _YEARLY:
        step = _DAYS["YEARLY"]
    elif parts.keys() & _MONTHLY:
        step = max(step, _DAYS["MONTHLY"])
    # A rule may skip steps (29 February, the fifth Friday): eight times covers the rarest; forty covers
    # those that ask for a day of the month and a day of the week (Sunday, 29 February).
    rare = "BYDAY" in parts and parts.keys() & (_MONTHLY | _YEARLY - {"BYMONTH"})
    return step * int(parts.get("INTERVAL", 1)) * (40 if rare else 8)


def _last_date(line: str, first: date) -> date:
    moments = (_moment(value.split("/")[0].strip()) for value in line.rpartition(":")[2].split(","))
    return _next_day(max([first, *(moment.date() for moment in moments if moment is not None)]))


def _next_day(day: date) -> date:
    return day + timedelta(days=1) if day < FOREVER else FOREVER
