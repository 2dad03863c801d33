"""A decision about one link in values: by which rules it is made, what is to be written, what gives way."""

from __future__ import annotations

from dataclasses import dataclass

from calsync.model.event import Event
from calsync.model.link import Face
from calsync.model.policy import Direction, Winner
from calsync.model.side import SideName


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy as far as one link is concerned. `own`: the field of the person themselves as a guest."""

    direction: Direction = Direction.BOTH
    winner: Winner = Winner.MERGE
    guests_write: bool = False
    own: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """Make a copy of `event` on `side`."""

    side: SideName
    event: Event
    source: Face


@dataclass(frozen=True, slots=True)
class Change:
    """Give `fields` on `side` the values they have in `event`."""

    side: SideName
    fields: frozenset[str]
    event: Event
    source: Face


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete on `side`; `retract`: only our copy goes, since the original may no longer cross.

    `leave`: the person's own copy of somebody else's meeting is gone, so that they no more than leave the record.
    """

    side: SideName
    retract: bool = False
    leave: bool = False


Action = Copy | Change | Remove


@dataclass(frozen=True, slots=True)
class Loser:
    """A value that gives way in a clash; values are those of `Sight.value`."""

    field: str
    kept: object
    lost: object
    kept_side: SideName


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about a link, and why.

    `agreed`: fields whose faces are settled without a write. `need`: sides whose content must be read
    first; nothing else is decided then. `held`: something may not cross now, and will when rules allow.
    `forget`: nothing is left on either side. `released`: where a copy is gone that nobody had a right to any more.
    """

    because: str
    actions: tuple[Action, ...] = ()
    losers: tuple[Loser, ...] = ()
    agreed: frozenset[str] = frozenset()
    need: frozenset[SideName] = frozenset()
    held: bool = False
    forget: bool = False
    released: SideName | None = None
