"""The code by mail: before Google, a browser shows that it can read what the CRM's user can read."""

from __future__ import annotations

from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from calsync.mail import MailFailed
from calsync.store import codes
from calsync.store.codes import Answer
from calsync.store.consent import Ticket
from calsync.store.database import writing
from calsync.web.refusal import log
from calsync.web.site import Site

_SUBJECT = "Your code for connecting your calendar"
_TEXT = (
    "{code} is your code for connecting your CRM calendar to a Google account. It is good for ten minutes.\n\n"
    "If you are not doing that right now, somebody else has your link: tell your administrator, and do not give the "
    "code to anybody.\n"
)
_WORDS = {
    Answer.WRONG: "That is not the code. Please look again at the mail.",
    Answer.OVER: "That code is no longer good. Please let us send you another one.",
}


def is_wanted(site: Site) -> bool:
    """Return whether this installation asks for codes."""
    return site.parts.settings.consent.identity_code == "mail"


def send_code(site: Site, request: Request, ticket: Ticket, secret: str) -> Response:
    """Mail a code to the CRM user's registered address, and lead to the page where it is entered."""
    parts = site.parts
    person = parts.crm.person(ticket.user)
    if person is None or not person.email or parts.mailer is None:
        raise HTTPException(503, "Your CRM has no address for you. Please tell your administrator.")
    with writing(parts.engine) as connection:
        code = codes.new_code(connection, parts.vault, ticket.user, site.browser(request), parts.clock())
    if code is None:
        raise HTTPException(429, "Three codes were sent within an hour. Please wait for an hour.")
    try:
        parts.mailer.send(person.email, _SUBJECT, _TEXT.format(code=code))
    except MailFailed as failed:
        log.warning("code was not sent", user=ticket.user, reason=str(failed))
        raise HTTPException(503, "The code could not be sent. Please try again in a few minutes.") from None
    return RedirectResponse(f"/connect/{secret}/code", 303)


def code_page(
    site: Site, request: Request, ticket: Ticket, secret: str, problem: str = "", status: int = 200
) -> Response:
    """Return the page on which the code is entered."""
    return site.form_page(
        request, "code.html", status, user=ticket.user, again=f"/connect/{secret}", problem=problem
    )


def check_code(site: Site, request: Request, ticket: Ticket, secret: str, code: str) -> Response | None:
    """Return None for the right code, else the page that says what is wrong with it."""
    parts = site.parts
    digits = "".join(code.split())[:20]
    with writing(parts.engine) as connection:
        answer = codes.enter(
            connection, parts.vault, ticket.user, site.browser(request), digits, parts.clock()
        )
    if answer is Answer.RIGHT:
        return None
    return code_page(site, request, ticket, secret, _WORDS[answer], 422)
