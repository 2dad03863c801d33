"""A person's own page: what is connected, how it goes, and the way out."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from calsync.engine import begin_disconnect
from calsync.store import accounts, conflicts, consent, links
from calsync.store.accounts import Account, State
from calsync.store.audit import Actor
from calsync.store.database import reading, writing
from calsync.web.limits import Rule
from calsync.web.site import PERSON, Site

_WORDS = {
    State.ACTIVE: "Everything is in step.",
    State.PAUSED: "Syncing is paused by your administrator.",
    State.RECONNECT: "Google no longer lets us in. Please ask for a new link to connect again.",
    State.BRAKED: "Unusually many events would be deleted. That waits until your administrator has looked at it.",
    State.LOST: "One of your two calendars cannot be found any more. Nothing was deleted.",
    State.FINISHING: "The connection is being ended.",
    State.DISCONNECTED: "You are not connected.",
}
#: How often a person may send forms.
_PACE = Rule("own forms", 30, 60)


def words(account: Account) -> str:
    """Return in a sentence how an account is."""
    if account.state is State.ACTIVE and account.last_success is None:
        return "You are connected. The first sync is under way."
    return _WORDS[account.state]


def own_account(site: Site, request: Request) -> Account:
    """Return the account of whoever is signed in here; HTTPException 401 or 404."""
    user = site.user(request)
    with reading(site.parts.engine) as connection:
        account = accounts.find(connection, site.parts.vault, user)
    if account is None:
        raise HTTPException(404)
    return account


def own_form(site: Site, request: Request, form_token: str) -> Account:
    """Return the account of whoever has sent this form; HTTPException 401, 403, 404 or 429."""
    site.check_form(request, form_token)
    account = own_account(site, request)
    site.check_pace(_PACE, account.user)
    return account


def make_router(site: Site) -> APIRouter:
    """Return the routes of `/me` itself."""
    router = APIRouter()
    parts = site.parts

    @router.get("/me")
    def me(request: Request) -> Response:
        account = own_account(site, request)
        with reading(parts.engine) as connection:
            lost = conflicts.count(connection).get(account.id, 0)
            parked = links.count_parked(connection).get(account.id, 0)
        return site.form_page(
            request,
            "me.html",
            account=account,
            words=words(account),
            connected=account.state not in (State.DISCONNECTED, State.FINISHING),
            lost=lost,
            parked=parked,
        )

    @router.post("/me/disconnect")
    def leave(
        request: Request,
        form_token: Annotated[str, Form()] = "",
        google_copies: Annotated[Literal["keep", "remove"], Form()] = "keep",
        crm_copies: Annotated[Literal["keep", "remove"], Form()] = "keep",
    ) -> Response:
        account = own_form(site, request, form_token)
        if account.state is not State.DISCONNECTED:
            # The daemon talks to Google: a page must not wait for a round that is under way.
            begin_disconnect(parts, account.id, google_copies, crm_copies, Actor.PERSON)
        return _away(site, "/goodbye")

    @router.post("/me/sign-out")
    def sign_out(request: Request, form_token: Annotated[str, Form()] = "") -> Response:
        site.check_form(request, form_token)
        with writing(parts.engine) as connection:
            consent.end_session(connection, site.held(request, PERSON))
        return _away(site, "/me/sign-in")

    @router.get("/goodbye")
    def goodbye() -> Response:
        return site.page("goodbye.html")

    return router


def _away(site: Site, where: str) -> Response:
    response = RedirectResponse(where, 303)
    site.take_away(response, PERSON)
    return response
