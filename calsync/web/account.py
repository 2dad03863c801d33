"""A person's own page: what is connected, how it goes, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from calsync.engine import begin_disconnect
from calsync.store import accounts, conflicts, consent, links
from calsync.store.accounts import Account, State
from calsync.store.database import reading, writing

if TYPE_CHECKING:
    from calsync.web.app import Site

_WORDS = {
    State.ACTIVE: "Everything is in step.",
    State.PAUSED: "Syncing is paused by your administrator.",
    State.RECONNECT: "Google no longer lets us in. Please ask for a new link to connect again.",
    State.BRAKED: "Unusually many events would be deleted. That waits until your administrator has looked at it.",
    State.LOST: "One of your two calendars cannot be found any more. Nothing was deleted.",
    State.FINISHING: "The connection is being ended.",
    State.DISCONNECTED: "You are not connected.",
}


def _words(account: Account) -> str:
    if account.state is State.ACTIVE and account.last_success is None:
        return "You are connected. The first sync is under way."
    return _WORDS[account.state]


def make_router(site: Site) -> APIRouter:
    """Return the routes of `/me`."""
    router = APIRouter()
    parts = site.parts

    def user_of(request: Request) -> str:
        session = request.cookies.get(site.cookie("calsync_session"), "")
        with writing(parts.engine) as connection:
            user = consent.session_user(connection, session, parts.clock()) if session else None
        if user is None:
            raise HTTPException(
                401, "Your visit has ended. Ask your CRM for a new link to see this page again."
            )
        return user

    def account_of(user: str) -> Account:
        with reading(parts.engine) as connection:
            account = accounts.find(connection, parts.vault, user)
        if account is None:
            raise HTTPException(404)
        return account

    @router.get("/me")
    def me(request: Request) -> Response:
        account = account_of(user_of(request))
        with reading(parts.engine) as connection:
            lost = conflicts.count(connection).get(account.id, 0)
            parked = links.count_parked(connection).get(account.id, 0)
        browser = site.known_browser(request)
        response = site.page(
            "me.html",
            account=account,
            words=_words(account),
            connected=account.state not in (State.DISCONNECTED, State.FINISHING),
            lost=lost,
            parked=parked,
            form_token=site.form_token(browser),
        )
        site.keep_browser(response, browser)
        return response

    @router.post("/me/disconnect")
    def leave(
        request: Request,
        form_token: Annotated[str, Form()] = "",
        google_copies: Annotated[Literal["keep", "remove"], Form()] = "keep",
        crm_copies: Annotated[Literal["keep", "remove"], Form()] = "keep",
    ) -> Response:
        site.check_form(request, form_token)
        account = account_of(user_of(request))
        if account.state is not State.DISCONNECTED:
            # The daemon talks to Google: a page must not wait for a round that is under way.
            begin_disconnect(parts, account.id, google_copies, crm_copies)
        response = RedirectResponse("/goodbye", 303)
        response.delete_cookie(site.cookie("calsync_session"), path="/", secure=site.secure, httponly=True)
        return response

    @router.get("/goodbye")
    def goodbye() -> Response:
        return site.page("goodbye.html")

    return router
