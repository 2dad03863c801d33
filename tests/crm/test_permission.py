"""Who sees and changes what: OpenCRM's six levels of record security, for everybody who may stand to a record."""

from __future__ import annotations

import itertools
from dataclasses import replace as changed

import pytest
from hypothesis import given
from hypothesis import strategies as some

from calsync.model.permission import Level, Person, Record, Relation, Security, decide

TIMED = {"start": "2026-05-04T09:00:00Z", "end": "2026-05-04T10:00:00Z"}
LEVELS = ("public_read", "public_edit", "public_delete", "private", "private_group", "global")

#: What ben, cleo, ... may do with a record of ana's, by its security, in the order of LEVELS. The owner's team is
#: sales, the record's team is service. "-": not even see it.
TABLE = {
    "ana, the owner": ("ana", "delete", "delete", "delete", "delete", "delete", "delete"),
    "ben, of the owner's team": ("ben", "read", "edit", "delete", "-", "delete", "delete"),
    "cleo, of the record's team": ("cleo", "read", "edit", "delete", "-", "delete", "delete"),
    "dora, an administrator": ("dora", "delete", "delete", "delete", "-", "delete", "delete"),
    "eli, of the owner's team, whose role is read-only": ("eli", "read", "read", "read", "-", "read", "read"),
    "fay, a stranger": ("fay", "read", "edit", "delete", "-", "-", "delete"),
    "gus, a stranger who is invited": ("gus", "read", "edit", "delete", "read", "read", "delete"),
}
ROWS = [
    pytest.param(user, security, may, id=f"{who}: {security}")
    for who, (user, *row) in TABLE.items()
    for security, may in zip(LEVELS, row, strict=True)
]


@pytest.fixture(scope="module", autouse=True)
def gus(office):
    office.hire("gus")


@pytest.fixture
def record(office):
    """Return a function that makes a record of ana's."""

    def make(security, **more):
        people = [{"email": "gus@example.com"}]
        return office.crm_add(
            "ana", **TIMED, title="t", security=security, team="service", attendees=people, **more
        )

    return make


@pytest.mark.parametrize(("user", "security", "may"), ROWS)
def test_everybody_may_do_what_the_record_allows_and_no_more(office, record, user, security, may):
    made = record(security)
    path = f"events/{made['id']}"
    rank = ["-", "read", "edit", "delete"].index(may)
    refused = 404 if rank == 0 else 403
    assert office.crm("GET", path, user).status_code == (200 if rank else 404)
    assert (made["id"] in {event["id"] for event in office.crm_events(user)}) is (rank >= 1)
    assert office.crm("PATCH", path, user, {"title": "new"}).status_code == (200 if rank >= 2 else refused)
    assert office.get("ana", made["id"])["title"] == ("new" if rank >= 2 else "t")
    assert office.crm("DELETE", path, user).status_code == (204 if rank >= 3 else refused)
    assert office.crm("GET", path, "ana").status_code == (404 if rank >= 3 else 200)


def test_the_answer_about_a_hidden_event_is_that_about_one_that_never_was(office, record):
    hidden = record("private")["id"]
    for method in ("GET", "PATCH", "DELETE"):
        for headers in ({}, {"If-Match": "9"}):
            there = office.crm(method, f"events/{hidden}", "fay", {"title": "x"}, **headers)
            never = office.crm(method, "events/000000000000000000000000", "fay", {"title": "x"}, **headers)
            assert (there.status_code, there.json()) == (never.status_code, never.json())
            assert there.status_code == 404


def test_events_are_made_for_oneself_or_by_an_administrator(office):
    office.refusal(403, "POST", "events", "ben", {**TIMED, "owner": "ana"})
    office.refusal(403, "POST", "events", "eli", TIMED)
    assert office.crm_add("dora", **TIMED, owner="ana")["owner"] == "ana"


@pytest.mark.parametrize("change", [{"owner": "ben"}, {"security": "public_delete"}, {"team": "sales"}])
def test_only_the_owner_or_an_administrator_says_whose_it_is_and_who_may_see_it(office, record, change):
    made = record("public_edit")
    assert "Only the owner" in office.refusal(
        403, "PATCH", f"events/{made['id']}", "ben", {**change, "title": "x"}
    )
    assert office.get("ana", made["id"]) == made
    (name,) = change
    assert office.crm_edit("dora", made["id"], **change)[name] == change[name]


def test_who_may_edit_can_send_back_what_they_read(office, record):
    made = record("public_edit")
    assert office.crm_edit("ben", made["id"], **made)["title"] == "t"


def test_an_event_that_is_handed_over_belongs_to_the_new_owner(office, record):
    made = record("private")
    office.crm_edit("ana", made["id"], owner="ben")
    assert office.get("ben", made["id"])["owner"] == "ben"
    office.refusal(404, "GET", f"events/{made['id']}", "ana")


def test_rights_follow_the_role_and_the_team_at_once(office, record):
    office.hire("hal")
    made = record("private_group")
    office.refusal(404, "GET", f"events/{made['id']}", "hal")
    office.parts.crm.set_access("hal", "standard", ["service"])
    assert office.crm_edit("hal", made["id"], title="x")["title"] == "x"
    office.parts.crm.set_access("hal", "read_only", ["service"])
    office.refusal(403, "PATCH", f"events/{made['id']}", "hal", {"title": "y"})
    office.parts.crm.set_access("hal", "standard", [])
    office.refusal(404, "GET", f"events/{made['id']}", "hal")


def test_a_role_that_nobody_knows_changes_nothing(office):
    office.hire("ida")
    made = office.crm_add("ana", **TIMED, title="t", security="public_edit")
    office.parts.crm.set_access("ida", "superuser", [])
    assert office.crm("GET", f"events/{made['id']}", "ida").status_code == 200
    office.refusal(403, "PATCH", f"events/{made['id']}", "ida", {"title": "x"})


# -- the rule itself, for any organisation -----------------------------------------------------------------

logins = some.sampled_from(["ana", "ben", "cleo"])
teams = some.frozensets(some.sampled_from(["sales", "service", "board"]))
emails = logins.map(lambda login: f"{login}@example.com")
people = some.builds(
    lambda login, admin, theirs, read_only: Person(login, f"{login}@example.com", admin, theirs, read_only),
    logins,
    some.booleans(),
    teams,
    some.booleans(),
)
records = some.builds(
    Record,
    logins,
    some.sampled_from([*Security, "", "PRIVATE", "something new"]),
    some.sampled_from(["", "sales", "board"]),
    teams,
    some.frozensets(emails),
    some.frozensets(emails),
)


@given(people, records)
def test_nobody_sees_what_nothing_grants(person, record):
    """Stated the other way round than the program: from reasons to see, not from levels."""
    reasons = {
        "owner": record.owner == person.login,
        "invited": person.email in record.attendees,
        "everybody": record.security in ("public_read", "public_edit", "public_delete", "global"),
        "team": record.security == "private_group"
        and bool(person.teams & (record.owner_teams | ({record.team} - {""}))),
        "administrator": person.admin and record.security in set(LEVELS) - {"private"},
    }
    assert (decide(person, record).level > Level.NONE) == any(reasons.values()), reasons


@given(people, records)
def test_a_read_only_role_never_changes_anything(person, record):
    assert decide(changed(person, read_only=True), record).level <= Level.READ


@given(people, records)
def test_security_that_nobody_knows_is_as_private(person, record):
    unknown = decide(person, changed(record, security="something new"))
    assert unknown.level == decide(person, changed(record, security="private")).level


@given(people, records, teams, emails)
def test_joining_being_invited_and_being_promoted_never_take_anything_away(person, record, more, email):
    before = decide(person, record).level
    assert decide(changed(person, teams=person.teams | more), record).level >= before
    assert decide(changed(person, admin=True), record).level >= before
    assert decide(person, changed(record, attendees=record.attendees | {email})).level >= before
    assert decide(changed(person, read_only=True), record).level <= before


@given(people, records)
def test_less_security_never_takes_anything_away(person, record):
    order = ["private", "private_group", "public_read", "public_edit", "public_delete", "global"]
    levels = [decide(person, changed(record, security=security)).level for security in order]
    for tighter, looser in itertools.pairwise(levels[2:]):
        assert tighter <= looser
    assert levels[0] == min(levels)
    assert levels[-1] == max(levels)


@given(people, records)
def test_a_relation_is_never_made_up(person, record):
    relations = decide(person, record).relations
    assert (Relation.MINE in relations) == (record.owner == person.login)
    if Relation.INVITED in relations:
        assert person.email in record.attendees - record.declined
        assert record.owner != person.login


@given(people, records)
def test_what_is_given_as_the_reason_holds_no_private_word(person, record):
    because = decide(person, record).because
    assert because
    assert "@" not in because
    assert not any(name in because.split() for name in ("ana", "ben", "cleo", "sales", "board"))


@given(records)
def test_somebody_without_an_address_is_nobody_s_guest(record):
    nobody = Person("zoe", "")
    invited = changed(record, security="private", attendees=record.attendees | {""})
    assert decide(nobody, invited).level is Level.NONE
    assert Relation.INVITED not in decide(nobody, invited).relations
