"""A person's own pages: settings, conflicts, activity, what is kept about them, and the consents they gave."""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from calsync import states
from calsync.model.policy import Direction, PrivateEvents, Reach
from calsync.privacy import consents, register
from calsync.privacy.register import Desk
from calsync.states import NotNow
from calsync.store import conflicts, journal, links, lost, requests, tidings
from calsync.store.accounts import Account
from calsync.store.audit import Actor
from calsync.store.database import reading, writing
from calsync.store.tidings import Kind, Reader
from calsync.web.account import own_account, own_form
from calsync.web.exporting import exported
from calsync.web.site import Site

log = structlog.get_logger()

_RUNS_SHOWN = 50


def make_router(site: Site) -> APIRouter:
    """Return the routes below `/me`."""
    router = APIRouter()
    _add_settings(router, site)
    _add_conflicts(router, site)
    _add_data(router, site)

    @router.get("/me/activity")
    def activity(request: Request) -> Response:
        account = own_account(site, request)
        with reading(site.parts.engine) as connection:
            runs = journal.of_account(connection, account.id, _RUNS_SHOWN)
        return site.form_page(request, "activity.html", account=account, runs=runs, kept=journal.KEPT_DAYS)

    return router


# -- settings ----------------------------------------------------------------------------------------------


def directions(site: Site) -> list[Direction]:
    """Return what a person may choose: the installation's direction, and if that is both, less of it."""
    default = site.parts.settings.sync.direction
    return list(Direction) if default is Direction.BOTH else [default]


def closenesses(site: Site) -> list[PrivateEvents]:
    """Return what a person may choose for private events: the installation's choice, or closer."""
    order = list(PrivateEvents)
    return order[: order.index(site.parts.settings.sync.private_events) + 1]


def _add_settings(router: APIRouter, site: Site) -> None:
    @router.get("/me/settings")
    def settings(request: Request, saved: str = "") -> Response:
        account = own_account(site, request)
        return site.form_page(
            request,
            "settings.html",
            account=account,
            directions=directions(site),
            closenesses=closenesses(site),
            private_events=site.parts.policy.closer(account.private_events).private_events,
            saved=saved == "yes",
        )

    @router.post("/me/settings")
    def save(
        request: Request,
        form_token: Annotated[str, Form()] = "",
        direction: Annotated[Direction, Form()] = Direction.BOTH,
        private_events: Annotated[PrivateEvents, Form()] = PrivateEvents.BUSY,
    ) -> Response:
        account = own_form(site, request, form_token)
        if direction not in directions(site) or private_events not in closenesses(site):
            raise HTTPException(403, "Your administrator has not left that choice to you.")
        states.choose(site.parts, account, Reach(direction, private_events))
        log.info("settings", user=account.user, operation="own settings")
        return RedirectResponse("/me/settings?saved=yes", 303)


# -- conflicts ---------------------------------------------------------------------------------------------


def _add_conflicts(router: APIRouter, site: Site) -> None:
    parts = site.parts

    @router.get("/me/conflicts")
    def show(request: Request) -> Response:
        account = own_account(site, request)
        with reading(parts.engine) as connection:
            found = conflicts.of_account(connection, account.id)
            asked = set(conflicts.asked_back(connection, account.id))
        rows = [lost.document(account, number, one) | {"asked": number in asked} for number, one in found]
        return site.form_page(
            request, "conflicts.html", account=account, conflicts=rows, kept=journal.KEPT_DAYS
        )

    @router.post("/me/conflicts/{number}/put-back")
    def put_back(request: Request, number: int, form_token: Annotated[str, Form()] = "") -> Response:
        account = own_form(site, request, form_token)
        try:
            known = 0 < number < 2**31 and states.put_back(parts, account, number)
        except NotNow:
            raise HTTPException(409, "Your calendars are not being synced just now.") from None
        if not known:
            raise HTTPException(404)
        return RedirectResponse("/me/conflicts", 303)


# -- data and consent --------------------------------------------------------------------------------------


def _add_data(router: APIRouter, site: Site) -> None:
    parts = site.parts

    @router.get("/me/data")
    def data(request: Request) -> Response:
        account = own_account(site, request)
        return site.form_page(request, "data.html", account=account, **_kept(site, account))

    @router.post("/me/data/export")
    def download(request: Request, form_token: Annotated[str, Form()] = "") -> Response:
        account = own_form(site, request, form_token)
        return exported(site, account.user, Actor.PERSON)

    @router.post("/me/data/erase")
    def ask_for_erasure(request: Request, form_token: Annotated[str, Form()] = "") -> Response:
        account = own_form(site, request, form_token)
        with writing(parts.engine) as connection:
            if not tidings.of_user(connection, account.user, Kind.ERASURE_ASKED):
                now = parts.clock()
                tidings.note(connection, account.user, Kind.ERASURE_ASKED, Reader.OPERATOR, now)
                desk = Desk(parts.vault, now, parts.settings.privacy.zone)
                asked = (account.user, requests.Kind.ERASURE, Actor.PERSON)
                register.receive(connection, desk, *asked, channel="own page")
        return RedirectResponse("/me/data", 303)

    @router.get("/me/consent")
    def consent(request: Request) -> Response:
        account = own_account(site, request)
        with reading(parts.engine) as connection:
            found = consents.history(connection, parts.vault, account.user)
        return site.form_page(request, "consents.html", account=account, history=found)


def _kept(site: Site, account: Account) -> dict[str, Any]:
    """Return how much is kept about a person, in numbers."""
    with reading(site.parts.engine) as connection:
        return {
            "links": links.count_linked(connection, account.id),
            "conflicts": len(conflicts.of_account(connection, account.id)),
            "runs": len(journal.of_account(connection, account.id)),
            "asked": next(iter(tidings.of_user(connection, account.user, Kind.ERASURE_ASKED)), None),
            "kept": journal.KEPT_DAYS,
        }
