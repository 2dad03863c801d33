"""The operators' pages: how accounts are, without anything of what is in calendars, and what can be done about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from calsync import states
from calsync.delivery import sentence
from calsync.engine import begin_disconnect
from calsync.invitation import NoAddress, NoSuchUser, invite
from calsync.privacy import consents
from calsync.states import NotNow
from calsync.store import accounts, links, standing, tidings
from calsync.store.accounts import Account, State
from calsync.store.audit import By
from calsync.store.consent import Terms
from calsync.store.database import reading
from calsync.store.operators import Present
from calsync.store.standing import Standing
from calsync.web.operator_login import permitted
from calsync.web.roles import Deed, allowed, named
from calsync.web.site import Site
from calsync.wiring import Parts

log = structlog.get_logger()

PAGE_ROWS = 100

#: What is done by telling the account, without more to be asked.
_SIMPLE: Mapping[Deed, Callable[[Parts, Account, By], object]] = {
    Deed.SYNC: states.sync_now,
    Deed.PAUSE: states.pause,
    Deed.RESUME: states.resume,
    Deed.APPROVE: states.approve,
}

#: States that wait for a person.
_TROUBLED = frozenset({State.RECONNECT, State.BRAKED, State.LOST})


def make_router(site: Site) -> APIRouter:
    """Return the routes below `/operator`, except for the login."""
    router = APIRouter()
    _add_views(router, site)
    _add_deeds(router, site)
    return router


# -- looking -----------------------------------------------------------------------------------------------


def _add_views(router: APIRouter, site: Site) -> None:
    parts = site.parts

    @router.get("/operator")
    def dashboard(request: Request, user: str = "", state: str = "", page: int = 1) -> Response:
        who = permitted(site, request, Deed.LOOK)
        everyone = _standings(parts)
        chosen = [one for one in everyone if _matches(one, user, state)]
        first = (max(page, 1) - 1) * PAGE_ROWS
        with reading(parts.engine) as connection:
            news = [(one, sentence(one)) for one in tidings.for_operator(connection)]
        return site.form_page(
            request,
            "operator.html",
            who=who,
            may=allowed(who),
            tiles=_tiles(everyone),
            rows=chosen[first : first + PAGE_ROWS],
            count=len(chosen),
            pages=max(1, -(-len(chosen) // PAGE_ROWS)),
            page=max(page, 1),
            user=user,
            state=state,
            states=list(State),
            news=news,
            mailing=parts.mailer is not None,
            interlock=parts.interlock,
        )

    @router.get("/operator/accounts/{account_id}")
    def account(request: Request, account_id: int) -> Response:
        who = permitted(site, request, Deed.LOOK)
        return _account_page(site, request, who, _found(parts, account_id))


def _standings(parts: Parts) -> list[Standing]:
    poll = timedelta(seconds=parts.settings.sync.poll_seconds)
    with reading(parts.engine) as connection:
        return standing.everyone(connection, parts.vault, parts.clock(), poll)


def _matches(one: Standing, user: str, state: str) -> bool:
    return user.lower() in one.user.lower() and state in ("", one.state.value)


def _tiles(everyone: list[Standing]) -> list[tuple[str, object, bool]]:
    """Return name, figure, and whether it should worry, of what is told of all together."""
    states_of = Counter(one.state for one in everyone)
    running = [one.lag for one in everyone if one.state is State.ACTIVE]
    waiting = sum(states_of[state] for state in _TROUBLED)
    held = sum(one.held_back for one in everyone)
    parked = sum(one.quarantined for one in everyone)
    return [
        ("in step", states_of[State.ACTIVE], False),
        ("waiting for a person", waiting, waiting > 0),
        ("paused", states_of[State.PAUSED], False),
        ("longest lag", span(max(running, default=timedelta(0))), False),
        ("held deletions", held, held > 0),
        ("set aside", parked, parked > 0),
        ("conflicts", sum(one.conflicts for one in everyone), False),
    ]


def span(time: timedelta) -> str:
    """Return a duration in the largest unit that fits."""
    seconds = int(time.total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _found(parts: Parts, account_id: int) -> Account:
    account = accounts.look(parts.engine, parts.vault, account_id) if 0 < account_id < 2**31 else None
    if account is None:
        raise HTTPException(404)
    return account


def _account_page(
    site: Site, request: Request, who: Present, account: Account, url: str = "", told: str = ""
) -> Response:
    """Return the page of one account; `url`: a fresh consent link, shown once."""
    parts = site.parts
    poll = timedelta(seconds=parts.settings.sync.poll_seconds)
    with reading(parts.engine) as connection:
        stands = standing.of_user(connection, parts.vault, account.user, parts.clock(), poll)
        linked = links.count_linked(connection, account.id)
        parked = links.parked(connection, account.id)
        history = consents.history(connection, parts.vault, account.user)
    return site.form_page(
        request,
        "operator_account.html",
        who=who,
        may=allowed(who),
        account=account,
        stands=stands,
        lag=span(stands.lag) if stands is not None else "",
        linked=linked,
        parked=parked,
        history=history,
        url=url,
        told=told,
    )


# -- doing -------------------------------------------------------------------------------------------------


def _add_deeds(router: APIRouter, site: Site) -> None:
    parts = site.parts

    @router.post("/operator/links")
    def make_link(
        request: Request,
        form_token: Annotated[str, Form()] = "",
        user: Annotated[str, Form(max_length=200)] = "",
        google: Annotated[str, Form(max_length=320)] = "",
    ) -> Response:
        who = _doer(site, request, form_token, Deed.LINK)
        try:
            terms = Terms(who.name or "token")
            url, expires = invite(parts, user.strip(), google.strip() or None, terms, named(who.name))
        except NoSuchUser:
            raise HTTPException(404, "The CRM has no user of that name.") from None
        except NoAddress as error:
            raise HTTPException(422, f"The Google account {error}.") from None
        _note(who, Deed.LINK, user)
        return site.form_page(request, "operator_link.html", who=who, user=user, url=url, expires=expires)

    @router.post("/operator/accounts/{account_id}/disconnect")
    def disconnect(
        request: Request,
        account_id: int,
        form_token: Annotated[str, Form()] = "",
        google_copies: Annotated[Literal["keep", "remove"], Form()] = "keep",
        crm_copies: Annotated[Literal["keep", "remove"], Form()] = "keep",
    ) -> Response:
        who = _doer(site, request, form_token, Deed.DISCONNECT)
        account = _found(parts, account_id)
        if account.state is not State.DISCONNECTED:
            begin_disconnect(parts, account.id, google_copies, crm_copies, named(who.name))
            _note(who, Deed.DISCONNECT, account.user)
        return RedirectResponse(f"/operator/accounts/{account_id}", 303)

    @router.post("/operator/accounts/{account_id}/{deed}")
    def tell(
        request: Request,
        account_id: int,
        deed: Literal["sync", "pause", "resume", "approve"],
        form_token: Annotated[str, Form()] = "",
    ) -> Response:
        who = _doer(site, request, form_token, Deed(deed))
        account = _found(parts, account_id)
        try:
            _SIMPLE[Deed(deed)](parts, account, named(who.name))
        except NotNow as refused:
            raise HTTPException(409, f"That cannot be done now: {refused}.") from None
        _note(who, Deed(deed), account.user)
        return RedirectResponse(f"/operator/accounts/{account_id}", 303)


def _doer(site: Site, request: Request, form_token: str, deed: Deed) -> Present:
    """Return who is doing it, if form, role and installation allow it; HTTPException otherwise."""
    site.check_form(request, form_token)
    who = permitted(site, request, deed)
    if site.parts.interlock:
        raise HTTPException(503, "This installation may not write now; `calsync status` says why.")
    return who


def _note(who: Present, deed: Deed, user: str) -> None:
    log.info("operator", by=who.name or "token", operation=deed.value, user=user)
