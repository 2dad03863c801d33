"""The verdict on a town: what must hold after a round, and when all is calm.

=====  ==================  =====================================================================================
rule   what must hold      where it is looked for
=====  ==================  =====================================================================================
I-1    no lost update      `ledger`: each value stands, was replaced or deleted by who saw it, or is on record
I-2    loser kept          `lost`: the record of losers is read from the database after deaths at every boundary
I-3    no duplicate        `verdict`: no tag is twice in the CRM, or twice on one Google calendar
I-4    no resurrection     `ledger`: what was deleted by who had the right and saw all stays away; also after a
                           complete listing (rounds ordered so, expired tokens, consent given anew)
I-5    convergence         `plays`: in step within PASSES passes after the last deed; `verdict`: the sides agree
I-6    no echo             `plays`: a pass over all accounts that writes nothing must come, and is then the last
I-7    ownership           `inspection`: only fields that are ours are written, to the linked calendar alone;
                           `verdict`: what people set in other fields of Google's is as they left it
I-8    confidentiality     `inspection`: each value sent to somebody's Google calendar, word by word, was theirs
                           to see since it was written, at some time since the round began
I-9    withdrawal is no    `after_round`: no copy outlives by one round the right to it; `ledger`: a record that
       deletion            is gone was deleted by somebody who had the right to
I-10   no mail             `inspection`: every write says sendUpdates=none; `verdict`: nobody was mailed
I-11   crash-safety        modes crash and double: all of this after deaths at every boundary
I-12   cursor rule         modes crash and fault, by what I-1 and I-4 find when a cursor was kept too early
I-13   one writer          mode rival: a second process begins a round at every boundary
I-14   blast radius        trouble "empty listing": nothing goes for it (`ledger`); the brake itself is tested apart
I-15   visible failure     `after_round`, `verdict`: what is not in step is set aside, held, or unsettled with a time
                           for the next try; nothing else is forgiven, and a new try by hand heals it
I-16   times               `verdict`: starts, of whole days and of occurrences over the change to summer time, agree
=====  ==================  =====================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from looks import CRM, Entry, Office, by_tag, is_copy, tag_of
from sqlalchemy import select
from story import Story
from town import COLOUR, RESIDENTS, Resident, Town

from calsync.model.event import Event
from calsync.model.permission import Level
from calsync.sandbox.campaign.ledger import Shown, Weight, differing
from calsync.store import accounts, contents
from calsync.store.conflicts import conflicts, place
from calsync.store.database import reading

#: So long a link may have to wait for its next try.
LONGEST_WAIT_HOURS = 6

Tagged = Mapping[str, list[Entry]]


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A link that is not in step, as operators can see it; `cause`: why it was set aside; `waits`: for a next try."""

    tags: frozenset[str]
    cause: str
    held: bool
    waits: bool
    key: str


def unsettled(town: Town, story: Story, login: str) -> list[Unsettled]:
    """Return the links of somebody that are set aside or wait for another try, and those of which something of
    Google's own is held, since that person may not change the record.
    """
    rows = town.store_driver.execute(
        "SELECT google_key, crm_key, cause, held AND origin = 'google', dirty OR intents IS NOT NULL FROM link"
        " WHERE account_id = ? AND (cause_since IS NOT NULL OR (held AND origin = 'google') OR dirty"
        " OR intents IS NOT NULL)",
        (town.account_id(login),),
    )
    found = []
    for google, crm, cause, held, waits in rows:
        row = town.calendar(login).rows.get(google or "")
        tags = {story.rights.records.get(crm or "", ""), tag_of(row.body.get("summary", "")) if row else ""}
        found.append(
            Unsettled(frozenset(tags - {""}), cause or "", bool(held), bool(waits), google or crm or "")
        )
    return found


def _excused(town: Town, story: Story, login: str) -> frozenset[str]:
    """Return the tags of events that are visibly not in step: set aside, or held for want of a permission."""
    return frozenset(
        tag
        for link in unsettled(town, story, login)
        for tag in link.tags
        if link.cause or (link.held and story.rights.now(tag, login).level < Level.EDIT)
    )


def after_round(town: Town, story: Story, login: str, report: Mapping[str, Any]) -> None:
    """Take note of how a round of somebody has ended; when it went well, no copy is left that may not be there."""
    partial = report["outcome"] == "partial"
    whole = report["outcome"] == "ok" or (partial and not report.get("reason"))
    if not whole:
        story.interrupted()
        return
    story.before.pop(login, None)
    story.twins = {tag: owner for tag, owner in story.twins.items() if owner != login}
    began, rights = story.rights.began(login), story.rights
    left = unsettled(town, story, login)
    rights.end(login, frozenset(tag for link in left for tag in link.tags), town.weather.lagged)
    crm = by_tag(story.on(town, CRM))
    for entry in story.on(town, f"google:{login}"):
        if is_copy(entry, crm) and (entry.tag, login) in rights.known:
            # A round that is partial says so itself: what Google kept it from taking back waits for the next try.
            if any(entry.tag in link.tags and (link.cause or (partial and link.waits)) for link in left):
                continue
            spans = rights.between(entry.tag, login, began, story.ledger.now)
            if all(right.outgoing is Level.NONE for right in spans):
                story.wrong.append(f"{entry.tag}: a copy has outlived the right to it at Google of {login}")


def verdict(town: Town, story: Story) -> tuple[list[str], int]:
    """Return what is wrong when all is calm, one sentence each, and how many events are set aside or held."""
    crm = by_tag(story.on(town, CRM))
    google = {person: by_tag(story.on(town, person.side)) for person in RESIDENTS}
    wrong = ["guests were mailed"] if town.world.mails else []
    wrong += [f"{tag}: is there {len(rows)} times in the CRM" for tag, rows in crm.items() if len(rows) > 1]
    late = town.clock().replace(tzinfo=None) + timedelta(hours=LONGEST_WAIT_HOURS)
    hanging = "SELECT count(*) FROM link WHERE retry_at > ?"
    if town.store_driver.execute(hanging, (late.isoformat(" "),)).fetchone()[0]:
        wrong.append("an event waits longer for its next try than it ever should")
    set_aside = 0
    for person, there in google.items():
        excused = _excused(town, story, person.login)
        set_aside += len(excused)
        wrong += _compare(town, story, person, crm, there, excused)
        wrong += _discoloured(town, story, person)
    wrong += _lives(town, story, crm, list(google.values()))
    wrong += _declined(story, crm)
    return sorted(wrong), set_aside


def _compare(
    town: Town, story: Story, person: Resident, crm: Tagged, there: Tagged, excused: frozenset[str]
) -> Iterator[str]:
    """Yield how somebody's Google calendar differs from what it should show of the CRM."""
    office = Office(town)
    for tag in {*crm, *there} - excused:
        record, entries = crm[tag][0] if tag in crm else None, there.get(tag, [])
        outgoing = Level.NONE
        if record is not None:
            outgoing = town.policy.outgoing(office.access(person.login, record))
        text = _fault(entries, record, outgoing)
        if text and not _is_left(story, person.login, crm, entries):
            yield f"{tag}: {text} at Google of {person.login}"


def _fault(entries: list[Entry], record: Entry | None, outgoing: Level) -> str:
    if len(entries) > 1:
        return f"is there {len(entries)} times"
    if record is None or outgoing is Level.NONE:
        return "should not be" if entries else ""
    if not entries:
        return "is missing"
    [entry] = entries
    if outgoing is Level.BUSY and not entry.busy:
        return "says more than when"
    names = differing(entry.shown, record.shown)
    if outgoing is Level.BUSY or (record.busy and entry.original != record.key):
        names = [name for name in names if name == "start"]
    return f"differs in {', '.join(names)}" if names else ""


def _is_left(story: Story, login: str, crm: Tagged, entries: list[Entry]) -> bool:
    """Return whether an event is somebody's own, of which the record was taken from them."""
    if len(entries) != 1 or is_copy(entries[0], crm):
        return False
    return story.rights.now(entries[0].tag, login).outgoing is Level.NONE


def _discoloured(town: Town, story: Story, person: Resident) -> Iterator[str]:
    for entry in story.on(town, person.side):
        body = town.calendar(person.login).rows[entry.key].body
        if not entry.original and entry.tag not in story.rights.hosts and body.get("colorId") != COLOUR:
            yield f"{entry.tag}: has lost its colour at Google of {person.login}"


def _lives(town: Town, story: Story, crm: Tagged, google: Sequence[Tagged]) -> Iterator[str]:
    """Yield what has gone wrong in the lives of events."""
    values, weigh = lost(town) | story.lost, story.rights.weigh
    sides = [crm, *google]
    yield from (f"{tag}: nobody made it" for side in sides for tag in side if tag not in story.ledger.lives)
    for tag, life in story.ledger.lives.items():
        shown: list[Shown] = [entry.shown for side in sides for entry in side.get(tag, [])]
        if tag in crm or not _is_of_others(story, tag, google):
            yield from story.ledger.judge(tag, shown, values, weigh)
        # Somebody else may have cancelled the same occurrence, and had the right to.
        rightful = {deed.value for deed in life.written if weigh(tag, deed) is not Weight.VOID}
        void = [deed for deed in life.written if deed.value not in rightful]
        for record in crm.get(tag, []):
            for deed in void:
                if record.shown.get(deed.field) == deed.value:
                    yield f"{tag}: an edit of {deed.field} on {deed.side} without the right to it has come through"


def _is_of_others(story: Story, tag: str, google: Sequence[Tagged]) -> bool:
    """Return whether an event is left with whom it began, when somebody else had its record, and deleted that."""
    own = [person for person, there in zip(RESIDENTS, google, strict=True) if tag in there]
    return bool(own) and all(
        not entry.original and not story.rights.now(tag, person.login).mine
        for person, there in zip(RESIDENTS, google, strict=True)
        for entry in there.get(tag, [])
    )


def _declined(story: Story, crm: Tagged) -> Iterator[str]:
    """Yield who is said to have declined, but has deleted nothing: a copy that was taken back is no answer."""
    for tag, records in crm.items():
        for record in records:
            answers = json.loads(record.row["attendees"] or "[]") if record.row else []
            for person in RESIDENTS:
                said = any(email == person.email and answer == "declined" for email, _, answer in answers)
                sides = {deed.side for deed in story.ledger.lives[tag].deleted}
                if said and person.side not in sides:
                    yield f"{tag}: {person.login} has declined without a word"


def too_late(story: Story) -> int:
    """Return how many edits were made after the last look that any client could take before it deletes a series."""
    deeds = (deed for life in story.ledger.lives.values() for deed in life.written)
    return sum(story.rights.is_unseen(deed, deed.side.partition(":")[2]) for deed in deeds)


def lost(town: Town) -> set[str]:
    """Return the values on record as losers of conflicts."""
    found = set()
    with reading(town.store) as connection:
        for row in connection.execute(select(conflicts)).mappings().all():
            account = accounts.load(connection, town.vault, row["account_id"])
            assert account is not None
            where = place("lost", row["link_id"], row["field"])
            value = contents.load_value(account.cipher.open(where, row["lost"]))
            found |= _lost_values(row["field"], value)
    return found


def _lost_values(field: str, value: object) -> set[str]:
    if field == "start" and isinstance(value, str):
        return {datetime.fromisoformat(value).astimezone(UTC).isoformat() if "T" in value else value}
    if isinstance(value, Event):
        return {value.title}
    if field.startswith("x:") and value is None:
        return {f"cancelled {field[8:10]}"}
    return {str(value)}
