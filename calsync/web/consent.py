"""Consent in the browser: the landing page, the way to Google, and the confirmation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from calsync.google.oauth import Leftover
from calsync.store import accounts, codes, consent, identities, tidings
from calsync.store.accounts import AlreadyLinked, Consent
from calsync.store.consent import Flow, Ticket
from calsync.store.database import reading, writing
from calsync.store.tidings import Kind, Reader
from calsync.web import identity, visitors
from calsync.web.limits import Rule
from calsync.web.refusal import DEAD, LOST, log, refuse
from calsync.web.site import PERSON, Site

#: How often one link may be opened: more than a person and the scanners of their mail need.
_TICKET_PACE = Rule("ticket", 30, 60)

_SOMEBODY_ELSES = (
    "This link is for another CRM user than the one who is signed in here. If you are that user, sign out on the page "
    "of the other one first; if not, do not go on: whoever sent you this link would see your calendar."
)
_ANOTHER_IDENTITY = (
    "Sorry: Google has given this address to another account since you were connected. Please ask your administrator "
    "for a link that allows it."
)


def make_router(site: Site) -> APIRouter:
    """Return the consent routes."""
    router = APIRouter()
    parts = site.parts
    _add_codes(router, site)

    @router.get("/connect/confirm")
    def show_confirmation(request: Request) -> Response:
        flow = _held(site, request)
        if flow is None:
            raise HTTPException(400, LOST)
        address = (flow.granted or {})["address"]
        user = flow.ticket.user
        return site.form_page(request, "confirm.html", about=str(flow.id), user=user, address=address)

    @router.post("/connect/confirm")
    def confirm(request: Request, form_token: Annotated[str, Form()] = "") -> Response:
        flow = _held(site, request)
        # What was shown and what is connected must be the same, whatever another tab has begun meanwhile.
        site.check_form(request, form_token, about=str(flow.id) if flow is not None else "")
        if flow is None:
            raise HTTPException(400, LOST)
        _check_visitor(site, request, flow.ticket)
        response = _activate(site, flow)
        visitors.note(parts, request, "consent.given", flow.ticket.user)
        return response

    @router.get("/connect/{secret}")
    def landing(request: Request, secret: str) -> Response:
        ticket = ticket_of(site, request, secret)
        person = parts.crm.person(ticket.user)
        return site.form_page(
            request,
            "connect.html",
            user=ticket.user,
            name=person.name if person else ticket.user,
            expected=ticket.expected,
            sync=parts.settings.sync,
            expires=ticket.expires_at,
            by_code=identity.is_wanted(site),
        )

    @router.post("/connect/{secret}")
    def leave_for_google(request: Request, secret: str, form_token: Annotated[str, Form()] = "") -> Response:
        site.check_form(request, form_token)
        ticket = ticket_of(site, request, secret)
        if identity.is_wanted(site) and not _is_proven(site, request, ticket):
            return identity.send_code(site, request, ticket, secret)
        return _to_google(site, request, ticket)

    return router


def _add_codes(router: APIRouter, site: Site) -> None:
    @router.get("/connect/{secret}/code")
    def ask_for_code(request: Request, secret: str) -> Response:
        ticket = ticket_of(site, request, secret)
        return identity.code_page(site, request, ticket, secret)

    @router.post("/connect/{secret}/code")
    def enter_code(
        request: Request,
        secret: str,
        form_token: Annotated[str, Form()] = "",
        code: Annotated[str, Form()] = "",
    ) -> Response:
        site.check_form(request, form_token)
        ticket = ticket_of(site, request, secret)
        return identity.check_code(site, request, ticket, secret, code) or _to_google(site, request, ticket)


def ticket_of(site: Site, request: Request, secret: str) -> Ticket:
    """Return the ticket of a link, if this browser may use it; HTTPException 410, 403 or 429."""
    site.check_pace(_TICKET_PACE, consent.digest(secret))
    with reading(site.parts.engine) as connection:
        ticket = consent.find_ticket(connection, site.parts.vault, secret, site.parts.clock())
    if ticket is None:
        raise HTTPException(410, DEAD)
    _check_visitor(site, request, ticket)
    return ticket


def _check_visitor(site: Site, request: Request, ticket: Ticket) -> None:
    """Refuse a browser in which another CRM user is signed in: a way begun for one must not end with another."""
    visitor = site.visitor(request)
    if visitor is not None and visitor != ticket.user:
        raise HTTPException(403, _SOMEBODY_ELSES)


def _is_proven(site: Site, request: Request, ticket: Ticket) -> bool:
    with reading(site.parts.engine) as connection:
        return codes.is_proven(connection, ticket.user, site.browser(request), site.parts.clock())


def _to_google(site: Site, request: Request, ticket: Ticket) -> Response:
    parts = site.parts
    state, nonce, verifier = consent.new_secret(), consent.new_secret(), consent.new_secret() * 2
    request_secrets = {"verifier": verifier, "nonce": nonce}
    browser = site.browser(request)
    with writing(parts.engine) as connection:
        consent.start_flow(connection, parts.vault, ticket, browser, state, request_secrets, parts.clock())
    return RedirectResponse(parts.oauth.authorization(state, verifier, nonce, ticket.expected), 303)


def _held(site: Site, request: Request) -> Flow | None:
    """Return the way of this browser that waits for its word."""
    browser = site.browser(request)
    with reading(site.parts.engine) as connection:
        flow = (
            consent.find_held(connection, site.parts.vault, browser, site.parts.clock()) if browser else None
        )
    return flow if flow is not None and flow.granted is not None else None


def _activate(site: Site, flow: Flow) -> Response:
    """Connect the account: ticket, tokens, session and the tiding in one transaction."""
    granted = flow.granted or {}
    leftover = Leftover(str(granted["subject"]), str(granted["refresh_token"]))
    try:
        session = _connect(site, flow)
    except AlreadyLinked as refused:
        return refuse(site, flow, "already_linked", f"Sorry: {refused}.", leftover)
    except _AnotherIdentity:
        return refuse(site, flow, "other_subject", _ANOTHER_IDENTITY, leftover)
    log.info("connected", user=flow.ticket.user)
    response = RedirectResponse("/me", 303)
    site.give(response, PERSON, session)
    return response


class _AnotherIdentity(Exception):
    """The address is known, and belongs to another `sub` than before."""


def _connect(site: Site, flow: Flow) -> str:
    """Return the id of a fresh session; AlreadyLinked or _AnotherIdentity, and nothing is stored then."""
    parts, granted, ticket = site.parts, flow.granted or {}, flow.ticket
    details = Consent(
        ticket.user,
        str(granted["subject"]),
        str(granted["address"]),
        str(granted["refresh_token"]),
        tuple(granted["scopes"]),
        parts.settings.sync.direction.value,
        site.words_shown(),
    )
    now = parts.clock()
    with writing(parts.engine) as connection:
        if not consent.use_ticket(connection, ticket.id, now):
            raise HTTPException(410, DEAD)
        known = (ticket.user, details.subject, details.address)
        if not ticket.may_replace and identities.is_another(connection, parts.vault, *known):
            raise _AnotherIdentity
        accounts.connect(connection, parts.vault, details, now)
        consent.end_flow(connection, flow.id)
        tidings.note(connection, ticket.user, Kind.CONNECTED, Reader.PERSON, now)
        return consent.new_session(connection, ticket.user, now)
