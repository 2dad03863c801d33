"""The history of a person's consent, as the ledger tells it: people and operators read the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from calsync.store import audit, subjects
from calsync.store.audit import Act, Actor
from calsync.store.vault import Vault

_WHAT = {
    Act.INVITED: "link made",
    Act.CONSENT_GIVEN: "given",
    Act.CONSENT_WIDENED: "widened",
    Act.CONSENT_NARROWED: "narrowed",
    Act.CONSENT_CHANGED: "changed",
    Act.CONSENT_WITHDRAWN: "withdrawn",
    Act.CONSENT_LOST: "withdrawn at Google",
    Act.CONSENT_ENDED: "ended",
}
_SCOPES = {
    "calendar.events": "view and edit events",
    "calendar.calendarlist.readonly": "see the list of calendars",
    "userinfo.email": "see the email address",
    "email": "see the email address",
    "openid": "know who it is",
}
_COPIES = {"keep": "kept", "remove": "removed"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One turn of a consent. `actor`: a value of `Actor`, or "operator", whom `by` names; `terms`: what it was about.

    `words`: the version of the words to which the person said yes, "" where there were none.
    """

    at: datetime
    what: str
    actor: str
    by: str
    terms: str
    words: str


def history(connection: Connection, vault: Vault, user: str) -> list[Entry]:
    """Return every turn that a CRM user's consent has taken, newest first."""
    subject = subjects.find(connection, vault, user)
    found = audit.entries(connection, subject) if subject is not None else []
    return [_entry(one) for one in reversed(found) if one.act in _WHAT]


def _entry(one: audit.Entry) -> Entry:
    act = Act(one.act)
    again = act is Act.CONSENT_GIVEN and one.detail.get("again")
    actor = Actor.PERSON.value if act is Act.CONSENT_LOST else one.actor
    words = str(one.detail.get("text", ""))
    return Entry(one.at, "given anew" if again else _WHAT[act], actor, one.by, _terms(act, one.detail), words)


def _terms(act: Act, detail: Mapping[str, Any]) -> str:
    if act is Act.CONSENT_GIVEN:
        return ", ".join(dict.fromkeys(_SCOPES.get(scope, scope) for scope in detail.get("scopes", ())))
    if act is Act.CONSENT_WITHDRAWN:
        google, crm = (_COPIES.get(str(detail.get(f"{side}_copies")), "kept") for side in ("google", "crm"))
        return f"copies at Google {google}, in the CRM {crm}"
    if act is Act.CONSENT_ENDED:
        return "permission given back to Google" if detail.get("revoked") else ""
    if "direction" in detail:
        way = str(detail["direction"]).replace("_", " ")
        return f"direction: {way}; private events: {detail['private_events']}"
    return ""
