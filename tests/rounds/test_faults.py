"""Google failing in every way it can: nothing is doubled, nothing is deleted, and the next run heals."""

from __future__ import annotations

import pytest

from tests.house import at, crm_at, day, nothing_written


def assert_in_step(house, titles):
    """Both calendars show these events once each, and stay as they are."""
    assert house.google_titles("ana") == house.crm_titles("ana") == sorted(titles)
    run = house.resync("ana")
    assert run["outcome"] == "ok"
    assert nothing_written(run)
    assert house.google_titles("ana") == house.crm_titles("ana") == sorted(titles)


def heal(house, runs=3):
    """Run until a round is complete."""
    for _ in range(runs):
        house.clock.advance(minutes=3)
        run = house.resync("ana")
        if run["outcome"] == "ok":
            return run
    raise AssertionError(run)


@pytest.mark.parametrize("reads_too", [False, True])
def test_an_insert_that_took_effect_before_google_answered_500_is_not_doubled(house, reads_too):
    house.crm_add("ana", title="A", **crm_at(day(1)))
    house.fault(operation="events.insert", when="after", status=500, times=9)
    if reads_too:
        house.fault(operation="events.get", when="before", status=500, times=9)
    run = house.resync("ana")
    assert run["outcome"] == ("partial" if reads_too else "ok")
    assert run["google"]["created"] == (0 if reads_too else 1)
    house.control("DELETE", "faults")
    heal(house)
    assert_in_step(house, ["A"])


@pytest.mark.parametrize("kind", ["reset", "truncate", "html"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", ["events.insert", "events.patch", "events.delete", "events.list"])
def test_an_answer_that_breaks_off_doubles_and_deletes_nothing(house, kind, when, operation):
    record = house.crm_add("ana", title="A", **crm_at(day(1)))
    doomed = house.crm_add("ana", title="D", **crm_at(day(3)))
    house.google_add("ana", summary="G", **at(day(1)))
    house.resync("ana")
    house.crm_edit("ana", record["id"], title="A2")
    house.crm_delete("ana", doomed["id"])
    house.crm_add("ana", title="B", **crm_at(day(2)))
    house.fault(operation=operation, when=when, kind=kind, times=9)
    house.resync("ana")
    house.control("DELETE", "faults")
    heal(house)
    assert_in_step(house, ["A2", "B", "G"])


def test_a_write_that_fails_before_its_effect_is_made_later(house):
    house.crm_add("ana", title="A", **crm_at(day(1)))
    house.fault(operation="events.insert", when="before", status=503, times=9)
    assert house.resync("ana")["outcome"] == "partial"
    assert house.google_titles("ana") == []
    house.control("DELETE", "faults")
    heal(house)
    assert_in_step(house, ["A"])


def test_a_person_who_edits_between_our_look_and_our_write_wins_over_it(house):
    made = house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    (record,) = house.crm_events("ana")
    house.crm_edit("ana", record["id"], location="from the CRM")
    house.fault(operation="events.patch", when="before", status=412, reason="conditionNotMet", times=1)
    run = house.resync("ana")
    assert run["outcome"] == "ok"
    assert house.google_get("ana", made["id"])["location"] == "from the CRM"
    assert_in_step(house, ["A"])


def test_412_without_end_leaves_the_event_for_later_and_the_run_partial(house):
    house.google_add("ana", summary="A", **at(day(1)))
    house.crm_add("ana", title="Z", **crm_at(day(2)))
    house.resync("ana")
    record = next(event for event in house.crm_events("ana") if event["title"] == "A")
    house.crm_edit("ana", record["id"], location="from the CRM")
    house.crm_add("ana", title="Y", **crm_at(day(2)))
    house.fault(operation="events.patch", when="before", status=412, reason="conditionNotMet", times=99)
    run = house.resync("ana")
    assert run["outcome"] == "partial"
    assert "Y" in house.google_titles("ana")
    house.control("DELETE", "faults")
    heal(house)
    assert_in_step(house, ["A", "Y", "Z"])


def test_410_in_the_middle_of_a_walk_lists_again_and_loses_nothing(house):
    house.control("POST", "switches", {"short_pages": 2})
    made = [house.google_add("ana", summary=f"G{n}", **at(day(1, n + 1))) for n in range(6)]
    house.resync("ana")
    for event in made:
        house.google_edit("ana", event["id"], location="moved")
    house.fault(
        operation="events.list", when="before", status=410, reason="fullSyncRequired", skip=1, times=1
    )
    run = house.resync("ana")
    assert run["outcome"] == "ok"
    assert run["crm"] == {"created": 0, "updated": 6, "deleted": 0}
    assert_in_step(house, [f"G{n}" for n in range(6)])


def test_410_in_the_middle_of_the_first_import(house):
    house.control("POST", "switches", {"short_pages": 2})
    for n in range(6):
        house.google_add("ana", summary=f"G{n}", **at(day(1, n + 1)))
    house.fault(
        operation="events.list", when="before", status=410, reason="fullSyncRequired", skip=1, times=1
    )
    house.resync("ana")
    heal(house)
    assert_in_step(house, [f"G{n}" for n in range(6)])


def test_a_sync_token_that_expired_is_replaced_without_a_write(house):
    house.google_add("ana", summary="A", **at(day(1)))
    house.crm_add("ana", title="B", **crm_at(day(1)))
    house.resync("ana")
    house.control("POST", "expire", {"email": "ana@example.com", "what": "sync_tokens"})
    assert nothing_written(house.resync("ana"))
    assert_in_step(house, ["A", "B"])


def test_what_was_deleted_while_the_token_was_expired_is_deleted_after_a_look(house):
    made = house.google_add("ana", summary="A", **at(day(1)))
    house.google_add("ana", summary="B", **at(day(1)))
    house.resync("ana")
    house.google_delete("ana", made["id"])
    house.control("POST", "expire", {"email": "ana@example.com", "what": "sync_tokens"})
    assert house.resync("ana")["crm"]["deleted"] == 1
    assert_in_step(house, ["B"])


def test_404_for_one_event_is_no_deletion(house):
    house.google_add("ana", summary="A", **at(day(1)))
    house.google_add("ana", summary="B", **at(day(2)))
    house.resync("ana")
    for record in house.crm_events("ana"):
        house.crm_edit("ana", record["id"], location="x")
    lost = next(event for event in house.google_events("ana") if event["summary"] == "A")
    house.fault(path=lost["id"], when="before", status=404, reason="notFound", times=99)
    run = house.resync("ana")
    assert run["outcome"] == "partial"
    assert sorted(event["location"] for event in house.crm_events("ana")) == ["x", "x"]
    house.control("DELETE", "faults")
    heal(house)
    assert_in_step(house, ["A", "B"])
    assert {event["location"] for event in house.google_events("ana")} == {"x"}


def test_an_event_that_google_refuses_is_set_aside_and_the_others_go_on(house):
    house.crm_add("ana", title="Bad", **crm_at(day(1)))
    house.fault(operation="events.insert", when="before", status=400, reason="invalid", times=1)
    house.crm_add("ana", title="Good", **crm_at(day(2)))
    run = house.resync("ana")
    assert run["quarantined"] == 1
    assert run["outcome"] == "partial"
    assert len(house.google_titles("ana")) == 1
    (parked,) = [link for link in house.links("ana") if link.cause]
    assert "invalid" in parked.cause


def test_quota_ends_the_round_and_asks_to_wait(house):
    house.crm_add("ana", title="A", **crm_at(day(1)))
    house.fault(operation="events.insert", when="before", status=403, reason="rateLimitExceeded", times=99)
    run = house.resync("ana")
    assert run["outcome"] == "partial"
    assert house.account("ana").failures == 1
    house.control("DELETE", "faults")
    heal(house)
    assert_in_step(house, ["A"])


def test_consent_withdrawn_at_google_stops_the_account_and_keeps_everything(house):
    house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    house.control("POST", "revoke", {"email": "ana@example.com"})
    run = house.resync("ana")
    assert run["outcome"] == "attention"
    assert house.account("ana").state == "reconnect"
    assert house.crm_titles("ana") == ["A"]
    house.google_add("ana", summary="B", **at(day(1)))
    house.connect("ana", "ana@example.com")
    house.resync("ana")
    assert_in_step(house, ["A", "B"])


def test_an_access_token_that_google_no_longer_accepts_is_renewed_without_notice(house):
    house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    house.control("POST", "expire", {"email": "ana@example.com", "what": "access_tokens"})
    house.google_add("ana", summary="B", **at(day(1)))
    assert house.resync("ana")["outcome"] == "ok"
    assert_in_step(house, ["A", "B"])


def test_a_calendar_that_vanishes_stops_the_account_and_deletes_nothing(house):
    house.google_add("ana", summary="A", **at(day(1)))
    house.crm_add("ana", title="B", **crm_at(day(1)))
    house.resync("ana")
    house.fault(operation="events.list", when="before", status=404, reason="notFound", times=99)
    assert house.resync("ana")["outcome"] == "attention"
    assert house.account("ana").state == "lost"
    assert house.crm_titles("ana") == ["A", "B"]


def test_an_empty_listing_is_not_believed(house):
    for n in range(6):
        house.google_add("ana", summary=f"G{n}", **at(day(1, n + 1)))
    house.resync("ana")
    house.control("POST", "switches", {"empty_full_listing": True})
    run = house.resync("ana", full=True)
    assert run["outcome"] == "partial"
    assert nothing_written(run)
    house.control("POST", "switches", {"empty_full_listing": False})
    heal(house)
    assert_in_step(house, [f"G{n}" for n in range(6)])


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_side_that_cannot_answer_now_is_asked_again_in_the_same_round(house, status):
    house.google_add("ana", summary="A", **at(day(1)))
    house.fault(operation="events.list", when="before", status=status, reason="backendError", times=1)
    assert house.resync("ana")["outcome"] == "ok"
    assert_in_step(house, ["A"])


def test_a_limit_on_invitations_puts_off_invitations_and_nothing_else(build):
    house = build({"guests": "write"})
    house.person("ana")
    guests = [{"email": "guest@outside.test"}]
    parties = [house.crm_add("ana", title=f"P{n}", **crm_at(day(1 + n))) for n in range(3)]
    walk = house.crm_add("ana", title="W", **crm_at(day(2)))
    house.resync("ana")
    for party in parties:
        house.crm_edit("ana", party["id"], attendees=guests)
    house.crm_edit("ana", walk["id"], title="W2")
    ids = {event["summary"]: event["id"] for event in house.google_events("ana")}
    house.fault(path="|".join(ids[f"P{n}"] for n in range(3)), status=403, reason="quotaExceeded", times=99)
    house.resync("ana")
    (fault,) = house.control("GET", "faults")["faults"]
    assert fault["hits"] == 1
    assert house.google_titles("ana") == ["P0", "P1", "P2", "W2"]
    assert house.account("ana").failures == 0
    house.control("DELETE", "faults")
    assert nothing_written(house.resync("ana"))
    house.clock.advance(minutes=61)
    assert house.resync("ana")["google"]["updated"] == 3
    assert_in_step(house, ["P0", "P1", "P2", "W2"])


def test_a_missing_event_that_google_refuses_to_show_stays_and_stops_nothing_else(house):
    made = house.google_add("ana", summary="A", **at(day(1)))
    house.google_add("ana", summary="B", **at(day(2)))
    house.resync("ana")
    house.google_delete("ana", made["id"])
    for what in ("sync_tokens", "tombstones"):
        house.control("POST", "expire", {"email": "ana@example.com", "what": what})
    house.crm_add("ana", title="C", **crm_at(day(3)))
    house.fault(operation="events.get", status=403, reason="forbidden", times=99)
    run = house.resync("ana")
    assert run["outcome"] == "partial"
    assert house.crm_titles("ana") == ["A", "B", "C"]
    assert house.google_titles("ana") == ["B", "C"]
    house.control("DELETE", "faults")
    assert house.resync("ana")["crm"]["deleted"] == 1
    assert_in_step(house, ["B", "C"])


def test_a_cancelled_series_that_google_refuses_to_show_stays_until_it_does(house):
    rule = ["RRULE:FREQ=DAILY;COUNT=6"]
    made = house.google_add("ana", summary="S", recurrence=rule, **at(day(1)))
    house.resync("ana")
    house.google_delete("ana", made["id"])
    house.fault(operation="events.get", status=403, reason="forbidden", times=99)
    assert house.resync("ana")["outcome"] == "partial"
    assert house.crm_titles("ana") == ["S"]
    house.control("DELETE", "faults")
    heal(house)
    assert_in_step(house, [])
