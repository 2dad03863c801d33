"""The way into the operators' pages: name, password and second factor, or the bootstrap token."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from calsync.store import audit, operators
from calsync.store.audit import Act
from calsync.store.database import writing
from calsync.store.operators import TOKEN_HOLDER, Claim, Present
from calsync.web.roles import GRAVE, Deed, may, named
from calsync.web.site import OPERATOR, Site
from calsync.web.token import is_token, token_digest

log = structlog.get_logger()

#: One sentence for everything that may be wrong: it tells nobody which part was right.
WRONG = "That was not right, or this login is closed for a while after too many tries."


def make_router(site: Site) -> APIRouter:
    """Return the routes of logging in and out, and of proving again who it is."""
    router = APIRouter()
    parts = site.parts
    _add_proof(router, site)

    @router.get("/operator/login")
    def show(request: Request) -> Response:
        return site.form_page(request, "operator_login.html", problem="")

    @router.post("/operator/login")
    def log_in(
        request: Request,
        form_token: Annotated[str, Form()] = "",
        name: Annotated[str, Form(max_length=100)] = "",
        password: Annotated[str, Form(max_length=200)] = "",
        code: Annotated[str, Form(max_length=20)] = "",
        token: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        site.check_form(request, form_token)
        claim = Claim(name, password, "".join(code.split()))
        if not is_right(site, claim, token):
            return _refuse(site, request, name)
        site.counting.logged_in("ok")
        log.info("operator login", by=name or "token", outcome="ok")
        with writing(parts.engine) as connection:
            operators.end_session(connection, site.held(request, OPERATOR))
            session = operators.new_session(
                connection, name, "" if name else token_digest(site), parts.clock()
            )
            enter(site, connection, Act.SIGNED_IN, name)
        response = RedirectResponse("/operator", 303)
        site.give(response, OPERATOR, session)
        return response

    @router.post("/operator/logout")
    def log_out(request: Request, form_token: Annotated[str, Form()] = "") -> Response:
        site.check_form(request, form_token)
        with writing(parts.engine) as connection:
            operators.end_session(connection, site.held(request, OPERATOR))
        response = RedirectResponse("/operator/login", 303)
        site.take_away(response, OPERATOR)
        return response

    return router


def _add_proof(router: APIRouter, site: Site) -> None:
    parts = site.parts

    @router.get("/operator/prove")
    def ask_again(request: Request) -> Response:
        who = permitted(site, request, Deed.LOOK)
        return site.form_page(request, "operator_prove.html", who=who, problem="")

    @router.post("/operator/prove")
    def prove(
        request: Request,
        form_token: Annotated[str, Form()] = "",
        password: Annotated[str, Form(max_length=200)] = "",
        code: Annotated[str, Form(max_length=20)] = "",
        token: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        site.check_form(request, form_token)
        who = permitted(site, request, Deed.LOOK)
        if not is_right(site, Claim(who.name, password, "".join(code.split())), token):
            return site.form_page(request, "operator_prove.html", 401, who=who, problem=WRONG)
        with writing(parts.engine) as connection:
            operators.prove(connection, site.held(request, OPERATOR), parts.clock())
            enter(site, connection, Act.PROVED, who.name)
        return RedirectResponse("/operator", 303)


def is_right(site: Site, claim: Claim, token: str) -> bool:
    """Return whether somebody is who they claim to be; a wrong try counts, see `operators.log_in`."""
    if claim.name == TOKEN_HOLDER:
        return is_token(site, token.strip())
    return operators.log_in(site.parts.engine, site.parts.vault, claim, site.parts.clock())


def enter(site: Site, connection: Connection, act: Act, name: str) -> None:
    """Enter into the audit trail what an operator has done to their own login; call in its transaction."""
    audit.append(connection, site.parts.vault, act, named(name), "", site.parts.clock())


def _refuse(site: Site, request: Request, name: str) -> Response:
    """Say that it was not right; what was entered as a name is not logged, it may be a password."""
    site.counting.logged_in("refused")
    log.warning("operator login", outcome="refused")
    return site.form_page(request, "operator_login.html", 401, problem=WRONG, name=name)


def present(site: Site, request: Request) -> Present | None:
    """Return who is logged in to the operators' pages, or None."""
    session = site.held(request, OPERATOR)
    if not session:
        return None
    with writing(site.parts.engine) as connection:
        return operators.present(connection, session, token_digest(site), site.parts.clock())


def permitted(site: Site, request: Request, deed: Deed) -> Present:
    """Return who is logged in, if they may do this; HTTPException 303 to the login or to a proof, or 403."""
    who = present(site, request)
    if who is None:
        raise HTTPException(303, headers={"Location": "/operator/login"})
    if not may(who, deed):
        raise HTTPException(403, "Your role does not allow that.")
    if deed in GRAVE and not who.proved:
        raise HTTPException(303, headers={"Location": "/operator/prove"})
    return who
