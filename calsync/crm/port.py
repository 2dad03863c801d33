"""The contract of a CRM adapter: what a backend offers, and how plug-ins are found.

A plug-in is a package with an entry point in the group `calsync.crm`: a callable that takes a `CrmContext`
and returns a `CrmBackend`. `calsync crm conformance` tells whether one keeps what `model.side` promises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

from calsync.model.event import FIELDS
from calsync.model.side import CalendarSide

GROUP = "calsync.crm"

#: What an event has besides its fields, and a CRM may not know: whole days, the zone's name, characters above U+FFFF.
ALL_DAY, ZONE, WIDE = "all_day", "zone", "wide"


class Recurrence(StrEnum):
    """What a record of the CRM is: a whole series with its exceptions, or one occurrence (series are Refused)."""

    RULES = "rules"
    OCCURRENCES = "occurrences"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a CRM can keep. The defaults claim everything: who declares nothing is held to the whole contract.

    `keeps`: names of what is shown as it was sent (`event.FIELDS` and the three above); the rest may get lost, or be
    rewritten, but is shown the same at every look. `names_originals`: `find` knows copies by their marker.
    """

    recurrence: Recurrence = Recurrence.RULES
    keeps: frozenset[str] = frozenset({*FIELDS, ALL_DAY, ZONE, WIDE})
    names_originals: bool = True


class Misconfigured(ValueError):
    """The options of a backend cannot be used: "KEY: what is wrong and what to do", without values of secrets."""


def _no_secrets(key: str) -> str:
    raise Misconfigured(f"{key}: secrets cannot be read here")


@dataclass(frozen=True, slots=True)
class CrmPerson:
    """A CRM user as consent needs to know them; `email` is the Google address to expect."""

    login: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class CrmContext:
    """What a backend is given: its section of the configuration, the database for one that lives there, and the
    clock (aware datetimes).

    `secret` reads the file that an option such as "key_file" names; Misconfigured when it cannot. `extra`:
    `digest_key`, 32 bytes that are this installation's; `policy`, the engine's; `stopping`, an event that is set when
    the process should end.
    """

    options: Mapping[str, Any]
    engine: Any
    clock: Callable[[], datetime]
    extra: Mapping[str, Any] = field(default_factory=dict)
    secret: Callable[[str], str] = _no_secrets


class CrmBackend(Protocol):
    """A CRM with calendars of many users. Safe for several threads.

    One that cannot keep everything has an attribute `capabilities` besides.
    """

    def person(self, login: str) -> CrmPerson | None:
        """Return a user, or None when there is none of that login."""

    def people(self) -> Sequence[CrmPerson]:
        """Return all users, by login."""

    def side(self, login: str) -> CalendarSide:
        """Return the calendar of one user; permissions are those of that user."""

    def wakes(self, cursor: str) -> tuple[frozenset[str], str]:
        """Return logins whose calendar may have changed since `cursor`, and the new cursor.

        "" means now: nobody, and where to go on. A CRM that cannot tell returns nobody.
        """

    def check(self) -> None:
        """Raise SideError when the CRM cannot be reached or used, saying what to do."""

    def router(self) -> Any:
        """Return a FastAPI router that the web server mounts, or None."""


@runtime_checkable
class Remembers(Protocol):
    """A backend that keeps a memory of people's calendars in our database."""

    def forget(self, login: str) -> int:
        """Forget everything about a user, also one whom the CRM does not know any more; return how many entries.

        Safe to repeat; the next look begins anew.
        """


@runtime_checkable
class WithoutSeries(Protocol):
    """A backend that has single events only: it is shown the occurrences of series, one by one."""

    @property
    def occurrence_days(self) -> int:
        """How many days ahead occurrences are made."""


@runtime_checkable
class Paced(Protocol):
    """A backend that may be asked only so often."""

    def pause_seconds(self, people: int) -> float:
        """Return how long at least lies between two looks at one calendar, when so many `people` are served."""


def forget(backend: CrmBackend, login: str) -> int:
    """Delete what a backend keeps of a user's calendar, if it keeps any, and return how many entries."""
    return backend.forget(login) if isinstance(backend, Remembers) else 0


def capabilities_of(backend: CrmBackend) -> Capabilities:
    """Return what a backend declares, or the whole contract."""
    found: Capabilities = getattr(backend, "capabilities", Capabilities())
    return found


def load(name: str, context: CrmContext) -> CrmBackend:
    """Return the backend of that name; LookupError, with the names there are, when there is none.

    Raises Misconfigured, and SchemaTooNew when a backend's own tables are of a later version of the program.
    """
    if name == "builtin":
        from calsync.crm.builtin.backend import BuiltinCrm
        from calsync.crm.builtin.migrations import upgrade

        upgrade(context.engine)
        return BuiltinCrm(context.engine, context.clock)
    if name == "opencrm":
        from calsync.crm.opencrm.backend import make

        return make(context)
    if name == "vtiger":
        from calsync.crm.vtiger.backend import VtigerCrm

        return VtigerCrm(context)
    found = entry_points(group=GROUP)
    for entry in found:
        if entry.name == name:
            backend: CrmBackend = entry.load()(context)
            return backend
    names = ", ".join(sorted({"builtin", "opencrm", "vtiger", *(entry.name for entry in found)}))
    raise LookupError(f"no CRM backend is called {name!r}; installed: {names}")
