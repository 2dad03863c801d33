"""Making consent links, for commands, operators' pages and the API alike."""

from __future__ import annotations

import re
from datetime import datetime

from calsync.store import audit, consent
from calsync.store.audit import Act, By
from calsync.store.consent import Terms
from calsync.store.database import writing
from calsync.wiring import Parts

#: An address, or "@" and a domain.
EXPECTED = r"^[^@\s\x00-\x1f]{0,64}@[^@\s\x00-\x1f]{1,255}$"


class NoSuchUser(Exception):
    """The CRM has no such user."""


class NoAddress(Exception):
    """It is not known which Google account to expect; the message says what to do."""


def invite(parts: Parts, user: str, google: str | None, terms: Terms, by: By) -> tuple[str, datetime]:
    """Return a fresh consent link of a CRM user and when it expires; earlier ones of the user end.

    `google`: the only address to accept, or "@" and a Workspace domain; None: the CRM user's own. Raises NoSuchUser
    and NoAddress.
    """
    person = parts.crm.person(user)
    if person is None:
        raise NoSuchUser(user)
    expected = google or person.email
    if not re.match(EXPECTED, expected):
        raise NoAddress("must be an address, or @ and a domain (the CRM user has no address of their own)")
    with writing(parts.engine) as connection:
        secret, expires = consent.new_ticket(connection, parts.vault, user, expected, parts.clock(), terms)
        audit.append(connection, parts.vault, Act.INVITED, by, user, parts.clock())
    return f"{parts.settings.web.public_url}/connect/{secret}", expires
