"""Google's answer: from consent, or from signing in to one's own page."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from calsync.google.oauth import ConsentRefused, Granted, Leftover
from calsync.store import consent, visits
from calsync.store.consent import Flow
from calsync.store.database import writing
from calsync.web import visit
from calsync.web.refusal import LOST, refuse
from calsync.web.site import Site

_TWO_AT_ONCE = (
    "This browser was about to connect another account as well. To be safe, both were ended. "
    "Please open only the one link that is meant for you."
)


def make_router(site: Site) -> APIRouter:
    """Return Google's redirect target."""
    router = APIRouter()
    parts = site.parts

    @router.get("/oauth/callback")
    def callback(request: Request, state: str = "") -> Response:
        browser = site.browser(request)
        if not browser:
            raise HTTPException(400, LOST)
        with writing(parts.engine) as connection:
            now = parts.clock()
            flow = consent.take_return(connection, parts.vault, state, browser, now)
            sign_in = visits.take_sign_in(connection, parts.vault, state, browser, now) if not flow else None
        if sign_in is not None:
            return visit.finish_sign_in(site, sign_in, _answer(site, request), state)
        if flow is None:
            raise HTTPException(400, LOST)
        visitor = site.visitor(request)
        if visitor not in (None, flow.ticket.user):
            # Nothing was exchanged yet: the code is worth nothing without the verifier, which is forgotten.
            return refuse(site, flow, "other_visitor", "Somebody else is signed in here.", None)
        return _hold(site, flow, state, _answer(site, request))

    return router


def _answer(site: Site, request: Request) -> str:
    """Return the address that Google has sent the browser to, as it is registered there."""
    return f"{site.parts.settings.web.public_url}/oauth/callback?{request.url.query}"


def _hold(site: Site, flow: Flow, state: str, answer: str) -> Response:
    """Keep what Google granted, sealed, until the person confirms."""
    parts = site.parts
    try:
        granted = _granted(site, flow, state, answer)
    except ConsentRefused as refused:
        return refuse(site, flow, refused.code, str(refused), refused.leftover)
    with writing(parts.engine) as connection:
        consent.hold_grant(connection, parts.vault, flow, asdict(granted), parts.clock())
        others = consent.held_for_others(connection, flow, parts.clock())
        for number in others:
            consent.expire_flow(connection, number, parts.clock())
    if others:
        return refuse(
            site, flow, "two_at_once", _TWO_AT_ONCE, Leftover(granted.subject, granted.refresh_token)
        )
    return RedirectResponse("/connect/confirm", 303)


def _granted(site: Site, flow: Flow, state: str, answer: str) -> Granted:
    """Return what Google granted, when it is the expected account; else refuse."""
    granted = site.parts.oauth.exchange(answer, state, flow.secrets["verifier"], flow.secrets["nonce"])
    if not flow.ticket.accepts(granted.address, granted.domain):
        raise ConsentRefused(
            "other_account",
            "This link is for another Google account than the one that was chosen. "
            "Please open your link again and choose the account that it names.",
            Leftover(granted.subject, granted.refresh_token),
        )
    return granted
