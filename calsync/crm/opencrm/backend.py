"""OpenCRM as a backend: one tenant, reached with one pair of keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from calsync.crm.opencrm.access import Judge
from calsync.crm.opencrm.client import Client, Door
from calsync.crm.opencrm.gate import Gate
from calsync.crm.opencrm.listing import Paging
from calsync.crm.opencrm.mapping import Shape
from calsync.crm.opencrm.memory import Memory
from calsync.crm.opencrm.migrations import upgrade
from calsync.crm.opencrm.options import OpenCrmOptions
from calsync.crm.opencrm.pace import Budget, Pace
from calsync.crm.opencrm.people import People, User
from calsync.crm.opencrm.recent import Recent
from calsync.crm.opencrm.side import OpenCrmSide
from calsync.crm.opencrm.tables import metadata
from calsync.crm.opencrm.tenant import Tenant
from calsync.crm.port import CrmContext, CrmPerson, Misconfigured
from calsync.model.policy import Policy
from calsync.model.push import Trait

#: What a look at a calendar costs where nothing has changed: the latest changes, or a count, a slice and a count.
LOOK_REQUESTS = 3
_DAY_SECONDS = 86_400


class OpenCrm:
    """A tenant with the calendars of its users."""

    #: Describes the tables that are kept in calsync's database.
    metadata = metadata

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @property
    def occurrence_days(self) -> int:
        """How many days ahead occurrences of a series are made: there are no rules over the interface (5)."""
        return self.tenant.options.occurrence_days

    def person(self, login: str) -> CrmPerson | None:
        """Return an active user, or None. Raises Later when the CRM cannot answer."""
        user = self.tenant.people.by_login(login)
        return _person(user) if user is not None else None

    def people(self) -> Sequence[CrmPerson]:
        """Return all active users, by login. Raises Later when the CRM cannot answer."""
        return [_person(user) for user in self.tenant.people.active()]

    def side(self, login: str) -> OpenCrmSide:
        """Return a user's calendar; nothing is asked yet."""
        return OpenCrmSide(self.tenant, login)

    def wakes(self, cursor: str) -> tuple[frozenset[str], str]:
        """Nobody: the interface has no push and no feed (1.7)."""
        return frozenset(), cursor

    def forget(self, login: str) -> int:
        """Forget what is remembered of a user's calendar, and return how many entries that were."""
        return Memory(self.tenant.engine, login).forget()

    def pause_seconds(self, people: int) -> float:
        """Return how long the looks of so many `people` take at the tenant's pace, and with half of the daily requests:
        the other half is for what is written.
        """
        options = self.tenant.options
        pace = options.requests_per_second
        if options.daily_requests:
            pace = min(pace, options.daily_requests / 2 / _DAY_SECONDS)
        return people * LOOK_REQUESTS / pace

    def check(self) -> None:
        """Raise Later when the CRM cannot be reached; that nothing may be written is said where something would be."""
        self.tenant.people.active()

    def router(self) -> Any:
        """Nothing is served for it."""
        return None


def _person(user: User) -> CrmPerson:
    return CrmPerson(user.login, user.email, user.name)


def make(context: CrmContext) -> OpenCrm:
    """Return the backend that a context describes; Misconfigured when something is missing.

    `context.extra` must hold `digest_key` and `policy`.
    """
    options = OpenCrmOptions.model_validate(context.options)
    if not options.base_url:
        raise Misconfigured("base_url: is empty; put the tenant's address there")
    extra = context.extra
    _check_filters(options, extra["policy"])
    stopping: threading.Event = extra.get("stopping", threading.Event())
    door = Door(
        options.base_url,
        context.secret("key_file"),
        context.secret("passkey_file"),
        options.auth,
    )
    pace = Pace(options.requests_per_second, time.monotonic, stopping.wait)
    client = Client(door, pace, Budget(options.daily_requests, context.clock), context.clock, stopping)
    upgrade(context.engine)
    return OpenCrm(_tenant(options, client, context, extra["policy"], extra["digest_key"]))


_ASKED_FOR = {Trait.TYPE: "activity_type", Trait.STATUS: "status", Trait.CATEGORY: "category"}


def _check_filters(options: OpenCrmOptions, policy: Policy) -> None:
    """Raise Misconfigured when push rules ask for a field that nobody has named: nothing at all would go out."""
    for one in policy.filters:
        name = _ASKED_FOR[one.trait]
        if not getattr(options.fields, name):
            raise Misconfigured(
                f"fields.{name}: is empty, and sync.{one.name} asks for it; name the tenant's field"
            )


def _tenant(
    options: OpenCrmOptions, client: Client, context: CrmContext, policy: Policy, digest_key: bytes
) -> Tenant:
    paging = Paging(options.limit_end, options.page_size, options.count_check)
    fixed = [
        User(user.id, login, user.email.strip().lower(), user.name or login, active=True)
        for login, user in options.users.items()
    ]
    people = People(client, paging, timedelta(seconds=options.users_seconds), context.clock, fixed)
    return Tenant(
        options=options,
        client=client,
        people=people,
        judge=Judge(options.permissions, people),
        shape=Shape(options),
        gate=Gate(options, context.clock),
        recent=Recent(options, paging, context.clock),
        engine=context.engine,
        policy=policy,
        secret=digest_key,
        clock=context.clock,
    )
