"""Deletions, where the CRM tells none and has none: believed late, carried out as configured."""

from __future__ import annotations

import pytest

from tests.crm_opencrm.firm import PROFILES, crm_at, day
from tests.house import at, nothing_written


@pytest.mark.parametrize("missing", ["error", "empty", "list", "another"])
@pytest.mark.parametrize("deleted", ["missing", "flagged"])
def test_a_deletion_is_believed_however_the_tenant_answers(rich, missing, deleted):
    rich.switch(missing=missing, deleted=deleted)
    made = rich.crm_add("ana", subject="A", **crm_at(day(1)))
    rich.crm_add("ana", subject="B", **crm_at(day(2)))
    rich.rounds("ana")
    rich.crm_delete("ana", made["id"])
    assert rich.resync("ana")["google"]["deleted"] == 1
    rich.rounds("ana")
    assert rich.google_titles("ana") == ["B"]


def test_it_takes_two_complete_scans_and_a_direct_read(rich):
    made = rich.crm_add("ana", subject="A", **crm_at(day(1)))
    rich.rounds("ana")
    rich.crm_delete("ana", made["id"])
    rich.in_crm("POST", "counters/reset")
    rich.resync("ana")
    requests = rich.in_crm("GET", "counters")["requests"]
    assert requests["get_activity"] == 2
    # Each scan counts what is left: nothing, so that there are no rows to be asked for.
    assert requests["get_activity_list_count"] == 2


@pytest.mark.parametrize("full", [False, True])
def test_a_list_that_leaves_out_what_is_there_is_not_believed(firm, full):
    made = firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.crm_add("ana", subject="B", **crm_at(day(2)))
    firm.rounds("ana")
    firm.switch(lost=[made["id"]])
    run = firm.resync("ana", full=full)
    assert nothing_written(run)
    assert firm.google_titles("ana") == ["A", "B"]
    firm.switch(lost=[])
    firm.rounds("ana")


def test_lists_that_are_empty_of_a_sudden_delete_nothing(firm):
    ids = [firm.crm_add("ana", subject=f"A{n}", **crm_at(day(1 + n)))["id"] for n in range(5)]
    firm.rounds("ana")
    firm.switch(lost=ids)
    for full in (False, True):
        run = firm.resync("ana", full=full)
        assert (run["outcome"], nothing_written(run)) == ("partial", True)
    firm.switch(lost=[])
    firm.rounds("ana")
    assert len(firm.google_titles("ana")) == 5


@pytest.mark.parametrize("answer", ["none", "error"])
def test_a_filter_that_lets_nothing_through_deletes_nothing(rich, answer):
    rich.crm_add("ana", subject="A", **crm_at(day(1)))
    rich.rounds("ana")
    rich.switch(names={"smownerid": "owned_by"}, unknown_field=answer)
    for full in (False, True):
        assert nothing_written(rich.resync("ana", full=full))
    assert rich.google_titles("ana") == ["A"]


def test_a_filter_that_is_passed_over_shows_no_more_than_before(firm):
    firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.rounds("ana")
    firm.switch(ignored_filters=["assigned_user_id", "date_start"])
    firm.crm_add("ana", subject="B", **crm_at(day(1)))
    firm.rounds("ana")
    assert firm.google_titles("ana") == ["A", "B"]


def test_a_read_that_fails_deletes_nothing(firm):
    made = firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.rounds("ana")
    firm.crm_delete("ana", made["id"])
    firm.crm_fault(operation="get_activity", kind="html", status=403, times=9)
    run = firm.resync("ana")
    assert (run["outcome"], nothing_written(run)) == ("partial", True)
    firm.in_crm("DELETE", "faults")
    firm.rounds("ana")
    assert firm.google_titles("ana") == []


def test_a_list_with_fewer_rows_than_are_counted_ends_the_round(found):
    firm = found("rich", {"limit_end": "count"})
    firm.person("ana")
    for n in range(11):
        firm.crm_add("ana", subject=f"A{n}", **crm_at(day(1 + n)))
    run = firm.resync("ana")
    assert (run["outcome"], nothing_written(run)) == ("partial", True)
    assert "not as many as it counts" in firm.account("ana").reason


def test_many_deletions_wait_for_a_word(rich):
    ids = [rich.crm_add("ana", subject=f"A{n}", **crm_at(day(1 + n)))["id"] for n in range(12)]
    rich.rounds("ana")
    for key in ids[:11]:
        rich.crm_delete("ana", key)
    run = rich.resync("ana")
    assert (run["outcome"], run["held_back"]) == ("attention", 11)
    assert len(rich.google_titles("ana")) == 12


def test_a_deletion_at_google_cancels_and_leaves_the_rest_as_it_is(firm):
    made = firm.crm_add("ana", subject="A", description="text", activitytype="Call", **crm_at(day(1)))
    firm.rounds("ana")
    (event,) = firm.google_events("ana")
    before = firm.crm_get(made["id"])
    firm.in_crm("DELETE", "writes")
    firm.google_delete("ana", event["id"])
    firm.rounds("ana")
    after = firm.crm_get(made["id"])
    assert after["taskstatus"] == "Cancelled"
    assert {**after, "taskstatus": "", "modifiedtime": ""} == {**before, "taskstatus": "", "modifiedtime": ""}
    assert [len(each) for each in firm.written()] == [1]


def test_refused_deletions_are_set_aside_with_a_reason(found):
    firm = found("rich", {"delete": "refuse"})
    firm.person("ana")
    made = firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.rounds("ana")
    (event,) = firm.google_events("ana")
    firm.google_delete("ana", event["id"])
    run = firm.resync("ana")
    assert (run["outcome"], run["quarantined"]) == ("partial", 1)
    (link,) = [link for link in firm.links("ana") if link.cause]
    assert "deletions are not carried out" in link.cause
    assert firm.crm_get(made["id"])["taskstatus"] == "Planned"
    firm.crm_delete("ana", made["id"])
    firm.resync("ana")
    assert firm.links("ana") == []


def test_a_status_field_that_is_hidden_of_a_sudden_stops_the_round_and_is_named(rich):
    rich.google_add("ana", summary="A", **at(day(1)))
    rich.rounds("ana")
    (event,) = rich.google_events("ana")
    rich.google_delete("ana", event["id"])
    rich.switch(names={"taskstatus": "eventstatus"})
    run = rich.resync("ana")
    assert run["outcome"] == "partial"
    assert "taskstatus" in run["reason"]
    assert len(rich.crm_events("ana")) == 1


@pytest.mark.parametrize("profile", PROFILES)
def test_what_is_planned_again_comes_back(found, profile):
    firm = found(profile)
    firm.person("ana")
    made = firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.rounds("ana")
    firm.crm_edit("ana", made["id"], taskstatus="Cancelled")
    firm.rounds("ana")
    assert firm.google_titles("ana") == []
    firm.crm_edit("ana", made["id"], taskstatus="Planned")
    firm.rounds("ana")
    assert firm.google_titles("ana") == ["A"]


def test_an_undo_plans_a_cancelled_activity_again(rich):
    made = rich.crm_add("ana", subject="A", **crm_at(day(1)))
    rich.rounds("ana")
    (event,) = rich.google_events("ana")
    rich.google_delete("ana", event["id"])
    run = rich.resync("ana")
    rich.undo(run["run"])
    assert rich.crm_get(made["id"])["taskstatus"] == "Planned"


def test_disconnecting_with_removal_cancels_copies_and_keeps_originals(rich):
    from calsync.engine import disconnect

    rich.google_add("ana", summary="G", **at(day(1)))
    rich.crm_add("ana", subject="C", **crm_at(day(2)))
    rich.rounds("ana")
    disconnect(rich.parts, rich.account("ana").id, "keep", "remove")
    assert rich.crm_titles("ana") == ["C"]
