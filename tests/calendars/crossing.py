"""A calendar's way: ana's Google calendar, the CRM, bob's empty Google calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from calsync.store import links
from calsync.store.database import reading
from tests.house import House, nothing_written

#: Far enough back for every calendar of the fixtures; team mates' public events go out.
SYNC = {"past_days": 6000, "push": ["mine", "invited", "team"]}

TEAM = ("lab",)


def people(house: House, zone: str) -> None:
    """Add ana and bob, of one team."""
    for user in ("ana", "bob"):
        house.person(user, teams=TEAM, zone=zone)


def carry(house: House, text: str) -> dict[str, Any]:
    """Seed ana's Google calendar with a file, bring both people up to date; return the seed's answer."""
    answer = house.control("POST", "accounts/ana@example.com/seed", {"ics": text})
    for user in ("ana", "bob"):
        assert house.resync(user)["outcome"] in ("ok", "partial")
    return answer


def rests(house: House) -> bool:
    """Return whether two further rounds of both people write nothing."""
    return all(nothing_written(house.resync(user)) for user in ("ana", "bob", "ana", "bob"))


def resources(house: House, user: str) -> list[dict[str, Any]]:
    """Return the raw resources of a Google calendar, cancelled occurrences included."""
    return house.control("GET", f"accounts/{user}@example.com/events?deleted=1")["events"]


def shown(house: House, user: str, first: date, last: date) -> list[tuple[str, str, bool]]:
    """Return start, title and all-day flag of what Google's page shows of the days [first, last)."""
    query = f"expand_from={first}T00:00:00Z&expand_to={last + timedelta(days=2)}T00:00:00Z"
    events = house.control("GET", f"accounts/{user}@example.com/events?{query}")["events"]
    found = [_shown(event) for event in events]
    return sorted(one for one in found if first.isoformat() <= one[0][:10] < last.isoformat())


def _shown(event: dict[str, Any]) -> tuple[str, str, bool]:
    title, start = event.get("summary", ""), event["start"]
    if "date" in start:
        return start["date"], title, True
    moment = datetime.fromisoformat(start["dateTime"]).astimezone(UTC)
    return moment.isoformat(timespec="minutes"), title, False


def quarantine(house: House, user: str) -> dict[str, str]:
    """Return the cause by UID (of Google's copy) of what is set aside for a person."""
    uids = {resource["id"]: resource.get("iCalUID", "") for resource in resources(house, user)}
    with reading(house.parts.engine) as connection:
        parked = links.parked(connection, house.account(user).id)
    return {uids.get(link.google.key or "", link.google.key or ""): str(link.cause) for link in parked}
