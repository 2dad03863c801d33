"""The contract of a CRM adapter: what a backend offers, and how plug-ins are found.

A plug-in is a package with an entry point in the group `calsync.crm`: a callable that takes a `CrmContext`
and returns a `CrmBackend`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

from calsync.model.side import CalendarSide

GROUP = "calsync.crm"


@dataclass(frozen=True, slots=True)
class CrmPerson:
    """A CRM user as consent needs to know them; `email` is the Google address to expect."""

    login: str
    email: str
    name: str


class BadOptions(ValueError):
    """A backend cannot be made of its section; the text is one line that names the key and what to do."""


@dataclass(frozen=True, slots=True)
class CrmContext:
    """What a backend is given: its section of the configuration, the database for one that keeps something there,
    and the clock (aware datetimes).

    `extra`: `secret`, a function that returns the text of a secret file by its key in the configuration and its name;
    `digest_key`, 32 bytes that are this installation's; `policy`, the engine's; `stopping`, an event that is set when the
    process should end.
    """

    options: Mapping[str, Any]
    engine: Any
    clock: Callable[[], datetime]
    extra: Mapping[str, Any] = field(default_factory=dict)


class CrmBackend(Protocol):
    """A CRM with calendars of many users. Safe for several threads."""

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
class WithoutSeries(Protocol):
    """A backend that has single events only: it is shown the occurrences of series, one by one."""

    @property
    def occurrence_days(self) -> int:
        """How many days ahead occurrences are made."""


def load(name: str, context: CrmContext) -> CrmBackend:
    """Return the backend of that name; LookupError, with the names there are, when there is none.

    Raises SchemaTooNew when a backend's own tables are of a later version of the program, and BadOptions when its
    section is not enough.
    """
    if name == "builtin":
        from calsync.crm.builtin.backend import BuiltinCrm
        from calsync.crm.builtin.migrations import upgrade

        upgrade(context.engine)
        return BuiltinCrm(context.engine, context.clock)
    if name == "opencrm":
        from calsync.crm.opencrm.backend import make

        return make(context)
    found = entry_points(group=GROUP)
    for entry in found:
        if entry.name == name:
            backend: CrmBackend = entry.load()(context)
            return backend
    names = ", ".join(sorted({"builtin", "opencrm", *(entry.name for entry in found)}))
    raise LookupError(f"no CRM backend is called {name!r}; installed: {names}")
