"""Consent in the browser: the landing page, the way to Google and back, and the confirmation."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import structlog
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from calsync.engine import withdraw
from calsync.google.oauth import ConsentRefused, Granted, Leftover
from calsync.store import accounts, consent
from calsync.store.accounts import AlreadyLinked, Consent
from calsync.store.consent import Flow, Ticket
from calsync.store.database import reading, writing
from calsync.web import visitors

if TYPE_CHECKING:
    from calsync.web.app import Site

log = structlog.get_logger()

_DEAD = (
    "This link was used already, has expired, or is not one of ours. "
    "Nothing was stored. Please ask whoever sent it for a new one."
)
_LOST = (
    "This sign-in does not belong to this browser, was finished before, or took longer than ten minutes. "
    "Nothing was stored. Please open your link again."
)


def make_router(site: Site) -> APIRouter:
    """Return the consent routes."""
    router = APIRouter()
    parts = site.parts

    def ticket_of(secret: str) -> Ticket:
        with reading(parts.engine) as connection:
            ticket = consent.find_ticket(connection, parts.vault, secret, parts.clock())
        if ticket is None:
            raise HTTPException(410, _DEAD)
        return ticket

    @router.get("/connect/confirm")
    def show_confirmation(request: Request) -> Response:
        flow = _held(site, request)
        granted = flow.granted or {}
        return site.page(
            "confirm.html",
            user=flow.ticket.user,
            address=granted["address"],
            form_token=site.form_token(site.browser(request)),
        )

    @router.post("/connect/confirm")
    def confirm(request: Request, form_token: Annotated[str, Form()] = "") -> Response:
        site.check_form(request, form_token)
        flow = _held(site, request)
        response = _activate(site, flow)
        visitors.note(parts, request, "consent.given", flow.ticket.user)
        return response

    @router.get("/connect/{secret}")
    def landing(request: Request, secret: str) -> Response:
        ticket = ticket_of(secret)
        browser = site.known_browser(request)
        person = parts.crm.person(ticket.user)
        response = site.page(
            "connect.html",
            user=ticket.user,
            name=person.name if person else ticket.user,
            expected=ticket.expected,
            sync=parts.settings.sync,
            expires=ticket.expires_at,
            form_token=site.form_token(browser),
        )
        site.keep_browser(response, browser)
        return response

    @router.post("/connect/{secret}")
    def leave_for_google(request: Request, secret: str, form_token: Annotated[str, Form()] = "") -> Response:
        site.check_form(request, form_token)
        ticket = ticket_of(secret)
        state, nonce, verifier = consent.new_secret(), consent.new_secret(), consent.new_secret() * 2
        with writing(parts.engine) as connection:
            request_secrets = {"verifier": verifier, "nonce": nonce}
            browser = site.browser(request)
            consent.start_flow(
                connection, parts.vault, ticket, browser, state, request_secrets, parts.clock()
            )
        return RedirectResponse(parts.oauth.authorization(state, verifier, nonce, ticket.expected), 303)

    @router.get("/oauth/callback")
    def callback(request: Request, state: str = "") -> Response:
        browser = site.browser(request)
        with writing(parts.engine) as connection:
            flow = (
                consent.take_return(connection, parts.vault, state, browser, parts.clock())
                if browser
                else None
            )
        if flow is None:
            raise HTTPException(400, _LOST)
        try:
            granted = _granted(site, flow, state, request.url.query)
        except ConsentRefused as refused:
            return _refuse(site, flow, refused.code, str(refused), refused.leftover)
        with writing(parts.engine) as connection:
            consent.hold_grant(connection, parts.vault, flow, asdict(granted), parts.clock())
        return RedirectResponse("/connect/confirm", 303)

    return router


def _granted(site: Site, flow: Flow, state: str, query: str) -> Granted:
    """Return what Google granted, when it is the expected account; else refuse."""
    url = f"{site.parts.settings.web.public_url}/oauth/callback?{query}"
    granted = site.parts.oauth.exchange(url, state, flow.secrets["verifier"], flow.secrets["nonce"])
    if granted.address != flow.ticket.expected:
        raise ConsentRefused(
            "other_account",
            "This link is for another Google account than the one that was chosen. "
            "Please open your link again and choose the account that it names.",
            Leftover(granted.subject, granted.refresh_token),
        )
    return granted


def _refuse(site: Site, flow: Flow, code: str, sentence: str, leftover: Leftover | None) -> Response:
    """Say why nothing was connected, and give back what Google has granted all the same.

    When Google cannot be reached, the sealed token is kept only until the daemon has withdrawn it.
    """
    parts = site.parts
    log.info("consent refused", user=flow.ticket.user, reason=code)
    withdrawn = leftover is None or withdraw(parts, leftover.subject, leftover.token)
    with writing(parts.engine) as connection:
        if withdrawn or leftover is None:
            consent.end_flow(connection, flow.id)
        else:
            held = {"subject": leftover.subject, "refresh_token": leftover.token}
            consent.hold_grant(connection, parts.vault, flow, held, parts.clock())
            consent.expire_flow(connection, flow.id, parts.clock())
    text = f"{sentence} Nothing was connected, and no permission was kept."
    return site.page("problem.html", 400, title="Not connected", text=text)


def _held(site: Site, request: Request) -> Flow:
    browser = site.browser(request)
    with reading(site.parts.engine) as connection:
        flow = (
            consent.find_held(connection, site.parts.vault, browser, site.parts.clock()) if browser else None
        )
    if flow is None or flow.granted is None:
        raise HTTPException(400, _LOST)
    return flow


def _activate(site: Site, flow: Flow) -> Response:
    """Connect the account: ticket, tokens and session in one transaction."""
    parts, granted = site.parts, flow.granted or {}
    token = str(granted["refresh_token"])
    try:
        with writing(parts.engine) as connection:
            if not consent.use_ticket(connection, flow.ticket.id, parts.clock()):
                raise HTTPException(410, _DEAD)
            details = Consent(
                flow.ticket.user,
                str(granted["subject"]),
                str(granted["address"]),
                token,
                tuple(granted["scopes"]),
                parts.settings.sync.direction.value,
                site.words_shown(),
            )
            accounts.connect(connection, parts.vault, details, parts.clock())
            consent.end_flow(connection, flow.id)
            session = consent.new_session(connection, flow.ticket.user, parts.clock())
    except AlreadyLinked as refused:
        sentence = f"Sorry: {refused}."
        return _refuse(site, flow, "already_linked", sentence, Leftover(str(granted["subject"]), token))
    log.info("connected", user=flow.ticket.user)
    response = RedirectResponse("/me", 303)
    site.set_cookie(response, "calsync_session", session, int(consent.SESSION_LIFE.total_seconds()))
    return response
