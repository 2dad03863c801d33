"""Why an event is, or is not, on the other side."""

from __future__ import annotations

from tests.house import at, crm_at, day


def test_an_event_on_both_sides_is_in_step_and_has_a_history(house):
    made = house.google_add("ana", summary="A", **at(day(1)))
    run = house.resync("ana")
    found = house.explain("ana", made["id"])
    assert found.answer == "on both sides and in step"
    assert found.crm_id == house.crm_events("ana")[0]["id"]
    assert found.origin == "google"
    assert [(entry.run_id, entry.side, entry.verb) for entry in found.history] == [
        (run["run"], "crm", "create")
    ]
    assert house.explain("ana", found.crm_id).google_id == made["id"]


def test_a_change_that_was_not_synced_yet_is_announced_and_not_made(house):
    made = house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    house.google_edit("ana", made["id"], summary="B")
    found = house.explain("ana", made["id"])
    assert found.next_writes == ["change on crm: title"]
    assert house.crm_titles("ana") == ["A"]
    assert house.resync("ana")["crm"]["updated"] == 1


def test_events_that_do_not_cross_say_which_rule_keeps_them(build):
    house = build({"private_events": "skip", "push": ["mine"]})
    house.person("ana")
    house.person("bob")
    old = house.google_add("ana", summary="old", **at(day(-200)))
    private = house.google_add("ana", summary="secret", visibility="private", **at(day(1)))
    far = house.google_add("ana", summary="far", **at(day(900)))
    whole_day = {"start": {"date": str(day(1).date())}, "end": {"date": str(day(2).date())}}
    home = house.google_add("ana", summary="home", eventType="workingLocation", **whole_day)
    invited = house.crm_add("bob", title="B", attendees=[{"email": "ana@example.com"}], **crm_at(day(1)))
    hidden = house.crm_add("bob", title="P", security="private", **crm_at(day(1)))
    house.resync("ana")
    answers = {
        old["id"]: "before the window",
        private["id"]: "private",
        far["id"]: "outside the window",
        home["id"]: "workingLocation",
        invited["id"]: "push rules do not send it out (the person's relation to it: invited)",
        hidden["id"]: "may not see it",
        "nosuchevent": "neither side knows",
    }
    for event_id, words in answers.items():
        assert words in house.explain("ana", event_id).answer


def test_an_event_set_aside_says_why(house):
    record = house.crm_add("ana", title="Bad", **crm_at(day(1)))
    house.fault(operation="events.insert", when="before", status=400, reason="invalid", times=1)
    house.resync("ana")
    assert "set aside" in house.explain("ana", record["id"]).answer


def test_an_event_whose_copy_was_taken_back_rests(house):
    made = house.google_add("ana", summary="A", **at(day(1)))
    house.undo(house.resync("ana")["run"])
    found = house.explain("ana", made["id"])
    assert found.next_writes == []
    assert "rests until somebody changes it" in found.answer


def test_a_deletion_that_a_brake_holds_says_what_lets_it_go(house):
    made = [house.google_add("ana", summary=f"E{n}", **at(day(1 + n))) for n in range(12)]
    house.resync("ana")
    for event in made:
        house.google_delete("ana", event["id"])
    assert house.resync("ana")["held_back"] == 12
    found = house.explain("ana", made[0]["id"])
    assert found.answer.startswith("held by the brake until `calsync approve`")


def test_nothing_is_promised_while_an_account_is_paused(house):
    made = house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    house.google_edit("ana", made["id"], summary="B")
    house.set_account("ana", state="paused")
    assert house.explain("ana", made["id"]).answer.startswith(
        "nothing is written while the account is paused"
    )


def test_a_cancelled_record_is_not_called_deleted(house):
    record = house.crm_add("ana", title="A", status="cancelled", **crm_at(day(1)))
    assert house.explain("ana", record["id"]).answer == "it is deleted, or cancelled, in the CRM"
