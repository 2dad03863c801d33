"""Finding the account that a command is about."""

from __future__ import annotations

from calsync.cli import Context, PersonNeeded, UserError
from calsync.store import accounts
from calsync.store.accounts import Account
from calsync.store.database import reading


def account_of(context: Context, user: str) -> Account:
    """Return a user's account; exit 2 for an unknown user, 3 for one who never connected."""
    parts = context.parts()
    with reading(parts.engine) as connection:
        account = accounts.find(connection, parts.vault, user)
    if account is not None:
        return account
    if parts.crm.person(user) is None:
        raise UserError(f"the CRM has no user {user!r}; see `calsync crm users list`")
    raise PersonNeeded(f"{user} is not connected; send them the address that `calsync link {user}` prints")
