"""Operators' passwords: how they are kept, and which ones may be chosen."""

from __future__ import annotations

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: Length alone makes guessing hopeless; kinds of characters are not asked for, they make people write passwords down.
SHORTEST, LONGEST = 15, 200
_FEWEST_CHARACTERS = 8
_BYTES = 15


def fresh() -> str:
    """Return a random password, of twenty characters."""
    return secrets.token_urlsafe(_BYTES)


def hashed(password: str) -> str:
    """Return a password as it is kept."""
    return _hasher().hash(password)


def matches(kept: str, password: str) -> bool:
    """Return whether this is the password of which `kept` is the hash."""
    try:
        return _hasher().verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def nobodys_hash() -> str:
    """Return the hash of a password that nobody has, to take as long over an unknown name as over a known one."""
    return hashed(fresh())


def weakness(name: str, password: str) -> str:
    """Return why an operator of this name may not choose this password, as a sentence; "" when they may."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"The new password must have {SHORTEST} to {LONGEST} characters."
    if name.lower() in password.lower():
        return "The new password must not contain your name."
    if len(set(password)) < _FEWEST_CHARACTERS:
        return f"The new password must have at least {_FEWEST_CHARACTERS} different characters."
    return ""


@cache
def _hasher() -> PasswordHasher:
    """Return the hasher with the library's parameters, which are those of RFC 9106 for little memory."""
    return PasswordHasher()
