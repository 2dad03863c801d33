"""Whom Google mails about a write."""

from __future__ import annotations

from dataclasses import dataclass

from calsync.sandbox.calendar import Calendar
from calsync.sandbox.rows import Row
from calsync.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Write:
    """A write that has taken effect. `policy`: sendUpdates as given; `actor`: "api", or "page" for Google's own."""

    calendar: Calendar
    row: Row
    action: str
    policy: str
    actor: str = "api"


def guests_of(calendar: Calendar, row: Row) -> dict[str, str]:
    """Return the answers of an event's guests by their address; none of a deleted event."""
    people = [] if row.cancelled else calendar.whole(row).get("attendees", [])
    return {person["email"]: person.get("responseStatus", "") for person in people if person.get("email")}


def send(world: World, write: Write, before: dict[str, str]) -> None:
    """Note the mails of a write; `before`: the guests and their answers until then."""
    for email, kind in sorted(_letters(write, before).items()):
        if _is_mailed(world, write.policy, email):
            note = {"to": email, "event": write.row.id, "action": write.action, "actor": write.actor}
            world.mails.append(note | {"kind": kind})


def _letters(write: Write, before: dict[str, str]) -> dict[str, str]:
    calendar, row = write.calendar, write.row
    now = guests_of(calendar, row)
    if row.organizer != calendar.id:
        return {row.organizer: "response"} if now.get(calendar.id) != before.get(calendar.id) else {}
    letters = dict.fromkeys(before.keys() - now.keys(), "cancellation")
    letters |= {email: "update" if email in before else "invitation" for email in now}
    return {email: kind for email, kind in letters.items() if email not in (calendar.id, calendar.owner)}


def _is_mailed(world: World, policy: str, email: str) -> bool:
    is_outside = email not in world.accounts
    if policy == "all":
        return True
    if policy == "externalOnly":
        return is_outside
    return policy == "" and world.switches.unasked_mails and is_outside
