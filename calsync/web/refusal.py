"""When consent does not come about: nothing is stored, what Google granted is given back, the operator is told."""

from __future__ import annotations

import structlog
from fastapi.responses import Response

from calsync.engine import withdraw
from calsync.google.oauth import Leftover
from calsync.store import consent, tidings
from calsync.store.consent import Flow
from calsync.store.database import writing
from calsync.store.tidings import Kind, Reader
from calsync.web.site import Site

log = structlog.get_logger()

DEAD = (
    "This link was used already, has expired, or is not one of ours. "
    "Nothing was stored. Please ask whoever sent it for a new one."
)
LOST = (
    "This sign-in does not belong to this browser, was finished before, or took longer than ten minutes. "
    "Nothing was stored. Please open your link again."
)

#: Refusals that may be more than a slip of the person.
_TOLD = {kind.value: kind for kind in (Kind.OTHER_ACCOUNT, Kind.ALREADY_LINKED, Kind.OTHER_SUBJECT)} | {
    "identity": Kind.BAD_IDENTITY,
    "mixed_up": Kind.BAD_IDENTITY,
}


def refuse(site: Site, flow: Flow, code: str, sentence: str, leftover: Leftover | None) -> Response:
    """Say why nothing was connected, and give back what Google has granted all the same.

    When Google cannot be reached, the sealed token is kept only until the daemon has withdrawn it.
    """
    parts, now = site.parts, site.parts.clock()
    log.info("consent refused", user=flow.ticket.user, reason=code)
    site.counting.refused(code)
    withdrawn = leftover is None or withdraw(parts, leftover.subject, leftover.token)
    with writing(parts.engine) as connection:
        if withdrawn or leftover is None:
            consent.end_flow(connection, flow.id)
        else:
            held = {"subject": leftover.subject, "refresh_token": leftover.token}
            consent.hold_grant(connection, parts.vault, flow, held, now)
            consent.expire_flow(connection, flow.id, now)
        if code in _TOLD:
            tidings.note(connection, flow.ticket.user, _TOLD[code], Reader.OPERATOR, now)
    text = f"{sentence} Nothing was connected, and no permission was kept."
    return site.page("problem.html", 400, title="Not connected", text=text)
