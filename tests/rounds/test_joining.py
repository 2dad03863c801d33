"""People who come to the record of a meeting after others."""

from __future__ import annotations

from tests.house import at, day


def test_whoever_may_make_no_record_has_their_meeting_once_when_a_guest_makes_it(house):
    house.person("bo", role="read_only")
    guests = [{"email": f"{user}@example.com"} for user in ("ana", "bo")]
    house.google_add("bo", summary="M", attendees=guests, **at(day(1)))
    assert house.resync("bo")["quarantined"] == 1
    for _ in range(3):
        for user in ("ana", "bo"):
            house.clock.advance(minutes=10)
            house.resync(user)
    assert [house.google_titles(user) for user in ("ana", "bo")] == [["M"], ["M"]]
    assert house.crm_titles("bo") == ["M"]
    assert all(link.cause is None for link in house.links("bo"))
