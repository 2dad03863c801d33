"""What every observation of a round needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from calsync.model.event import Event
from calsync.model.link import Face
from calsync.model.policy import Policy, Window
from calsync.store.accounts import Account
from calsync.store.links import Link
from calsync.sync.pages import Early


@dataclass(frozen=True, slots=True)
class Scene:
    """Whose calendars are observed, by which rules, and when."""

    account: Account
    policy: Policy
    window: Window
    now: datetime
    #: How to tell our own markers: the name of each side's entries on the other side.
    google_prefix: str
    #: Faces of the events at hand, by identity: what a side has stored as it was sent need not be looked at anew.
    faces: dict[int, tuple[Event, Face]] = field(default_factory=dict)
    #: Exceptions that this listing has shown before their series, by the key of that: each page stands alone otherwise.
    early: Early = field(default_factory=dict)
    #: Links whose Google event has become private, or public: who shares their record has to know.
    veils: list[Link] = field(default_factory=list)
    #: Whether Google's events are looked at under another policy than before: what hid or showed them may not any more.
    google_anew: bool = False
    #: Whether private events crossed in full under the policy before this one.
    was_open: bool = False
