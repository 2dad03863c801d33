"""The database is lost: consent is given anew, and the mapping is rebuilt from what both sides have."""

from __future__ import annotations

from calsync.model.recurrence import occurrence_key
from tests.house import at, crm_at, day, nothing_written
from tests.safety.disasters import consent_anew, lose_database

MANY = 120
RULE = ["RRULE:FREQ=DAILY;COUNT=5"]


def populate(house, many=MANY):
    """Hundreds of events, born on either side, with series and their exceptions."""
    for n in range(many):
        house.google_add(
            "ana", summary=f"G{n}", description=f"<b>g{n}</b> &amp; more", **at(day(1 + n % 60, 7))
        )
        house.crm_add("ana", title=f"C{n}", description=f"c{n}", **crm_at(day(1 + n % 60, 12)))
    for n in range(5):
        made = house.google_add("ana", summary=f"GS{n}", recurrence=RULE, **at(day(2, 8)))
        house.google_edit("ana", f"{made['id']}_{occurrence_key(day(3, 8))}", summary=f"GS{n} moved")
        house.google_delete("ana", f"{made['id']}_{occurrence_key(day(4, 8))}")
        parts = [
            {"original_start": day(3, 14).isoformat(), "title": f"CS{n} moved"},
            {"original_start": day(4, 14).isoformat(), "cancelled": True},
        ]
        house.crm_add("ana", title=f"CS{n}", recurrence=RULE, exceptions=parts, **crm_at(day(2, 14)))
    house.resync("ana")
    house.resync("ana")


def shape(house):
    """What both calendars show, so that doubles and losses are seen."""
    return house.google_titles("ana"), house.crm_titles("ana")


def test_hundreds_of_events_are_joined_again_without_a_write(house):
    populate(house)
    before = house.google_events("ana"), house.crm_events("ana")
    lose_database(house)
    run = consent_anew(house, "ana")
    assert run["outcome"] == "ok"
    assert nothing_written(run)
    assert run["conflicts"] == 0
    assert (house.google_events("ana"), house.crm_events("ana")) == before
    assert nothing_written(house.resync("ana", full=True))


def test_edits_made_on_both_sides_since_the_loss_all_survive(house):
    populate(house, 20)
    lose_database(house)
    google = {event["summary"]: event["id"] for event in house.google_events("ana") if "summary" in event}
    crm = {event["title"]: event["id"] for event in house.crm_events("ana")}
    house.google_edit("ana", google["C1"], location="hall")
    house.crm_edit("ana", crm["C1"], reminders_minutes=[15])
    house.google_edit("ana", google["G1"], **at(day(20, 5)))
    house.crm_edit("ana", crm["G2"], title="G2 edited")
    house.google_edit("ana", f"{google['CS1']}_{occurrence_key(day(5, 14))}", summary="CS1 at Google")
    house.crm_edit(
        "ana", crm["GS1"], exceptions=[{"original_start": day(5, 8).isoformat(), "title": "GS1 in CRM"}]
    )
    counts = len(house.google_events("ana")), len(house.crm_events("ana"))
    run = consent_anew(house, "ana")
    assert run["google"]["deleted"] == run["crm"]["deleted"] == 0
    assert run["google"]["created"] == run["crm"]["created"] == 0
    assert len(house.crm_events("ana")) == counts[1]
    records = {event["title"]: event for event in house.crm_events("ana")}
    assert (records["C1"]["location"], records["C1"]["reminders_minutes"]) == ("hall", [15])
    assert records["G1"]["start"].startswith(day(20, 5).isoformat()[:13])
    assert "G2 edited" in house.google_titles("ana")
    assert "CS1 at Google" in str(records["CS1"]["exceptions"])
    assert "GS1 in CRM" in str(house.google_events("ana"))
    assert nothing_written(house.resync("ana", full=True))


def test_the_loser_of_a_clash_after_the_loss_is_kept(house):
    house.crm_add("ana", title="C", location="old", **crm_at(day(1)))
    house.resync("ana")
    (ours,), (record,) = house.google_events("ana"), house.crm_events("ana")
    lose_database(house)
    house.google_edit("ana", ours["id"], location="at Google")
    house.crm_edit("ana", record["id"], location="in the CRM")
    run = consent_anew(house, "ana")
    assert run["conflicts"] == 1
    assert [event["location"] for event in house.google_events("ana")] == [
        event["location"] for event in house.crm_events("ana")
    ]


def test_a_copy_that_was_made_twice_before_the_loss_is_found_again(house):
    record = house.crm_add("ana", title="C", **crm_at(day(1)))
    house.resync("ana")
    (first,) = house.google_events("ana")
    house.google_delete("ana", first["id"])
    house.crm_edit("ana", record["id"], title="C again")
    house.resync("ana")
    lose_database(house)
    assert nothing_written(consent_anew(house, "ana"))
    assert shape(house) == (["C again"], ["C again"])


def test_a_second_loss_after_a_deletion_on_one_side_doubles_nothing(house):
    record = house.crm_add("ana", title="C", **crm_at(day(1)))
    made = house.google_add("ana", summary="G", **at(day(1)))
    house.resync("ana")
    lose_database(house)
    house.crm_delete("ana", record["id"])
    house.google_delete("ana", made["id"])
    consent_anew(house, "ana")
    assert shape(house) == (["C", "G"], ["C", "G"])
    lose_database(house)
    run = consent_anew(house, "ana")
    assert nothing_written(run)
    assert shape(house) == (["C", "G"], ["C", "G"])


def test_an_event_that_may_not_cross_stays_where_it_is_after_the_loss(house):
    house.google_add("ana", summary="secret", visibility="private", **at(day(1)))
    house.crm_add("ana", title="open", **crm_at(day(1)))
    house.resync("ana")
    lose_database(house)
    run = consent_anew(house, "ana")
    assert nothing_written(run)
    assert run["conflicts"] == 0
    assert shape(house) == (["open", "secret"], ["Busy", "open"])
    assert nothing_written(house.resync("ana", full=True))


def test_two_people_who_share_events_are_both_rebuilt(house):
    house.person("ben")
    people = [{"email": "ben@example.com", "name": "Ben"}]
    house.crm_add("ana", title="both", attendees=people, **crm_at(day(1)))
    for user in ("ana", "ben"):
        house.resync(user)
    assert house.google_titles("ben") == ["both"]
    lose_database(house)
    for user in ("ana", "ben"):
        assert nothing_written(consent_anew(house, user))
    assert house.google_titles("ana") == house.google_titles("ben") == ["both"]


def test_a_rebuilt_mapping_carries_edits_and_deletions_again(house):
    house.crm_add("ana", title="C", **crm_at(day(1)))
    house.google_add("ana", summary="G", **at(day(1)))
    house.resync("ana")
    lose_database(house)
    consent_anew(house, "ana")
    google = {event["summary"]: event["id"] for event in house.google_events("ana")}
    house.google_edit("ana", google["C"], summary="C2")
    house.google_delete("ana", google["G"])
    house.resync("ana")
    assert shape(house) == (["C2"], ["C2"])
