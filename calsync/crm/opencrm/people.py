"""The tenant's users: who is asked for by a login, and whom an owner's id means (1.6)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from calsync.crm.opencrm.answers import Row, text_of
from calsync.crm.opencrm.listing import USERS, Paging, Reader, complete

_ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class User:
    """A user of the CRM; `email` in lower case."""

    id: str
    login: str
    email: str
    name: str
    active: bool


class People:
    """All users, looked up again after a while; safe for several threads."""

    def __init__(
        self,
        reader: Reader,
        paging: Paging,
        fresh: timedelta,
        clock: Callable[[], datetime],
        fixed: Sequence[User] = (),
    ) -> None:
        """`fresh`: how long a list is good for. `fixed`: users who are known without asking; then nobody is asked."""
        self._reader, self._paging, self._fresh, self._clock = reader, paging, fresh, clock
        self._fixed = {user.id: user for user in fixed}
        self._users: Mapping[str, User] = {}
        self._looked: datetime | None = None
        self._guard = threading.Lock()

    def active(self) -> Sequence[User]:
        """Return users who may log in, by login. Raises Later."""
        return sorted((user for user in self._all().values() if user.active), key=lambda user: user.login)

    def by_login(self, login: str) -> User | None:
        """Return an active user; one who is not known may be new, and is looked up now. Raises Later."""
        found = self._active(login)
        if found is None and not self._fixed:
            with self._guard:
                self._looked = None
            found = self._active(login)
        return found

    def _active(self, login: str) -> User | None:
        return next((user for user in self._all().values() if user.login == login and user.active), None)

    def login_of(self, number: str) -> str:
        """Return the login of whoever has an id, active or not; "" for nobody. Raises Later."""
        user = self._all().get(number)
        return user.login if user is not None else ""

    def _all(self) -> Mapping[str, User]:
        if self._fixed:
            return self._fixed
        with self._guard:
            now = self._clock()
            if self._looked is None or now - self._looked >= self._fresh:
                rows = complete(self._reader, USERS, (), self._paging, lambda _row: True)
                self._users = {number: _user(number, row) for number, row in rows.items()}
                self._looked = now
            return self._users


def _user(number: str, row: Row) -> User:
    login = text_of(row, "user_name").strip()
    name = f"{text_of(row, 'first_name')} {text_of(row, 'last_name')}".strip()
    active = text_of(row, "status").strip().lower() == _ACTIVE
    return User(number, login, text_of(row, "email1").strip().lower(), name or login, active and bool(login))
