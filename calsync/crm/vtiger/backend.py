"""vtiger as a backend: its users, from a file with their access keys, and the calendar of each."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from calsync.crm.careful import CarefulSide
from calsync.crm.port import ALL_DAY, Capabilities, CrmContext, CrmPerson, Misconfigured, Recurrence
from calsync.crm.vtiger import mapping
from calsync.crm.vtiger.client import Client, Key, Sessions
from calsync.crm.vtiger.options import read_keys, read_options
from calsync.crm.vtiger.records import Profile, VtigerRecords
from calsync.crm.vtiger.tombstones import Rest
from calsync.model.errors import CalendarLost, Later
from calsync.model.permission import Level
from calsync.model.recurrence import known_zone
from calsync.model.side import CalendarSide
from calsync.model.zones import iana_name

#: A series made in vtiger is a record for each date, without anything in common (opencrm.md 4.3); guests are contacts,
#: reminders one at most; zones are the user's; characters above U+FFFF are lost in its tables (ecosystem.md 2.3).
CAPABILITIES = Capabilities(
    Recurrence.OCCURRENCES,
    frozenset({"title", "start", "end", "description", "location", "visibility", ALL_DAY}),
)

#: So long is kept what a user may do: it changes seldom, and takes two requests.
PROFILE_LIFE = timedelta(minutes=10)


class VtigerCrm:
    """A vtiger installation. Each user is served with their own access key, so that vtiger decides what they see."""

    capabilities = CAPABILITIES

    def __init__(self, context: CrmContext) -> None:
        """Raises Misconfigured when the options cannot be used."""
        self._options = read_options(context.options)
        self._clock = context.clock
        self._secret = context.secret
        self._sessions, self._rest, self._lock = Sessions(), Rest(), threading.Lock()
        self._profiles: dict[Key, tuple[datetime, Profile]] = {}
        read_keys(self._secret)

    @property
    def occurrence_days(self) -> int:
        """How many days ahead occurrences of a series are made."""
        return self._options.occurrence_days

    def person(self, login: str) -> CrmPerson | None:
        """Return a user of the file, or None."""
        return next((person for person in self.people() if person.login == login), None)

    def people(self) -> Sequence[CrmPerson]:
        """Return the users of the file, by login."""
        return [CrmPerson(key.login, key.email, key.login) for _, key in sorted(self._keys().items())]

    def side(self, login: str) -> CalendarSide:
        """Return a user's calendar; CalendarLost for somebody who is not in the file."""
        key = self._keys().get(login)
        if key is None:
            raise CalendarLost("vtiger: the user is not in crm.vtiger.users_file any more")
        client = Client(self._options.url, key, self._sessions, self._clock)
        records = VtigerRecords(
            client, self._options, lambda asked: self._profile(key, asked), self._rest, self._clock
        )
        return CarefulSide(
            records, CAPABILITIES, lambda event: mapping.as_shown(event, records.profile.shape)
        )

    def wakes(self, cursor: str) -> tuple[frozenset[str], str]:
        """Return nobody: only asked as each user, vtiger tells whose calendar has changed."""
        return frozenset(), "never"

    def check(self) -> None:
        """Raise SideError when the web service does not answer."""
        for key in list(self._keys().values())[:1]:
            Client(self._options.url, key, self._sessions, self._clock).reach()

    def router(self) -> Any:
        """Return None: vtiger serves itself."""
        return None

    def _keys(self) -> dict[str, Key]:
        """Read the file anew, so that a new user needs no restart."""
        try:
            return read_keys(self._secret)
        except Misconfigured as error:
            raise Later(f"crm.vtiger.{error}") from None

    def _profile(self, key: Key, client: Client) -> Profile:
        with self._lock:
            since, found = self._profiles.get(key, (None, None))
        if since is not None and found is not None and self._clock() - since < PROFILE_LIFE:
            return found
        made = _ask_profile(client, self._options.marker_field, self._options.subject_length)
        with self._lock:
            self._profiles[key] = self._clock(), made
        return made


def _ask_profile(client: Client, marker_field: str, subject_length: int) -> Profile:
    """Ask what the user may do with events, and which zone is theirs."""
    rights = client.ask("describe", elementType="Events")
    user = client.ask("retrieve", id=client.user_id)
    try:
        zone = known_zone(iana_name(user["time_zone"]) or "")
        level = Level.EDIT if rights["updateable"] else Level.READ
        level = Level.DELETE if rights["deleteable"] and level is Level.EDIT else level
        createable = bool(rights["createable"])
    except (KeyError, TypeError):
        raise Later("vtiger describe: an answer that says nothing of rights, or of the user's zone") from None
    if zone is None:
        raise Later("vtiger: the user's time zone is not known on this machine; update tzdata")
    return Profile(createable, level, mapping.Shape(zone, marker_field, subject_length))
