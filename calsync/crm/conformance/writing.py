"""Checks of reading and writing one entry: answers, markers, patches, versions, deletions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from calsync.crm.conformance.trial import NotApplicable, Trial, expect, expect_same, told
from calsync.model.errors import Refused, SideError, Stale
from calsync.model.event import FIELDS, Attendee, Event, Response, Visibility
from calsync.model.side import Create, Delete, Item, Patch, Update

#: Fields that are changed alone; start and end are one.
_PARTS = (
    ("title",),
    ("start", "end"),
    ("description",),
    ("location",),
    ("attendees",),
    ("reminders",),
    ("visibility",),
)


def create_answers_with_what_is_stored(trial: Trial) -> None:
    """The answer to a creation is the entry as every later look shows it."""
    event = trial.event()
    made = trial.create(event)
    expect_same(trial.able, event, made.content, "the answer to a creation")
    expect(made.content == trial.there(made.key).content, "a read shows something else than the answer said")


def create_says_what_the_person_may_do(trial: Trial) -> None:
    """Answers, reads and observations carry the access decision: without one, nothing crosses."""
    made = trial.create()
    shown = {"the answer": made, "a read": trial.read(made.key), "a look": trial.look().items.get(made.key)}
    for name, item in shown.items():
        expect(item is not None and item.access is not None, f"{name} has no access decision")
        access = item.access if item else None
        expect(
            access is not None and bool(access.relations),
            f"{name} does not say why the entry is the person's",
        )


def create_once_for_each_original(trial: Trial) -> None:
    """A creation that is sent twice under one marker makes one entry."""
    _names_originals(trial)
    marker = trial.marker()
    first, second = trial.create(marker=marker), trial.create(marker=marker)
    expect(first.key == second.key, "the same creation, sent twice, made two entries")


def find_knows_the_copy_of_an_original(trial: Trial) -> None:
    """`find` returns our living copy of an original, also after it was changed; items name the original."""
    _names_originals(trial)
    marker = trial.marker()
    made = trial.create(marker=marker)
    trial.update(made, replace(trial.event(), location="Room 2"), "location")
    found = trial.side().find(marker)
    expect(found is not None and found.key == made.key, "`find` does not know the copy of an original")
    shown = {"found": found, "read": trial.read(made.key), "observed": trial.look().items.get(made.key)}
    for name, item in shown.items():
        expect(
            item is not None and item.marker == marker, f"the entry, when {name}, does not name its original"
        )


def find_compares_markers_exactly(trial: Trial) -> None:
    """A marker that only resembles another one names another original."""
    _names_originals(trial)
    marker = trial.marker()
    trial.create(marker=marker)
    alike = (f"{marker}0", marker[:-1], marker.upper(), marker.replace("_", "x"), f"{marker[:-1]}%", "%", "")
    for other in alike:
        found = trial.side().find(other)
        expect(found is None or found.gone, "`find` returns the copy of another original")


def find_knows_no_copy_that_was_deleted(trial: Trial) -> None:
    """A deleted copy is not found as a living one, and the original can have a new copy."""
    _names_originals(trial)
    marker = trial.marker()
    made = trial.create(marker=marker)
    trial.do(Delete(made.key))
    found = trial.side().find(marker)
    expect(found is None or found.gone, "`find` returns a deleted entry as a living one")
    again = trial.create(marker=marker)
    expect(not again.gone, "an original whose copy was deleted cannot be copied again")


def _names_originals(trial: Trial) -> None:
    if not trial.able.names_originals:
        raise NotApplicable("the CRM has no place for markers")


def read_knows_no_strange_key(trial: Trial) -> None:
    """A key that nothing has reads as None: it is no failure of the CRM."""
    for key in (f"calsync-{trial.word}", "0", "../x?y=1"):
        found = trial.read(key)
        expect(found is None or found.gone, "an entry that does not exist can be read")


def update_answers_with_what_is_stored(trial: Trial) -> None:
    """The answer to an update is the entry as every later look shows it."""
    made = trial.create()
    changed = trial.event("changed", location="Room 2")
    answer = trial.update(made, changed, "title", "location")
    shown = trial.there(made.key)
    if answer.content is not None and not answer.partial:
        expect(answer.content == shown.content, "a read shows something else than the answer said")
    expect(answer.version == shown.version, "the answer to an update has another version than a read")
    expect(not shown.untouched, "an entry that was changed is called untouched")


def update_leaves_other_fields_alone(trial: Trial) -> None:
    """A patch changes the fields that it names, and no other."""
    before = _rich(trial)
    other = Event(
        f"{trial.word} other",
        before.start + timedelta(days=1, hours=2),
        before.end + timedelta(days=1, hours=3),
        before.zone,
        "another text",
        "Room 9",
        attendees=(Attendee("other@example.com", "Other", Response.ACCEPTED),),
        reminders=(45,),
        visibility=Visibility.PRIVATE,
    )
    item = trial.create(before)
    before = trial.there(item.key).content or before
    for names in _PARTS:
        if not trial.able.keeps.issuperset(names):
            continue
        trial.update(item, other, *names)
        item = trial.there(item.key)
        values = {name: getattr(other, name) for name in names}
        expect_same(trial.able, replace(before, **values), item.content, f"after a change of {names[0]}")
        trial.update(item, before, *names)
        item = trial.there(item.key)


def update_empties_fields(trial: Trial) -> None:
    """A text, guests and reminders that are taken away are gone."""
    before = _rich(trial)
    item = trial.create(before)
    empty = replace(before, description="", location="", attendees=(), reminders=None)
    names = {"description", "location", "attendees", "reminders"} & trial.able.keeps
    trial.update(item, empty, *names)
    expect_same(trial.able, empty, trial.there(item.key).content, "after fields were emptied")


def _rich(trial: Trial) -> Event:
    guests = (Attendee("ann@example.com", "Ann", Response.TENTATIVE), Attendee("bo@example.com"))
    event = trial.event(attendees=guests, reminders=(10, 60))
    if "attendees" not in trial.able.keeps:
        event = replace(event, attendees=())
    return event if "reminders" in trial.able.keeps else replace(event, reminders=None)


def version_moves_with_every_change(trial: Trial) -> None:
    """Looking leaves the version alone; two changes within one second move it twice."""
    item = trial.create()
    versions = [item.version, trial.there(item.key).version]
    expect(bool(versions[0]) and versions[0] == versions[1], "a look moves the version, or there is none")
    for title in ("b", "c"):
        item = trial.update(item, trial.event(title), "title")
        versions.append(item.version)
    expect(len(set(versions)) == 3, "a change has left the version as it was")


def update_of_an_old_version_is_stale(trial: Trial) -> None:
    """Who writes on the base of an old version overwrites nobody: the outcome is Stale."""
    old = trial.create()
    trial.update(old, trial.event("newer"), "title")
    patch = Patch(frozenset({"title"}), trial.event("older"))
    outcome = trial.do(Update(old.key, patch, old.version, old.access))
    expect(isinstance(outcome, Stale), f"an update of an old version was answered with {told(outcome)}")
    expect(
        _title(trial, old.key) == f"{trial.word} newer",
        "an update of an old version has overwritten a newer one",
    )


def delete_of_an_old_version_is_stale(trial: Trial) -> None:
    """An edit beats a deletion that did not know of it: the outcome is Stale, and the entry stays."""
    old = trial.create()
    trial.update(old, trial.event("newer"), "title")
    outcome = trial.do(Delete(old.key, old.version))
    expect(isinstance(outcome, Stale), f"a deletion of an old version was answered with {told(outcome)}")
    expect(
        _title(trial, old.key) == f"{trial.word} newer",
        "a deletion of an old version has deleted a newer one",
    )


def _title(trial: Trial, key: str) -> str:
    content = trial.there(key).content
    return content.title if content else ""


def delete_removes(trial: Trial) -> None:
    """A deleted entry reads as gone, or not at all; deleting it once more is no failure."""
    item = trial.create()
    for time in ("deletion", "second deletion"):
        outcome = trial.do(Delete(item.key, item.version if time == "deletion" else ""))
        gone = outcome is None or (isinstance(outcome, Item) and outcome.gone)
        expect(gone, f"a {time} was answered with {told(outcome)}")
    left = trial.read(item.key)
    expect(left is None or left.gone, "a deleted entry can still be read")


def update_of_a_deleted_entry_is_stale(trial: Trial) -> None:
    """A deleted entry cannot be changed, and does not come back by it."""
    item = trial.create()
    trial.do(Delete(item.key))
    outcome = trial.do(
        Update(item.key, Patch(frozenset({"title"}), trial.event("late")), item.version, item.access)
    )
    expect(isinstance(outcome, Stale), f"an update of a deleted entry was answered with {told(outcome)}")
    left = trial.read(item.key)
    expect(left is None or left.gone, "an update has brought a deleted entry back")


def what_is_foretold_is_shown(trial: Trial) -> None:
    """A side that says how it will show an event (`as_written`) is right: after a crash, that tells our writes from
    people's.
    """
    foretell = getattr(trial.side(), "as_written", None)
    if foretell is None:
        raise NotApplicable("the side does not say how it shows what is written")
    day = trial.start.date()
    for event in (
        trial.event(),
        _rich(trial),
        trial.event(attendees=(Attendee("ann@example.com"),), reminders=(30,)),
        trial.event("public", visibility=Visibility.PUBLIC),
        trial.event("private", visibility=Visibility.PRIVATE),
        trial.event("days", start=day, end=day + timedelta(days=2), zone=""),
        trial.event("long" * 100, location="far away " * 60 + "end"),
    ):
        made = trial.create(event)
        told, shown = foretell(event), trial.there(made.key).content
        wrong = [name for name in FIELDS if getattr(told, name) != getattr(shown, name)]
        expect(not wrong, f"{', '.join(wrong)} are shown otherwise than `as_written` says")


def batch_goes_on_after_a_failure(trial: Trial) -> None:
    """Outcomes come in order, one for each write; one that fails is an outcome, and the others are carried out."""
    item = trial.create()
    patch = Patch(frozenset({"title"}), trial.event("batch"))
    missing = Update(f"calsync-{trial.word}", patch, "1", item.access)
    outcomes = trial.do_all(
        [
            Create(trial.marker(), trial.event("one")),
            missing,
            Update(item.key, patch, item.version, item.access),
            Create(trial.marker(), trial.event("two")),
        ]
    )
    expect(
        isinstance(outcomes[1], Stale | Refused), f"an unknown entry was answered with {told(outcomes[1])}"
    )
    titles = [each.content.title for each in outcomes if isinstance(each, Item) and each.content]
    wanted = [f"{trial.word} {title}" for title in ("one", "batch", "two")]
    expect(titles == wanted, "writes beside one that failed were not carried out, or not in order")
    expect(trial.do_all([]) == [], "a batch of nothing has outcomes")


def errors_hold_no_content(trial: Trial) -> None:
    """What operators read of a failure holds no title."""
    item = trial.create(trial.event("secret-title"))
    trial.update(item, trial.event("secret-title 2"), "title")
    patch = Patch(frozenset({"title"}), trial.event("secret-title 3"))
    outcomes = [
        trial.do(Update(item.key, patch, item.version, item.access)),
        trial.do(Update("calsync-secret", patch, item.version, item.access)),
    ]
    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, SideError)]
    expect(not any("secret-title" in reason for reason in reasons), "a failure repeats the title of an event")


CHECKS = (
    create_answers_with_what_is_stored,
    create_says_what_the_person_may_do,
    create_once_for_each_original,
    find_knows_the_copy_of_an_original,
    find_compares_markers_exactly,
    find_knows_no_copy_that_was_deleted,
    read_knows_no_strange_key,
    update_answers_with_what_is_stored,
    update_leaves_other_fields_alone,
    update_empties_fields,
    version_moves_with_every_change,
    update_of_an_old_version_is_stale,
    delete_of_an_old_version_is_stale,
    delete_removes,
    update_of_a_deleted_entry_is_stale,
    what_is_foretold_is_shown,
    batch_goes_on_after_a_failure,
    errors_hold_no_content,
)
