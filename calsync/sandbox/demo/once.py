"""One scripted round trip: create, edit and delete on each side, and a conflict; both stand-ins must agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from calsync.sandbox.stage import Stage, StageError

USER, EMAIL = "ana", "ana@example.com"


class Trip:
    """The steps, and a line for each of them."""

    def __init__(self, stage: Stage) -> None:
        """Both people are connected when this returns."""
        self.stage = stage
        self.lines: list[tuple[str, str, float]] = []
        for user in ("ana", "bob"):
            answer = stage.connect(user)
            if answer.status_code != 200:
                raise StageError(f"{user} could not connect: {answer.status_code}")
        self.start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)

    def step(self, what: str, act: Callable[[], Any], arrived: Callable[[], bool]) -> None:
        """Do something on one side, and wait until it shows on the other."""
        began = datetime.now(UTC)
        act()
        self.stage.until(arrived, what, 45)
        self.lines.append((what, "arrived", (datetime.now(UTC) - began).total_seconds()))

    def google(self) -> dict[str, dict[str, Any]]:
        """Return Google's events by title."""
        return {event.get("summary", ""): event for event in self.stage.google_events(EMAIL)}

    def crm(self) -> dict[str, dict[str, Any]]:
        """Return the CRM's events by title."""
        return {event["title"]: event for event in self.stage.crm_events(USER)}

    def times(self, hours: int) -> dict[str, str]:
        """Return start and end for a CRM event."""
        start = self.start + timedelta(hours=hours)
        return {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}

    def google_times(self, hours: int) -> dict[str, Any]:
        """Return start and end for a Google event."""
        return {name: {"dateTime": text} for name, text in self.times(hours).items()}

    def edit_google(self, title: str, changes: dict[str, Any]) -> None:
        """Edit as the person on Google's page."""
        self.stage.control("PATCH", f"accounts/{EMAIL}/events/{self.google()[title]['id']}", changes)

    def edit_crm(self, title: str, changes: dict[str, Any]) -> None:
        """Edit as the person in the CRM."""
        self.stage.workplace.edit(USER, self.crm()[title]["id"], changes)


def round_trip(stage: Stage) -> int:
    """Play all steps, print the table, and return the exit code."""
    trip = Trip(stage)
    _crossings(trip)
    _conflict(trip)
    agree = _agree(trip)
    width = max(len(what) for what, _, _ in trip.lines)
    for what, result, seconds in trip.lines:
        print(f"{what:<{width}}  {result}  {seconds:5.1f} s")
    print("both stand-ins agree" if agree else "the stand-ins do NOT agree")
    return 0 if agree else 1


def _crossings(trip: Trip) -> None:
    stage, google = trip.stage, f"accounts/{EMAIL}/events"
    body = {"summary": "Made in Google", **trip.google_times(0)}
    trip.step(
        "created in Google -> CRM",
        lambda: stage.control("POST", google, body),
        lambda: "Made in Google" in trip.crm(),
    )
    trip.step(
        "created in CRM -> Google",
        lambda: stage.workplace.add(USER, {"title": "Made in CRM", **trip.times(2)}),
        lambda: "Made in CRM" in trip.google(),
    )
    trip.step(
        "edited in Google -> CRM",
        lambda: trip.edit_google("Made in CRM", {"location": "Room 7"}),
        lambda: trip.crm()["Made in CRM"]["location"] == "Room 7",
    )
    trip.step(
        "edited in CRM -> Google",
        lambda: trip.edit_crm("Made in Google", {"description": "Bring the plan"}),
        lambda: trip.google()["Made in Google"].get("description") == "Bring the plan",
    )
    trip.step(
        "deleted in Google -> CRM",
        lambda: stage.control("DELETE", f"{google}/{trip.google()['Made in CRM']['id']}"),
        lambda: "Made in CRM" not in trip.crm(),
    )
    stage.workplace.add(USER, {"title": "To be deleted", **trip.times(4)})
    stage.until(lambda: "To be deleted" in trip.google(), "the copy in Google")
    trip.step(
        "deleted in CRM -> Google",
        lambda: stage.workplace.delete(USER, trip.crm()["To be deleted"]["id"]),
        lambda: "To be deleted" not in trip.google(),
    )


def _conflict(trip: Trip) -> None:
    """Edit the same title on both sides while nobody syncs: the newer edit wins, the other is kept."""
    stage = trip.stage
    stage.calsync("pause", USER)

    def clash() -> None:
        trip.edit_google("Made in Google", {"summary": "Title from Google", "location": "Hall 2"})
        stage.until(lambda: "Title from Google" in trip.google(), "the edit in Google")
        trip.edit_crm("Made in Google", {"title": "Title from the CRM"})
        stage.calsync("resume", USER)

    trip.step(
        "conflict: newer title wins, both edits survive",
        clash,
        lambda: (
            "Title from the CRM" in trip.google() and trip.crm()["Title from the CRM"]["location"] == "Hall 2"
        ),
    )
    lost = stage.calsync("conflicts", USER)["conflicts"]
    if [conflict["lost"] for conflict in lost] != ["Title from Google"]:
        raise StageError("the losing title was not kept")


def _agree(trip: Trip) -> bool:
    google = {
        (title, event.get("description", ""), event.get("location", ""), _instant(event["start"]["dateTime"]))
        for title, event in trip.google().items()
    }
    crm = {
        (title, event["description"], event["location"], _instant(event["start"]))
        for title, event in trip.crm().items()
    }
    return bool(google) and google == crm


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
