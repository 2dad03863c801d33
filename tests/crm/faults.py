"""Adapters with one fault each: the built-in CRM, told to lie in one way."""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from calsync.crm.builtin.side import BuiltinSide
from calsync.crm.port import Capabilities, CrmPerson, Recurrence
from calsync.model.errors import CursorExpired, Later, Refused, SideError, Stale
from calsync.model.side import Create, Delete, Item, Page, SideName, Update


class Side(BuiltinSide):
    """A side whose faults override these: what is sent, how it is answered, what is shown."""

    def sent(self, write):
        return write

    def answered(self, write, outcome):
        return outcome

    def shown(self, item):
        return item

    def write(self, batch):
        outcomes = super().write([self.sent(write) for write in batch])
        found = [self.answered(write, outcome) for write, outcome in zip(batch, outcomes, strict=True)]
        return iter([self._seen(outcome) if isinstance(outcome, Item) else outcome for outcome in found])

    def read(self, key):
        return self._seen(super().read(key))

    def find(self, marker):
        return self._seen(super().find(marker))

    def observe(self, cursor):
        for page in super().observe(cursor):
            yield replace(page, items=[self._seen(item) for item in page.items])

    def _seen(self, item):
        return item if item is None else self.shown(item)

    def as_login(self, login):
        return BuiltinSide(self._engine, login, self._clock)


def showing(change):
    """Return a side that shows the content of items changed by `change`."""

    class Lying(Side):
        def shown(self, item):
            return item if item.event is None else replace(item, event=change(item.event))

    return Lying


def sending(change):
    """Return a side that sends what `change` makes of a write."""

    class Bending(Side):
        def sent(self, write):
            return change(self, write)

    return Bending


class NoAccess(Side):
    def shown(self, item):
        return replace(item, access=None)


class OthersSecrets(Side):
    def read(self, key):
        return self.as_login("cleo").read(key)


class OthersPowers(Side):
    def write(self, batch):
        if any(isinstance(write, Create) for write in batch):
            return super().write(batch)
        return self.as_login("cleo").write(batch)


class ShortAnswers(Side):
    def answered(self, write, outcome):
        if isinstance(write, Create) and isinstance(outcome, Item):
            return replace(outcome, event=replace(outcome.event, title=outcome.event.title[:12]))
        return outcome


class BlindFind(Side):
    def find(self, marker):
        return None


class LooseFind(Side):
    def find(self, marker):
        everything = [item for page in super().observe(None) for item in page.items]
        return next(
            (item for item in everything if item.marker.lower().startswith(marker[:-2].lower())), None
        )


class GhostFind(Side):
    def find(self, marker):
        item = super().find(marker)
        return item and replace(item, gone=False)


class ReadRefused(Side):
    def read(self, key):
        item = super().read(key)
        if item is None:
            raise Refused("CRM: no such record")
        return item


class OldAnswers(Side):
    def answered(self, write, outcome):
        if isinstance(write, Update) and isinstance(outcome, Item):
            return replace(outcome, event=outcome.before)
        return outcome


class OneVersion(Side):
    def sent(self, write):
        return replace(write, version="") if isinstance(write, Update | Delete) else write

    def shown(self, item):
        return replace(item, version="1")


class KeepsDeleted(Side):
    def write(self, batch):
        if any(isinstance(write, Delete) and not write.quiet for write in batch):
            return iter([None] * len(batch))
        return super().write(batch)


class KeepsQuietlyDeleted(Side):
    def write(self, batch):
        if any(isinstance(write, Delete) and write.quiet for write in batch):
            return iter([None] * len(batch))
        return super().write(batch)


class NeverStale(Side):
    def answered(self, write, outcome):
        return Item(write.key) if isinstance(outcome, Stale) and isinstance(write, Update) else outcome


class StopsAtFailure(Side):
    def write(self, batch):
        for write in batch:
            (outcome,) = super().write([write])
            yield outcome
            if isinstance(outcome, SideError):
                return


class Talkative(Side):
    def answered(self, write, outcome):
        if isinstance(outcome, Stale):
            return Stale(f"{outcome.reason}: {write.patch.event.title}")
        return outcome


class NeverComplete(Side):
    def observe(self, cursor):
        for page in super().observe(cursor):
            yield replace(page, complete=False)


class DropsChanges(Side):
    def observe(self, cursor):
        for page in super().observe(cursor):
            yield page if cursor is None else replace(page, items=())


class DropsDeletions(Side):
    def observe(self, cursor):
        for page in super().observe(cursor):
            yield replace(page, items=[item for item in page.items if not item.gone])


class RestlessVersions(Side):
    looks = 0

    def observe(self, cursor):
        RestlessVersions.looks += 1
        found = {item.key: item for page in super().observe(None) for item in page.items}
        end = [page.cursor for page in super().observe(cursor)][-1]
        items = [replace(item, version=f"{item.version}.{self.looks}") for item in found.values()]
        yield Page(items, end, complete=cursor is None)


class LateCursor(Side):
    def observe(self, cursor):
        if cursor is not None:
            yield from super().observe(cursor)
            return
        pages = list(super().observe(None))
        for page in pages:
            yield replace(page, cursor=None)
        yield Page([], [page.cursor for page in super().observe(None)][-1], complete=True)


class AnyCursor(Side):
    def observe(self, cursor):
        try:
            yield from super().observe(cursor)
        except CursorExpired:
            yield Page([], "0")


class CutSilently(Side):
    def sent(self, write):
        if isinstance(write, Create):
            return replace(write, event=replace(write.event, title=write.event.title[:100]))
        return write

    def answered(self, write, outcome):
        return replace(outcome, event=write.event) if isinstance(write, Create) else outcome


class LooksOfItsOwn(Side):
    def read(self, key):
        item = super().read(key)
        if item is None or item.event is None or item.event.end != item.event.start:
            return item
        return replace(item, event=replace(item.event, end=item.event.start + timedelta(minutes=30)))


class WrongProphet(Side):
    def as_written(self, event):
        return replace(event, location=event.location.upper())


class ReplacesExceptions(Side):
    def sent(self, write):
        if not isinstance(write, Update) or not any(name.startswith("x:") for name in write.patch.fields):
            return write
        there = super().read(write.key).event.exceptions
        names = write.patch.fields | {f"x:{key}" for key in there}
        event = write.patch.event
        kept = {key: moved for key, moved in event.exceptions.items() if f"x:{key}" in write.patch.fields}
        return replace(write, patch=replace(write.patch, fields=names, event=event.with_exceptions(kept)))


def _unique_markers(_, write):
    if not isinstance(write, Create):
        return write
    return replace(write, marker=f"{write.marker}{datetime.now(UTC).timestamp()}")


_ALL = frozenset({"title", "start", "end", "description", "location", "attendees", "reminders", "visibility"})


def _whole_events(_, write):
    return replace(write, patch=replace(write.patch, fields=_ALL)) if isinstance(write, Update) else write


def _never_empty(_, write):
    if not isinstance(write, Update):
        return write
    full = frozenset(name for name in write.patch.fields if getattr(write.patch.event, name, True))
    return replace(write, patch=replace(write.patch, fields=full))


def _no_rule_changes(_, write):
    if not isinstance(write, Update):
        return write
    return replace(write, patch=replace(write.patch, fields=write.patch.fields - {"recurrence"}))


def _without_version(kind):
    return lambda _, write: replace(write, version="") if isinstance(write, kind) else write


def _narrow(_, write):
    if not isinstance(write, Create):
        return write
    title = "".join(letter if ord(letter) < 0x10000 else "????" for letter in write.event.title)
    return replace(write, event=replace(write.event, title=title))


def _hours_for_days(event):
    if not event.all_day:
        return event
    start, end = (datetime.combine(day, time(), UTC) for day in (event.start, event.end))
    return replace(event, start=start, end=end)


def _hour_too_late(event):
    late = event.zone == "America/New_York" and not event.all_day
    return replace(event, start=event.start + timedelta(hours=1)) if late else event


def _without_days(event):
    return event.with_exceptions({key: moved for key, moved in event.exceptions.items() if len(key) > 8})


class Backend:
    """The built-in CRM with faults: of its sides, and by name of what it offers itself."""

    def __init__(self, crm, side=Side, **faults):
        self._crm, self._side = crm, side
        for name, fault in faults.items():
            setattr(self, name, fault)

    def __getattr__(self, name):
        return getattr(self._crm, name)

    def side(self, login):
        return self._side(self._crm.engine, login, self._crm.clock)


def _raising(error):
    def check():
        raise error

    return check


class WrongName(Side):
    name = SideName.GOOGLE


#: Check -> the fault that it has to find.
SIDES = {
    "a_side_says_what_it_is": WrongName,
    "what_another_keeps_private_has_no_content": OthersSecrets,
    "what_another_keeps_private_stays_as_it_is": OthersPowers,
    "create_answers_with_what_is_stored": ShortAnswers,
    "create_says_what_the_person_may_do": NoAccess,
    "create_once_for_each_original": sending(_unique_markers),
    "find_knows_the_copy_of_an_original": BlindFind,
    "find_compares_markers_exactly": LooseFind,
    "find_knows_no_copy_that_was_deleted": GhostFind,
    "read_knows_no_strange_key": ReadRefused,
    "update_answers_with_what_is_stored": OldAnswers,
    "update_leaves_other_fields_alone": sending(_whole_events),
    "update_empties_fields": sending(_never_empty),
    "version_moves_with_every_change": OneVersion,
    "update_of_an_old_version_is_stale": sending(_without_version(Update)),
    "delete_of_an_old_version_is_stale": sending(_without_version(Delete)),
    "delete_removes": KeepsDeleted,
    "update_of_a_deleted_entry_is_stale": NeverStale,
    "what_is_foretold_is_shown": WrongProphet,
    "batch_goes_on_after_a_failure": StopsAtFailure,
    "errors_hold_no_content": Talkative,
    "observe_lists_everything_at_first": NeverComplete,
    "observe_shows_changes": DropsChanges,
    "observe_shows_deletions": DropsDeletions,
    "observe_goes_on_from_its_end": RestlessVersions,
    "observe_misses_no_change_beside_it": LateCursor,
    "observe_knows_when_a_cursor_is_no_use": AnyCursor,
    "texts_come_back": showing(lambda event: replace(event, title=html.escape(event.title))),
    "characters_of_all_planes_come_back": sending(_narrow),
    "titles_of_all_lengths_are_stable": CutSilently,
    "whole_days_stay_days": showing(_hours_for_days),
    "instants_stay_instants": showing(_hour_too_late),
    "moments_without_length_are_stable": LooksOfItsOwn,
    "series_come_back_whole": showing(lambda event: event.with_exceptions({})),
    "exceptions_are_written_one_by_one": ReplacesExceptions,
    "series_of_days_come_back": showing(_without_days),
    "series_keep_the_clock_of_their_zone": showing(
        lambda event: replace(event, zone="") if event.recurrence else event
    ),
    "rules_can_change_and_end": sending(_no_rule_changes),
    "nothing_is_left_behind": KeepsQuietlyDeleted,
}

BACKENDS = {
    "people_are_found_by_login": lambda crm: Backend(crm, person=lambda login: CrmPerson(login, "", login)),
    "the_backend_answers": lambda crm: Backend(crm, check=_raising(Later("CRM: not now"))),
    "changes_wake_the_person": lambda crm: Backend(crm, wakes=lambda cursor: (frozenset({"ben"}), "1")),
    "observe_is_the_persons_own": lambda crm: Backend(
        crm, side=lambda login: crm.side(login if crm.person(login) else "fay")
    ),
    "series_are_refused_where_there_are_no_rules": lambda crm: Backend(
        crm, capabilities=Capabilities(recurrence=Recurrence.OCCURRENCES)
    ),
}


def faulty(crm, check):
    """Return the CRM with the fault that `check` is about."""
    return Backend(crm, SIDES[check]) if check in SIDES else BACKENDS[check](crm)
