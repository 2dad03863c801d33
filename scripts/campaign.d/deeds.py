"""What people in the town do: with events, with the rights to them, and with clocks; all noted in a story."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from looks import CRM, FIELDS, Entry, Office, occurrence
from story import Story
from town import BOSS, BY_LOGIN, COLOUR, RESIDENTS, TEAM, ZONE, Resident, Town

from calsync.crm.builtin.rest import Desk, Problem
from calsync.model.permission import Level, Security
from calsync.model.recurrence import occurrence_key
from calsync.sandbox.answers import ApiError
from calsync.sandbox.gate import Incoming
from calsync.sandbox.queries import Query

#: So many deeds count as the last.
HOT = 4

_RULE = "RRULE:FREQ=DAILY;COUNT=5"
_OCCURRENCES = 5
_JUMPS = [timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)]
_ROLES = ["standard", "standard", "standard", "read_only"]


class Folk:
    """The people of a town; the same dice do the same while nothing else differs."""

    def __init__(self, town: Town, story: Story) -> None:
        self.town, self.story = town, story
        self._hot: frozenset[str] = frozenset()

    def act(self, amid: bool = False) -> None:
        """Let somebody do something somewhere.

        `amid`: while a round is under way or was broken off; mostly it is then about what was touched last.
        """
        self.town.clock.advance(seconds=1)
        dice = self.story.dice
        self._hot = frozenset(self.story.touched[-HOT:]) if amid and dice.random() < 0.7 else frozenset()
        person, side = dice.choice(RESIDENTS), dice.choice(("google", CRM))
        place = CRM if side == CRM else person.side
        for share, deed in self._deeds(person, place, amid):
            if dice.random() < share:
                deed()
                return

    def _deeds(self, person: Resident, place: str, amid: bool) -> list[tuple[float, Any]]:
        """Return what may be done, each with its chance when nothing before it was done."""
        habits = self.story.habits
        return [
            (0.02, self.jump),
            (0.05 if habits.share else 0.00, self.regroup),
            (0.15 if habits.share and amid else 0.00, self.take_back),
            (0.20 if habits.share else 0.00, self.share),
            (0.10 if habits.meet else 0.00, lambda: self.meet(person)),
            (0.03 if habits.twins and not amid else 0.00, lambda: self.make_twice(person)),
            (0.30, lambda: self.make(person, place)),
            (0.60, lambda: self.edit(person, place)),
            (0.50, lambda: self.edit_occurrence(person, place)),
            (1.00, lambda: self.delete(person, place)),
        ]

    # -- events ----------------------------------------------------------------------------------------

    def make(self, person: Resident, place: str) -> None:
        """Make an event: every third is a series of five days, every seventh takes whole days."""
        dice, story = self.story.dice, self.story
        lot = dice.random()
        tag = story.fresh("#")
        shown = {name: story.value(name, tag, whole_day=lot > 0.85) for name in FIELDS}
        body = body_of(place, shown)
        if lot < 0.33:
            body["recurrence"] = [_RULE]
        if place != CRM:
            body["colorId"] = COLOUR
        elif dice.random() < 0.5:
            other = next(one for one in RESIDENTS if one is not person)
            body["attendees"] = [{"email": other.email}]
            body["security"] = dice.choice([*Security]).value
        if self._write(person, place, "POST", "", body):
            story.wrote(tag, place, {}, shown)

    def make_twice(self, person: Resident) -> None:
        """Note the same in both calendars, as people do; only the time and the title are quite the same."""
        story = self.story
        tag = story.fresh("#")
        both = {name: story.value(name, tag) for name in ("title", "start")}
        for place in (person.side, CRM):
            shown = {**both, **{name: story.value(name, tag) for name in ("location", "description")}}
            body = body_of(place, shown)
            if place != CRM:
                body["colorId"] = COLOUR
            if self._write(person, place, "POST", "", body):
                story.wrote(tag, place, {}, shown)
                story.twins[tag] = person.login

    def edit(self, person: Resident, place: str) -> None:
        """Change one or two fields; a series keeps its times, since moving it moves its exceptions."""
        dice, story = self.story.dice, self.story
        entry = self._pick(person, place, Level.EDIT)
        if entry is None:
            return
        names = dice.sample(FIELDS[:3] if entry.series else FIELDS, dice.choice((1, 1, 2)))
        whole_day = len(entry.shown["start"]) == len("2026-03-26")
        changes = {name: story.value(name, entry.tag, whole_day) for name in names}
        if self._write(person, place, "PATCH", entry.key, body_of(place, changes)):
            story.wrote(entry.tag, place, entry.shown, {**entry.shown, **changes})

    def edit_occurrence(self, person: Resident, place: str) -> None:
        """Rename or cancel one occurrence of a series."""
        dice, story = self.story.dice, self.story
        entry = self._pick(person, place, Level.EDIT, series=True)
        if entry is None:
            return
        start = occurrence(entry.shown["start"], dice.randrange(_OCCURRENCES))
        name = f"x:{occurrence_key(start)}"
        if entry.shown.get(name, "").startswith("cancelled"):
            return
        cancelled = dice.random() < 0.3
        value = f"cancelled {start:%d}" if cancelled else story.fresh("x")
        if self._change_occurrence(person, place, entry.key, start, "" if cancelled else value):
            story.wrote(entry.tag, place, entry.shown, {**entry.shown, name: value})

    def _change_occurrence(
        self, person: Resident, place: str, event: str, start: datetime, title: str
    ) -> bool:
        if place != CRM:
            key = f"{event}_{occurrence_key(start)}"
            method, body = ("PATCH", {"summary": title}) if title else ("DELETE", None)
            return self._write(person, place, method, key, body)
        part: dict[str, Any] = {"original_start": start.isoformat()}
        part |= {"title": title} if title else {"cancelled": True}
        return self._write(person, place, "PATCH", event, {"exceptions": [part]})

    def delete(self, person: Resident, place: str) -> None:
        """Delete an event."""
        entry = self._pick(person, place, Level.DELETE)
        if entry is not None and self._write(person, place, "DELETE", entry.key):
            self.story.deleted(entry.tag, place, entry.shown)

    def meet(self, person: Resident) -> None:
        """Make an event at Google, with the others as guests."""
        story = self.story
        tag = story.fresh("#")
        shown = {name: story.value(name, tag) for name in FIELDS}
        guests = [{"email": one.email} for one in RESIDENTS]
        if self._write(person, person.side, "POST", "", {**body_of(person.side, shown), "attendees": guests}):
            story.rights.hosts[tag] = person.login
            story.wrote(tag, person.side, {}, shown)

    def _pick(self, person: Resident, place: str, need: Level, series: bool = False) -> Entry | None:
        """Return an event on which somebody can lay hands: in the CRM one with the right to, at Google any."""
        found = [
            entry
            for entry in self.story.open_on(self.town, place)
            if not entry.busy and (entry.series or not series) and self._is_open(person, place, entry)
        ]
        if place == CRM:
            office = Office(self.town)
            found = [entry for entry in found if office.access(person.login, entry).level >= need]
        if need is Level.DELETE:
            found = [entry for entry in found if entry.tag not in self.story.rights.hosts]
        found = [entry for entry in found if entry.tag in self._hot] or found
        return self.story.dice.choice(found) if found else None

    def _is_open(self, person: Resident, place: str, entry: Entry) -> bool:
        """Return whether a person lays hands on an event: of a meeting, who has called it, on their own calendar."""
        host = self.story.rights.hosts.get(entry.tag)
        return host is None or (place != CRM and host == person.login)

    # -- rights ----------------------------------------------------------------------------------------

    def share(self) -> None:
        """Change who has to do with a record: guests, security, owner, team; or let the boss make one."""
        dice = self.story.dice
        records = [
            entry for entry in self.story.open_on(self.town, CRM) if entry.tag not in self.story.rights.hosts
        ]
        shared = [entry for entry in records if entry.row and entry.row["attendees"]]
        hot = [entry for entry in records if entry.tag in self._hot]
        entry = dice.choice(hot or [None, *records, *shared, *shared])
        if entry is None:
            self._invite_from_above()
            return
        assert entry.row is not None
        owner = entry.row["owner"]
        changes: dict[str, Any] = dice.choice(
            [
                lambda: {"attendees": self._toggled(entry)},
                lambda: {"attendees": self._toggled(entry)},
                lambda: {"security": dice.choice([*Security]).value},
                lambda: {"security": dice.choice(["private", "public_read"])},
                lambda: {"owner": dice.choice([one for one in (*BY_LOGIN, BOSS) if one != owner])},
                lambda: {"team": dice.choice(["", TEAM])},
            ]
        )()
        self._give(owner, entry, changes)

    def take_back(self) -> None:
        """Undo the last change of who has to do with a record."""
        if self.story.given is None:
            return
        key, before = self.story.given
        for entry in self.story.open_on(self.town, CRM):
            if entry.key == key and entry.row is not None:
                self._give(entry.row["owner"], entry, before)

    def _give(self, login: str, entry: Entry, changes: Mapping[str, Any]) -> None:
        assert entry.row is not None
        people = json.loads(entry.row["attendees"] or "[]")
        was = {
            **entry.row,
            "attendees": [{"email": email, "response": answer} for email, _, answer in people],
        }
        if self._at_desk(login, "PATCH", entry.key, changes):
            self.story.given = entry.key, {name: was[name] for name in changes}
            self.story.touched.append(entry.tag)
            self.story.rights.share(entry.tag)

    def _toggled(self, entry: Entry) -> list[dict[str, str]]:
        """Return the guests of a record with one more of the residents, or one less."""
        assert entry.row is not None
        guests = {email: answer for email, _, answer in json.loads(entry.row["attendees"] or "[]")}
        email = self.story.dice.choice([p.email for p in RESIDENTS if p.login != entry.row["owner"]])
        if guests.pop(email, None) is None:
            guests[email] = "needs_action"
        return [{"email": email, "response": answer} for email, answer in guests.items()]

    def _invite_from_above(self) -> None:
        dice, story = self.story.dice, self.story
        tag = story.fresh("@")
        shown = {name: story.value(name, tag) for name in FIELDS}
        guests = [{"email": person.email} for person in RESIDENTS if dice.random() < 0.6]
        security = dice.choice([*Security]).value
        if self._at_desk(
            BOSS, "POST", "", {**body_of(CRM, shown), "attendees": guests, "security": security}
        ):
            story.wrote(tag, CRM, {}, shown)

    def regroup(self) -> None:
        """Change somebody's role and teams."""
        dice = self.story.dice
        teams = [TEAM] if dice.random() < 0.5 else []
        self.town.crm.set_access(dice.choice(RESIDENTS).login, dice.choice(_ROLES), teams)
        self.story.survey(self.town)

    def restore_roles(self) -> None:
        """Let everybody edit again."""
        office = Office(self.town)
        for login, person in office.people.items():
            if person.read_only:
                self.town.crm.set_access(login, "standard", sorted(person.teams))
        self.story.survey(self.town)

    def jump(self) -> None:
        """Set our clock wrong, or right again."""
        self.town.clock.jump(self.story.dice.choice(_JUMPS))

    # -- writing ---------------------------------------------------------------------------------------

    def _write(
        self, person: Resident, place: str, method: str, key: str, body: Mapping[str, Any] | None = None
    ) -> bool:
        """Do as a person does on Google's page or in the CRM; False when it is refused."""
        if place == CRM:
            return self._at_desk(person.login, method, key, body)
        path = f"/calendar/v3/calendars/primary/events{'/' if key else ''}{key}"
        raw = json.dumps(body).encode() if body is not None else b""
        incoming = Incoming(method, path, Query({}), {"authorization": f"Bearer {person.token}"}, raw)
        try:
            self.town.wire.gate.perform(incoming)
        except ApiError:
            return False
        return True

    def _at_desk(self, login: str, method: str, key: str, body: Mapping[str, Any] | None = None) -> bool:
        try:
            with self.town.books.begin() as connection:
                desk = Desk(connection, login, self.town.clock())
                if method == "POST":
                    desk.create(dict(body or {}))
                elif method == "PATCH":
                    desk.change(key, dict(body or {}), None)
                else:
                    desk.remove(key, None)
        except Problem:
            return False
        self.story.survey(self.town)
        return True


def body_of(place: str, shown: Mapping[str, str]) -> dict[str, Any]:
    """Return what to send to a side, so that it shows these fields."""
    body: dict[str, Any] = {name: value for name, value in shown.items() if name != "start"}
    if place != CRM and "title" in body:
        body["summary"] = body.pop("title")
    if "start" in shown:
        start, end = shown["start"], _end(shown["start"])
        for name, text in (("start", start), ("end", end)):
            timed = {"dateTime": text, "timeZone": ZONE}
            body[name] = text if place == CRM else timed if "T" in text else {"date": text}
        if place == CRM and "T" in start:
            body["time_zone"] = ZONE
    return body


def _end(start: str) -> str:
    if "T" not in start:
        return (date.fromisoformat(start) + timedelta(days=1)).isoformat()
    return (datetime.fromisoformat(start) + timedelta(hours=1)).astimezone(UTC).isoformat()
