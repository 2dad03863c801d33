"""A tenant with few requests to spend is not asked more often than they allow."""

from __future__ import annotations

import pytest

from calsync.crm.opencrm.memory import Memory
from calsync.crm.port import forget
from tests.crm_opencrm.firm import day
from tests.house import at


def pause(firm, user="ana"):
    """Return the seconds from the end of a round to the next."""
    firm.resync(user)
    return (firm.account(user).due_at - firm.clock()).total_seconds()


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        ({}, 2),
        ({"requests_per_second": 0.75}, 4),
        # Half of a day's requests are for looking, three at each look: once in eight minutes.
        ({"daily_requests": 1080}, 480),
    ],
)
def test_the_next_look_is_no_sooner_than_the_tenant_can_be_asked(found, limits, seconds):
    firm = found("rich", limits, {"poll_seconds": 2})
    firm.person("ana")
    assert pause(firm) == pytest.approx(seconds, abs=1)


def test_more_people_share_what_there_is(found):
    firm = found("rich", {"daily_requests": 1080}, {"poll_seconds": 2})
    firm.person("ana")
    firm.person("ben")
    assert pause(firm, "ben") == pytest.approx(960, abs=2)
    assert pause(firm, "ana") == pytest.approx(960, abs=2)


def test_what_is_remembered_of_a_calendar_can_be_forgotten(found):
    firm = found("rich")
    for user in ("ana", "ben"):
        firm.person(user)
        firm.google_add(user, summary=user, **at(day(1)))
        firm.rounds(user)
    forget(firm.parts.crm, "ana")
    forget(firm.parts.crm, "ana")
    assert (rows(firm, "ana"), rows(firm, "ben")) == (0, 1)
    firm.rounds("ana")
    assert firm.crm_titles("ana") == firm.google_titles("ana") == ["ana"]


def rows(firm, user):
    """Return how many activities are remembered of somebody's calendar."""
    return len(Memory(firm.parts.engine, user).all())
