"""What reaches a person's Google calendar: the key sees every record, the person does not."""

from __future__ import annotations

import pytest

from calsync.config import ConfigError
from calsync.sandbox.opencrm.tenant import SECURITY
from tests.crm_opencrm.firm import PROFILES, crm_at, day
from tests.house import at

ROLES = ("standard", "admin")


def test_others_activities_stay_others(firm):
    for value in SECURITY:
        firm.crm_add("zoe", subject=f"Zoe {value}", permission=value, **crm_at(day(1)))
    firm.crm_add("ana", subject="Ana", permission="3", **crm_at(day(1)))
    firm.rounds("ana")
    assert firm.google_titles("ana") == ["Ana"]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("shared", [True, False])
def test_a_team_calendar_shows_what_the_web_application_shows(found, profile, role, shared):
    """The oracle is the stand-in's own rule, written apart from ours."""
    teams = {"sales": ["ana", "zoe"]} if shared else {"sales": ["ana"], "support": ["zoe"]}
    rules = {"teams": teams, "admins": ["ana"] if role == "admin" else []}
    firm = found(profile, {"permissions": rules}, {"push": ["mine", "team"]})
    firm.person("ana", role=role, teams="sales")
    firm.in_crm("PATCH", "users/zoe", {"teams": [name for name, who in teams.items() if "zoe" in who]})
    ids = {}
    for value in (*SECURITY, "77"):
        made = firm.crm_add("zoe", subject=f"Zoe {value}", permission=value, **crm_at(day(1)))
        ids[made["id"]] = made["subject"]
    visible = firm.in_crm("GET", "visible/ana")["ids"]
    firm.rounds("ana")
    expected = {ids[key] for key in visible if key in ids} if shared else set()
    assert set(firm.google_titles("ana")) - {"Of no concern"} == expected


@pytest.mark.parametrize("profile", PROFILES)
def test_a_permission_that_is_withdrawn_takes_the_copy_back(found, profile):
    firm = found(profile, {"permissions": {"teams": {"sales": ["ana", "zoe"]}}}, {"push": ["mine", "team"]})
    firm.person("ana")
    made = firm.crm_add("zoe", subject="Shared", permission="0", **crm_at(day(1)))
    firm.rounds("ana")
    assert "Shared" in firm.google_titles("ana")
    firm.crm_edit("zoe", made["id"], permission="3")
    firm.resync("ana")
    assert "Shared" not in firm.google_titles("ana")
    assert not firm.crm_get(made["id"])["deleted"]
    assert firm.crm_get(made["id"])["taskstatus"] == "Planned"


@pytest.mark.parametrize("profile", PROFILES)
def test_reassignment_withdraws_from_one_and_delivers_to_the_other(found, profile):
    firm = found(profile)
    firm.person("ana")
    firm.person("ben")
    made = firm.crm_add("ana", subject="Visit", **crm_at(day(1)))
    for user in ("ana", "ben"):
        firm.rounds(user)
    firm.crm_edit("ana", made["id"], owner="ben")
    for user in ("ana", "ben"):
        assert firm.resync(user)["outcome"] == "ok"
        firm.rounds(user)
    assert firm.google_titles("ana") == []
    assert firm.google_titles("ben") == ["Visit"]
    assert firm.crm_get(made["id"])["taskstatus"] == "Planned"
    firm.crm_edit("ben", made["id"], owner="ana")
    for user in ("ben", "ana"):
        firm.rounds(user)
    assert (firm.google_titles("ana"), firm.google_titles("ben")) == (["Visit"], [])


@pytest.mark.parametrize("full", [False, True])
def test_many_that_are_reassigned_at_once_stop_nothing(firm, full):
    made = [firm.crm_add("ana", subject=f"V{n}", **crm_at(day(1 + n))) for n in range(6)]
    firm.rounds("ana")
    for each in made:
        firm.crm_edit("ana", each["id"], owner="zoe")
    assert firm.resync("ana", full=full)["outcome"] == "ok"
    firm.rounds("ana")
    assert firm.google_titles("ana") == []
    assert len(firm.crm_titles("zoe")) == 7


@pytest.mark.parametrize(("edit", "stored"), [("owner", "Shared"), ("security", "Changed")])
def test_who_may_edit_is_configured(found, edit, stored):
    rules = {"teams": {"sales": ["ana", "zoe"]}, "edit": edit}
    firm = found("rich", {"permissions": rules}, {"push": ["mine", "team"]})
    firm.person("ana")
    made = firm.crm_add("zoe", subject="Shared", permission="1", **crm_at(day(1)))
    firm.rounds("ana")
    event = next(each for each in firm.google_events("ana") if each["summary"] == "Shared")
    firm.google_edit("ana", event["id"], summary="Changed")
    firm.rounds("ana")
    assert firm.crm_get(made["id"])["subject"] == stored
    assert firm.google_get("ana", event["id"])["summary"] == stored


def test_a_role_that_only_reads_makes_and_changes_nothing(found):
    firm = found("rich", {"permissions": {"read_only": ["ana"]}})
    firm.person("ana")
    made = firm.crm_add("ana", subject="Mine", **crm_at(day(1)))
    firm.google_add("ana", summary="From Google", **at(day(2)))
    firm.resync("ana")
    event = next(each for each in firm.google_events("ana") if each["summary"] == "Mine")
    firm.google_edit("ana", event["id"], summary="Changed")
    firm.resync("ana")
    assert firm.crm_titles("ana") == ["Mine"]
    assert firm.crm_get(made["id"])["subject"] == "Mine"
    assert firm.written() == []


def test_a_user_who_leaves_stops_the_account_and_keeps_everything(rich):
    rich.crm_add("ana", subject="Mine", **crm_at(day(1)))
    rich.rounds("ana")
    rich.in_crm("PATCH", "users/ana", {"status": "Inactive"})
    assert rich.resync("ana")["outcome"] == "attention"
    assert rich.account("ana").state == "lost"
    assert rich.google_titles("ana") == ["Mine"]


def test_private_events_of_google_enter_without_text_and_as_private(firm):
    firm.google_add("ana", summary="Doctor", description="knee", visibility="private", **at(day(1)))
    firm.rounds("ana")
    (record,) = firm.crm_events("ana")
    assert (record["subject"], record["description"], record["permission"]) == ("Busy", "", "3")


def test_private_events_in_full_need_a_value_that_means_private(found):
    firm = found("rich", {"permissions": {"values": {"0": "public_read"}}}, {"private_events": "full"})
    firm.person("ana")
    firm.google_add("ana", summary="Doctor", visibility="private", **at(day(1)))
    run = firm.resync("ana")
    assert run["quarantined"] == 1
    assert firm.written() == []


def test_types_that_are_not_synced_stay(rich):
    rich.crm_add("ana", subject="Task", activitytype="Task", **crm_at(day(1)))
    made = rich.crm_add("ana", subject="Call", activitytype="Call", **crm_at(day(1)))
    rich.rounds("ana")
    assert rich.google_titles("ana") == ["Call"]
    rich.crm_edit("ana", made["id"], activitytype="Task")
    rich.rounds("ana")
    assert rich.google_titles("ana") == []
    assert not rich.crm_get(made["id"])["deleted"]


def test_users_can_be_named_where_the_tenant_does_not_list_them(found):
    firm = found("rich", {"users": {"ana": {"id": "11", "email": "Ana@Example.com"}}})
    firm.switch(unknown_methods=["get_user_list", "get_user_list_full", "get_user_list_count"])
    firm.person("ana")
    assert [(one.login, one.email) for one in firm.parts.crm.people()] == [("ana", "ana@example.com")]
    firm.crm_add("ana", subject="C", **crm_at(day(1)))
    firm.google_add("ana", summary="G", **at(day(1)))
    firm.rounds("ana")
    assert firm.google_titles("ana") == firm.crm_titles("ana") == ["C", "G"]


def test_a_tenant_that_lists_no_users_stops_nobody_for_good(rich):
    rich.crm_add("ana", subject="C", **crm_at(day(1)))
    rich.rounds("ana")
    rich.switch(unknown_methods=["get_user_list_full"])
    assert rich.resync("ana")["outcome"] == "partial"
    assert rich.account("ana").state == "active"
    rich.switch(unknown_methods=[])
    rich.rounds("ana")


def test_a_user_who_is_new_is_known_at_once_and_one_who_left_after_a_while(found):
    firm = found("rich", {"users_seconds": 3600})
    firm.person("ana")
    assert [one.login for one in firm.parts.crm.people()] == ["ana", "zoe"]
    firm.person("ben")
    firm.crm_add("ben", subject="B", **crm_at(day(1)))
    assert firm.parts.crm.person("ben").email == "ben@example.com"
    assert firm.resync("ben")["outcome"] == "ok"
    firm.in_crm("PATCH", "users/ben", {"status": "Inactive"})
    firm.clock.advance(minutes=61)
    assert firm.parts.crm.person("ben") is None


def test_type_status_and_category_limit_what_goes_out(found):
    filters = {"push_types": ["Meeting", "Call:busy"], "push_categories": ["*", "board:none"]}
    firm = found("rich", {"fields": {"category": "category"}}, filters)
    firm.person("ana")
    for subject, more in {
        "plain": {},
        "by telephone": {"activitytype": "Call"},
        "elsewhere": {"activitytype": "Site visit"},
        "of the board": {"category": "Board"},
    }.items():
        firm.crm_add("ana", subject=subject, **more, **crm_at(day(1)))
    firm.rounds("ana")
    assert firm.google_titles("ana") == ["Busy", "plain"]


def test_a_filter_needs_the_field_that_it_asks_for(found):
    with pytest.raises(
        ConfigError, match=r"crm\.opencrm\.fields\.category: is empty, and sync\.push_categories"
    ):
        found("rich", {"fields": {"category": ""}}, {"push_categories": ["*"]})
