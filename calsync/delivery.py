"""Carrying tidings to people and the operator by mail; without a mail server they stay on the operators' page."""

from __future__ import annotations

import structlog

from calsync.mail import MailFailed
from calsync.model.errors import SideError
from calsync.store import tidings
from calsync.store.database import reading, writing
from calsync.store.tidings import Kind, Reader, Tiding
from calsync.wiring import Parts

log = structlog.get_logger()

_SUBJECTS = {
    Kind.CONNECTED: "Your CRM calendar was connected to a Google account",
    Kind.DISCONNECTED: "Your CRM calendar is no longer connected to a Google account",
}
_TEXTS = {
    Kind.CONNECTED: "From now on, your CRM calendar and the Google account with which this was confirmed are kept in "
    "step.\n\nIf that was not you, end it at once: sign in at {page} and choose “Stop syncing”, or ask your "
    "administrator.\n",
    Kind.DISCONNECTED: "Syncing has stopped, the permission at Google is given back, and our key to that calendar is "
    "deleted.\n\nIf that was not you, tell your administrator.\n",
}
_FOR_OPERATOR = {
    Kind.OTHER_ACCOUNT: "somebody opened the consent link of {user} and chose another Google account than expected; "
    "it was refused, and the permission was given back at once",
    Kind.ALREADY_LINKED: "the consent of {user} was refused: the Google account serves somebody else, or {user} is "
    "connected to another one",
    Kind.OTHER_SUBJECT: "the consent of {user} was refused: Google has given the known address to another identity; "
    "if that is meant, `calsync link {user} --new-identity` allows it",
    Kind.BAD_IDENTITY: "the consent of {user} was refused: the proof of identity did not hold",
    Kind.ERASURE_ASKED: "{user} has asked on their own page for everything about them to be erased",
    Kind.CONNECTED: "{user} was connected; nobody was mailed about it",
    Kind.DISCONNECTED: "{user} was disconnected; nobody was mailed about it",
}


def sentence(tiding: Tiding) -> str:
    """Return what the operator reads."""
    return _FOR_OPERATOR[tiding.kind].format(user=tiding.user)


def deliver(parts: Parts) -> None:
    """Mail what waits. Each try is noted before it is made; a tiding may come twice, and is never lost silently."""
    if parts.mailer is None:
        return
    with reading(parts.engine) as connection:
        waiting = tidings.waiting(connection, parts.clock())
    for tiding in waiting:
        with writing(parts.engine) as connection:
            tidings.begin(connection, tiding, parts.clock())
        if _mail(parts, tiding):
            with writing(parts.engine) as connection:
                tidings.sent(connection, tiding.id, parts.clock())


def _mail(parts: Parts, tiding: Tiding) -> bool:
    try:
        to = _address(parts, tiding)
        if to and parts.mailer is not None:
            parts.mailer.send(to, *_letter(parts, tiding))
    except (MailFailed, SideError) as error:
        log.warning("mail waits", user=tiding.user, reason=str(error))
        return False
    return bool(to)


def _address(parts: Parts, tiding: Tiding) -> str:
    if tiding.reader is Reader.OPERATOR:
        return parts.settings.mail.operator
    person = parts.crm.person(tiding.user)
    return person.email if person is not None else ""


def _letter(parts: Parts, tiding: Tiding) -> tuple[str, str]:
    """Return subject and text; they hold nothing of anybody's calendar."""
    url = parts.settings.web.public_url
    if tiding.reader is Reader.OPERATOR:
        return "calsync needs your attention", f"{sentence(tiding)}.\n\n{url}/operator\n"
    return _SUBJECTS[tiding.kind], _TEXTS[tiding.kind].format(page=f"{url}/me")
