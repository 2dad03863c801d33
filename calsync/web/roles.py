"""What each role may do on the operators' pages: whatever is not named here is refused."""

from __future__ import annotations

from enum import StrEnum

from calsync.store.audit import BOOTSTRAP_TOKEN, ByOperator
from calsync.store.operators import TOKEN_HOLDER, Present, Role


class Deed(StrEnum):
    """Something that an operator does with an account; the values are parts of addresses."""

    LOOK = "look"
    SYNC = "sync"
    PAUSE = "pause"
    RESUME = "resume"
    APPROVE = "approve"
    LINK = "link"
    DISCONNECT = "disconnect"


_ALLOWED = {
    Role.VIEWER: frozenset({Deed.LOOK}),
    Role.OPERATOR: frozenset(Deed),
    # Stops processing and withdraws, as the law may demand; starts nothing.
    Role.DATA_PROTECTION: frozenset({Deed.LOOK, Deed.PAUSE, Deed.DISCONNECT}),
}


#: What gives access or ends it: whoever does it shows again that it is them, not a browser that was left open.
GRAVE = frozenset({Deed.LINK, Deed.DISCONNECT})


def may(who: Present, deed: Deed) -> bool:
    """Return whether somebody may do something; whoever holds the bootstrap token may do all."""
    return who.role is None or deed in _ALLOWED[who.role]


def named(name: str) -> ByOperator:
    """Return an operator as the audit trail names them; whoever holds the bootstrap token is entered as that."""
    return BOOTSTRAP_TOKEN if name == TOKEN_HOLDER else ByOperator(name)


def allowed(who: Present) -> frozenset[Deed]:
    """Return all that somebody may do."""
    return frozenset(deed for deed in Deed if may(who, deed))
