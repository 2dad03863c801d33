"""Coming back to one's own page: by signing in at Google, or with a ticket that the CRM has fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from calsync.google.oauth import ConsentRefused
from calsync.store import accounts, consent, identities, visits
from calsync.store.database import reading, writing
from calsync.web.site import PERSON, Site

log = structlog.get_logger()

_OVER = (
    "This way in was used already or is too old. Please open your page from your CRM once more, or sign in."
)
_UNKNOWN = (
    "This Google account is not connected to anybody here. Please choose the one that you have connected."
)


def make_router(site: Site) -> APIRouter:
    """Return the routes that lead to `/me`."""
    router = APIRouter()
    parts = site.parts

    @router.get("/me/sign-in")
    def sign_in(request: Request) -> Response:
        return site.form_page(request, "sign_in.html")

    @router.post("/me/sign-in")
    def leave_for_google(request: Request, form_token: Annotated[str, Form()] = "") -> Response:
        site.check_form(request, form_token)
        state, nonce, verifier = consent.new_secret(), consent.new_secret(), consent.new_secret() * 2
        request_secrets = {"verifier": verifier, "nonce": nonce}
        browser = site.browser(request)
        with writing(parts.engine) as connection:
            visits.start_sign_in(connection, parts.vault, browser, state, request_secrets, parts.clock())
        return RedirectResponse(parts.oauth.sign_in(state, verifier, nonce), 303)

    @router.get("/visit/{secret}")
    def arrive(request: Request, secret: str) -> Response:
        with reading(parts.engine) as connection:
            user = visits.visitor(connection, secret, parts.clock())
        if user is None:
            raise HTTPException(410, _OVER)
        return site.form_page(request, "visit.html", user=user)

    @router.post("/visit/{secret}")
    def enter(request: Request, secret: str, form_token: Annotated[str, Form()] = "") -> Response:
        site.check_form(request, form_token)
        with writing(parts.engine) as connection:
            user = visits.use_visit(connection, secret, parts.clock())
        if user is None:
            raise HTTPException(410, _OVER)
        return _let_in(site, user)

    return router


def finish_sign_in(site: Site, request_secrets: Mapping[str, Any], answer: str, state: str) -> Response:
    """Let in whoever Google says it is, if their identity (`sub`) was ever connected here."""
    parts = site.parts
    try:
        subject = parts.oauth.identify(answer, state, request_secrets["verifier"], request_secrets["nonce"])
    except ConsentRefused as refused:
        log.info("sign-in refused", reason=refused.code)
        raise HTTPException(400, str(refused)) from None
    with reading(parts.engine) as connection:
        user = identities.user_of(connection, parts.vault, subject)
    if user is None:
        raise HTTPException(403, _UNKNOWN)
    return _let_in(site, user)


def _let_in(site: Site, user: str) -> Response:
    """Give the browser a fresh session of a user who has an account; HTTPException 404."""
    parts = site.parts
    with writing(parts.engine) as connection:
        if accounts.find(connection, parts.vault, user) is None:
            raise HTTPException(404, "You have not connected a calendar yet. Please ask for a link.")
        session = consent.new_session(connection, user, parts.clock())
    response = RedirectResponse("/me", 303)
    site.give(response, PERSON, session)
    return response
