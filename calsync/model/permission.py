"""What a CRM user may see and do with one record: the outer limit of everything that reaches Google."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """How much of a record a person may know; every level includes those below."""

    NONE = 0
    BUSY = 1
    READ = 2
    EDIT = 3
    DELETE = 4


class Security(StrEnum):
    """OpenCRM's six values of record security."""

    PUBLIC_READ = "public_read"
    PUBLIC_EDIT = "public_edit"
    PUBLIC_DELETE = "public_delete"
    PRIVATE = "private"
    PRIVATE_GROUP = "private_group"
    GLOBAL = "global"


class Relation(StrEnum):
    """Why a record belongs on a person's calendar."""

    MINE = "mine"
    INVITED = "invited"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Access:
    """The decision about one record for one person, and the rule it rests on.

    `because` is a short code for operators and `explain`; it holds no content.
    """

    level: Level
    because: str
    relations: frozenset[Relation] = frozenset()


NO_ACCESS = Access(Level.NONE, "unknown record")


@dataclass(frozen=True, slots=True)
class Person:
    """A CRM user as far as permissions ask: login, lower-case address, role and teams."""

    login: str
    email: str
    admin: bool = False
    teams: frozenset[str] = frozenset()
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """What the permission of a record depends on."""

    owner: str
    security: str
    team: str = ""
    owner_teams: frozenset[str] = frozenset()
    attendees: frozenset[str] = frozenset()
    declined: frozenset[str] = frozenset()


def decide(person: Person, record: Record) -> Access:
    """Return what `person` may do with `record`; anything unknown is denied.

    The owner has everything; attendees read; an administrator sees and edits all but private records of
    others; for the rest the record's security decides. A role that is read-only never edits.
    """
    level, because = _level(person, record)
    if person.read_only and level > Level.READ:
        level, because = Level.READ, "role is read-only"
    return Access(level, because, _relations(person, record))


def _level(person: Person, record: Record) -> tuple[Level, str]:
    if record.owner == person.login:
        return Level.DELETE, "owner"
    by_security, because = _by_security(person, record)
    if person.email and person.email in record.attendees and by_security < Level.READ:
        return Level.READ, "attendee"
    return by_security, because


def _by_security(person: Person, record: Record) -> tuple[Level, str]:
    shared = _shares_team(person, record)
    levels = {
        Security.PUBLIC_READ: Level.READ,
        Security.PUBLIC_EDIT: Level.EDIT,
        Security.PUBLIC_DELETE: Level.DELETE,
        Security.GLOBAL: Level.DELETE,
        Security.PRIVATE_GROUP: Level.DELETE if shared else Level.NONE,
        Security.PRIVATE: Level.NONE,
    }
    try:
        security = Security(record.security)
    except ValueError:
        return Level.NONE, "unknown security"
    if person.admin and security is not Security.PRIVATE:
        return Level.DELETE, "administrator"
    return levels[security], f"security {security.value}"


def _shares_team(person: Person, record: Record) -> bool:
    return bool(person.teams & record.owner_teams) or (bool(record.team) and record.team in person.teams)


def _relations(person: Person, record: Record) -> frozenset[Relation]:
    found = set()
    if record.owner == person.login:
        found.add(Relation.MINE)
    elif person.email and person.email in record.attendees - record.declined:
        found.add(Relation.INVITED)
    if _shares_team(person, record):
        found.add(Relation.TEAM)
    return frozenset(found)
