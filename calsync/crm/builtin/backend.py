"""The built-in CRM as a backend: its people, tokens and wake-ups."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from calsync.crm.builtin.changes import teams_of
from calsync.crm.builtin.side import BuiltinSide
from calsync.crm.builtin.tables import counter, events, metadata, tokens, users
from calsync.crm.port import CrmPerson
from calsync.model.errors import Later
from calsync.question import Question

_END = Question(select(counter.c.value))

ROLES = ("admin", "standard", "read_only")


#: So many changes are looked at in one go.
_WAKES = 1000


class UserExists(Exception):
    """A user of that login, or with that address, is there already."""


class BuiltinCrm:
    """The embedded CRM; it commits apart from the sync engine's tables."""

    #: Describes the tables that are kept in calsync's database.
    metadata = metadata

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        """`engine`: where the crm_* tables are."""
        self.engine, self.clock = engine, clock

    def person(self, login: str) -> CrmPerson | None:
        """Return a user, or None."""
        with self.engine.connect().execution_options(reading=True) as connection:
            row = connection.execute(select(users).where(users.c.login == login)).first()
        return CrmPerson(row.login, row.email, row.name) if row else None

    def people(self) -> Sequence[CrmPerson]:
        """Return all users, by login."""
        with self.engine.connect().execution_options(reading=True) as connection:
            rows = connection.execute(select(users).order_by(users.c.login)).all()
        return [CrmPerson(row.login, row.email, row.name) for row in rows]

    def side(self, login: str) -> BuiltinSide:
        """Return a user's calendar."""
        return BuiltinSide(self.engine, login, self.clock)

    def check(self) -> None:
        """Raise Later when the tables cannot be read."""
        try:
            with self.engine.connect().execution_options(reading=True) as connection:
                connection.execute(select(counter.c.value)).scalar_one()
        except SQLAlchemyError as error:
            raise Later(f"CRM: the database cannot be read ({type(error).__name__})") from error

    def wakes(self, cursor: str) -> tuple[frozenset[str], str]:
        """Return the logins that changes since a place in the feed may concern."""
        [[end]] = _END.ask(self.engine)
        if not cursor or int(cursor) >= end:
            return frozenset(), str(end)
        with self.engine.connect().execution_options(reading=True) as connection:
            query = select(events.c.seq, events.c.concerns, events.c.owner, events.c.team)
            query = query.where(events.c.seq > int(cursor), events.c.seq <= end)
            rows = connection.execute(query.order_by(events.c.seq).limit(_WAKES)).all()
            end = rows[-1].seq if len(rows) == _WAKES else end
            teams = teams_of(connection)
            logins = {
                email: login for login, email in connection.execute(select(users.c.login, users.c.email))
            }
        woken: set[str] = set()
        for row in rows:
            woken.update(logins.get(name, name) for name in row.concerns.split("\n"))
            shared = teams.get(row.owner, frozenset()) | {row.team}
            woken.update(login for login, theirs in teams.items() if theirs & shared)
        return frozenset(woken & set(teams)), str(end)

    def add_user(self, login: str, email: str, name: str, role: str, teams: Sequence[str]) -> CrmPerson:
        """Add a user; UserExists."""
        row = {"login": login, "email": email.strip().lower(), "name": name or login, "role": role}
        try:
            with self.engine.begin() as connection:
                values = row | {"teams": orjson.dumps(sorted(teams)).decode(), "access_version": 0}
                connection.execute(insert(users).values(**values))
        except IntegrityError as error:
            raise UserExists(login) from error
        return CrmPerson(login, row["email"], row["name"])

    def set_access(self, login: str, role: str, teams: Sequence[str]) -> None:
        """Change a user's role and teams; accounts of all users of those teams are decided anew."""
        with self.engine.begin() as connection:
            values = {"role": role, "teams": orjson.dumps(sorted(teams)).decode()}
            connection.execute(update(users).where(users.c.login == login).values(**values))
            # Who shares a team with whom has changed for others too.
            connection.execute(update(users).values(access_version=users.c.access_version + 1))

    def add_token(self, login: str) -> str:
        """Return a fresh token of a user; only its digest is kept."""
        token = secrets.token_urlsafe(32)
        with self.engine.begin() as connection:
            connection.execute(insert(tokens).values(digest=token_digest(token), login=login))
        return token

    def token_login(self, token: str) -> str | None:
        """Return whose token it is, or None."""
        with self.engine.connect().execution_options(reading=True) as connection:
            query = select(tokens.c.login).where(tokens.c.digest == token_digest(token))
            login = connection.execute(query).scalar()
        return str(login) if login is not None else None

    def router(self) -> Any:
        """Return the REST interface."""
        from calsync.crm.builtin.rest import make_router

        return make_router(self)


def token_digest(token: str) -> str:
    """Return what is kept of a token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
