"""What is sent to a tenant: little, once, never to customers, and never over what somebody has written meanwhile."""

from __future__ import annotations

import pytest

from calsync.crm.opencrm.options import NEVER_SENT
from calsync.crm.opencrm.writing import Writer
from calsync.sandbox.opencrm.tenant import CONTACTING
from tests.crm_opencrm.firm import PROFILES, crm_at, day
from tests.house import at, nothing_written
from tests.safety.disasters import meanwhile

REACHING = {*CONTACTING, "sendnotification", "reminder_time"}


def busy_week(firm):
    """Let every kind of write happen."""
    made = firm.google_add(
        "ana",
        summary="G",
        description="text",
        location="Room 1",
        reminders={"useDefault": False, "overrides": [{"method": "popup", "minutes": 10}]},
        attendees=[{"email": "customer@outside.test"}],
        **at(day(1)),
    )
    firm.google_add("ana", summary="Private", visibility="private", **at(day(2)))
    firm.google_add("ana", summary="S", recurrence=["RRULE:FREQ=DAILY;COUNT=3"], **at(day(3)))
    record = firm.crm_add("ana", subject="C", **crm_at(day(4)))
    firm.rounds("ana")
    firm.google_edit("ana", made["id"], summary="G2", description="", **at(day(1, 14)))
    event = next(each for each in firm.google_events("ana") if each["summary"] == "C")
    firm.google_edit("ana", event["id"], location="Room 2", summary="C2")
    firm.rounds("ana")
    firm.google_delete("ana", made["id"])
    firm.google_delete("ana", event["id"])
    firm.rounds("ana")
    return record


def test_no_field_that_reaches_customers_is_ever_sent(firm):
    busy_week(firm)
    written = firm.written()
    assert len(written) > 6
    assert not [name for values in written for name in values if name in REACHING]
    assert firm.in_crm("GET", "letters")["letters"] == []


def test_the_two_lists_of_reaching_fields_are_one():
    assert set(CONTACTING) == NEVER_SENT


def test_type_and_status_stay_as_they_are(firm):
    record = firm.crm_add(
        "ana", subject="Call", activitytype="Call", taskstatus="Held", taskpriority="High", **crm_at(day(1))
    )
    firm.rounds("ana")
    (event,) = firm.google_events("ana")
    firm.google_edit("ana", event["id"], summary="Long call", **at(day(2, 11), 2))
    firm.rounds("ana")
    after = firm.crm_get(record["id"])
    kept = (after["subject"], after["activitytype"], after["taskstatus"], after["taskpriority"])
    assert kept == ("Long call", "Call", "Held", "High")
    assert not [name for values in firm.written() for name in values if "status" in name or "type" in name]


def test_only_what_differs_is_sent(rich):
    record = rich.crm_add("ana", subject="A", description="text", location="Room 1", **crm_at(day(1)))
    rich.rounds("ana")
    (event,) = rich.google_events("ana")
    rich.google_edit("ana", event["id"], summary="B")
    rich.rounds("ana")
    rich.google_edit("ana", event["id"], **at(day(1), 2))
    rich.rounds("ana")
    rich.google_edit("ana", event["id"], description="")
    rich.rounds("ana")
    end = f"{crm_at(day(1), 2)['time_end']}"
    assert rich.written() == [
        {"subject": "B"},
        {"time_end": end, "duration_hours": "2"},
        {"description": ""},
    ]
    assert rich.crm_get(record["id"])["location"] == "Room 1"


def test_fields_that_the_tenant_lacks_never_look_like_a_change(found):
    firm = found("bare")
    firm.person("ana")
    reminders = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 10}]}
    made = firm.google_add("ana", summary="A", location="Room 1", reminders=reminders, **at(day(1)))
    firm.rounds("ana")
    (record,) = firm.crm_events("ana")
    firm.crm_edit("ana", record["id"], subject="B")
    firm.rounds("ana")
    event = firm.google_get("ana", made["id"])
    assert (event["summary"], event["location"], event["reminders"]) == ("B", "Room 1", reminders)


def test_without_field_for_times_and_without_token_only_whole_days_enter(found):
    firm = found("bare", {"token_field": ""})
    firm.person("ana")
    firm.google_add("ana", summary="Timed", **at(day(1)))
    start = day(1).date().isoformat()
    firm.google_add("ana", summary="Day", start={"date": start}, end={"date": day(2).date().isoformat()})
    run = firm.resync("ana")
    assert run["quarantined"] == 1
    assert firm.crm_titles("ana") == ["Day"]


# -- people who write at the same time ---------------------------------------------------------------------


def meddle(firm, monkeypatch, act):
    """Let somebody do something right before the next write to the CRM."""
    side = firm.parts.crm.side
    meddled = []

    def meddling(login):
        made = side(login)
        write = made.write

        def interrupted(batch):
            if not meddled:
                meddled.append(act())
            return write(batch)

        made.write = interrupted
        return made

    monkeypatch.setattr(firm.parts.crm, "side", meddling)


def test_an_edit_between_our_look_and_our_write_is_not_written_over(firm, monkeypatch):
    record = firm.crm_add("ana", subject="A", description="old", **crm_at(day(1)))
    firm.rounds("ana")
    (event,) = firm.google_events("ana")
    firm.google_edit("ana", event["id"], summary="from Google")
    meddle(firm, monkeypatch, lambda: firm.crm_edit("ana", record["id"], description="meanwhile"))
    assert firm.resync("ana")["outcome"] == "ok"
    monkeypatch.undo()
    firm.rounds("ana")
    after = firm.crm_get(record["id"])
    assert (after["subject"], after["description"]) == ("from Google", "meanwhile")
    assert firm.google_get("ana", event["id"])["description"] == "meanwhile"


def test_an_edit_of_the_same_field_meanwhile_is_a_conflict(firm, monkeypatch):
    record = firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.rounds("ana")
    (event,) = firm.google_events("ana")
    firm.google_edit("ana", event["id"], summary="from Google")
    meddle(firm, monkeypatch, lambda: firm.crm_edit("ana", record["id"], subject="meanwhile"))
    run = firm.resync("ana")
    assert (run["outcome"], run["conflicts"]) == ("ok", 1)
    monkeypatch.undo()
    firm.rounds("ana")
    assert firm.crm_get(record["id"])["subject"] == firm.google_get("ana", event["id"])["summary"]


def test_an_activity_that_somebody_deletes_meanwhile_is_not_written_to(firm, monkeypatch):
    record = firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.rounds("ana")
    (event,) = firm.google_events("ana")
    firm.google_edit("ana", event["id"], summary="from Google")
    meddle(firm, monkeypatch, lambda: firm.crm_delete("ana", record["id"]))
    firm.resync("ana")
    monkeypatch.undo()
    firm.rounds("ana")
    # An edit beats a deletion.
    assert firm.crm_titles("ana") == firm.google_titles("ana") == ["from Google"]


def test_both_edit_different_fields(firm):
    record = firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.rounds("ana")
    (event,) = firm.google_events("ana")
    firm.google_edit("ana", event["id"], summary="B")
    firm.crm_edit("ana", record["id"], description="text")
    firm.rounds("ana")
    assert firm.crm_get(record["id"])["subject"] == "B"
    assert firm.google_get("ana", event["id"])["description"] == "text"


# -- answers that do not come ------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["cf_900", ""])
@pytest.mark.parametrize("kind", ["status", "reset", "truncate", "html"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_creation_whose_answer_is_lost_is_not_doubled(found, kind, when, token):
    firm = found("rich", {"token_field": token})
    firm.person("ana")
    firm.google_add("ana", summary="A", **at(day(1)))
    firm.crm_fault(operation="edit_activity", kind=kind, when=when)
    firm.resync("ana")
    firm.in_crm("DELETE", "faults")
    firm.rounds("ana", 6)
    assert firm.crm_titles("ana") == firm.google_titles("ana") == ["A"]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("operation", ["get_activity", "edit_activity"])
def test_a_lost_answer_doubles_nothing_even_when_the_process_dies(found, profile, operation):
    firm = found(profile)
    firm.person("ana")
    title = " ".join(["A", *["long"] * 40])
    firm.google_add("ana", summary=title, **at(day(1)))
    firm.crm_fault(operation=operation, kind="reset", when="after", times=9)
    firm.resync("ana")
    firm.in_crm("DELETE", "faults")
    # What only the process knew is gone.
    firm.parts.crm.tenant.unsure.clear()
    firm.rounds("ana", 6)
    assert len(firm.crm_events("ana")) == 1
    (event,) = firm.google_events("ana")
    assert event["summary"] == title


@pytest.mark.parametrize("kind", ["status", "reset", "html"])
def test_an_update_whose_answer_is_lost_is_settled_by_a_look(firm, kind):
    record = firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.rounds("ana")
    (event,) = firm.google_events("ana")
    firm.google_edit("ana", event["id"], summary="B")
    firm.crm_fault(operation="edit_activity", kind=kind, when="after")
    firm.resync("ana")
    firm.in_crm("DELETE", "faults")
    firm.rounds("ana", 6)
    assert firm.crm_get(record["id"])["subject"] == "B"
    assert len(firm.written()) == 1


# -- a tenant that is not as it was thought ----------------------------------------------------------------


def test_times_that_come_back_otherwise_stop_all_writing(rich):
    rich.switch(shift_hours=1)
    rich.google_add("ana", summary="A", **at(day(1)))
    rich.resync("ana")
    rich.google_add("ana", summary="B", **at(day(2)))
    run = rich.resync("ana")
    assert run["crm"]["created"] == 0
    assert len(rich.crm_events("ana")) == 1
    record = rich.crm_add("ana", subject="C", **crm_at(day(3)))
    rich.resync("ana")
    assert "C" in rich.google_titles("ana")
    assert rich.google_get("ana", rich.google_events("ana")[0]["id"])["summary"] in ("A", "B", "C")
    assert record["id"]


def test_an_owner_that_is_not_taken_leaves_nobody_with_a_private_calendar(rich):
    rich.switch(owner_names=["assigned_user_id"])
    rich.google_add("ana", summary="Doctor", description="knee", **at(day(1)))
    run = rich.resync("ana")
    assert run["quarantined"] == 1
    stray = rich.in_crm("GET", "activities")["activities"][-1]
    assert (stray["subject"], stray["description"], stray["taskstatus"]) == ("", "", "Cancelled")


@pytest.mark.parametrize(
    "crm",
    [
        {"vendor_sync_off": False},
        {"fields": {"location": "cf_no_such"}},
        {"token_field": "cf_no_such"},
        {"fields": {"status": ""}},
    ],
)
def test_what_does_not_hold_blocks_writes_and_nothing_else(found, crm):
    firm = found("rich", crm)
    firm.person("ana")
    firm.crm_add("ana", subject="C", **crm_at(day(1)))
    made = firm.google_add("ana", summary="G", **at(day(2)))
    run = firm.resync("ana")
    assert run["outcome"] == "partial"
    assert firm.google_titles("ana") == ["C", "G"]
    assert firm.written() == []
    assert run["quarantined"] == 0
    assert made["id"]


def test_writes_go_on_once_it_holds(rich):
    rich.switch(absent=["location"])
    rich.google_add("ana", summary="G", **at(day(2)))
    assert rich.resync("ana")["crm"]["created"] == 0
    rich.switch(absent=[])
    rich.clock.advance(minutes=16)
    rich.rounds("ana")
    assert rich.crm_titles("ana") == ["G"]


def test_an_empty_tenant_is_not_written_to(found):
    firm = found("rich")
    firm.person("ana")
    firm.crm_delete("zoe", firm.in_crm("GET", "activities")["activities"][0]["id"])
    firm.google_add("ana", summary="G", **at(day(2)))
    assert nothing_written(firm.resync("ana"))
    firm.crm_add("zoe", subject="First", **crm_at(day(1)))
    firm.clock.advance(minutes=16)
    firm.rounds("ana")
    assert firm.crm_titles("ana") == ["G"]


def test_a_text_that_is_changed_right_after_the_activity_was_made_comes_over(rich):
    made = rich.google_add("ana", summary="A", **at(day(1)))

    def renamed():
        rich.crm_edit("ana", rich.crm_events("ana")[0]["id"], subject="B")

    with meanwhile(Writer, "_read_back", renamed):
        rich.resync("ana")
    rich.rounds("ana")
    assert rich.google_get("ana", made["id"])["summary"] == "B"


def test_a_text_that_is_changed_right_after_our_edit_of_it_comes_over(rich):
    record = rich.crm_add("ana", subject="A", **crm_at(day(1)))
    rich.rounds("ana")
    (event,) = rich.google_events("ana")
    rich.google_edit("ana", event["id"], summary="from Google")
    with meanwhile(Writer, "_read_back", lambda: rich.crm_edit("ana", record["id"], subject="B")):
        rich.resync("ana")
    rich.rounds("ana")
    assert rich.google_get("ana", event["id"])["summary"] == rich.crm_get(record["id"])["subject"] == "B"


@pytest.mark.parametrize("switches", [{"entities": True}, {"subject_limit": 5}])
def test_what_an_unknown_tenant_makes_of_a_new_text_does_not_come_home(rich, switches):
    rich.switch(**switches)
    made = rich.google_add("ana", summary="Tom & Ann", **at(day(1)))
    rich.rounds("ana")
    assert rich.google_get("ana", made["id"])["summary"] == "Tom & Ann"
