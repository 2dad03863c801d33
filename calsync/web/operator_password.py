"""Where operators change their own passwords."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from calsync.store import operators, passwords
from calsync.store.audit import Act
from calsync.store.database import writing
from calsync.store.operators import TOKEN_HOLDER, Claim, Present
from calsync.web.operator_login import WRONG, enter, is_right, permitted
from calsync.web.roles import Deed
from calsync.web.site import OPERATOR, Site

log = structlog.get_logger()


def make_router(site: Site) -> APIRouter:
    """Return the routes of the page."""
    router = APIRouter()
    parts = site.parts

    @router.get("/operator/password")
    def show(request: Request, changed: bool = False) -> Response:
        return _page(site, request, _named(site, request), changed=changed)

    @router.post("/operator/password")
    def change(
        request: Request,
        form_token: Annotated[str, Form()] = "",
        password: Annotated[str, Form(max_length=200)] = "",
        code: Annotated[str, Form(max_length=20)] = "",
        chosen: Annotated[str, Form(max_length=passwords.LONGEST)] = "",
        again: Annotated[str, Form(max_length=passwords.LONGEST)] = "",
    ) -> Response:
        site.check_form(request, form_token)
        who = _named(site, request)
        problem = _problem(who.name, password, chosen, again)
        if problem:
            return _page(site, request, who, 422, problem)
        if not is_right(site, Claim(who.name, password, "".join(code.split())), ""):
            return _page(site, request, who, 401, WRONG)
        with writing(parts.engine) as connection:
            operators.change_password(connection, who.name, chosen)
            session = operators.new_session(connection, who.name, "", parts.clock())
            enter(site, connection, Act.PASSWORD_CHANGED, who.name)
        log.info("operator password", by=who.name, outcome="changed")
        response = RedirectResponse("/operator/password?changed=true", 303)
        site.give(response, OPERATOR, session)
        return response

    return router


def _named(site: Site, request: Request) -> Present:
    """Return the operator who is logged in; HTTPException 404 for whoever has only the bootstrap token."""
    who = permitted(site, request, Deed.LOOK)
    if who.name == TOKEN_HOLDER:
        raise HTTPException(404, "The operator token has no password; `calsync init` makes another token.")
    return who


def _problem(name: str, password: str, chosen: str, again: str) -> str:
    """Return what is wrong with a new password by itself: found before the code of the second factor is used up."""
    if chosen != again:
        return "The new password was not the same both times."
    if chosen == password:
        return "The new password is the old one."
    return passwords.weakness(name, chosen)


def _page(
    site: Site, request: Request, who: Present, status: int = 200, problem: str = "", changed: bool = False
) -> Response:
    shortest, longest = passwords.SHORTEST, passwords.LONGEST
    return site.form_page(
        *(request, "operator_password.html", status),
        who=who,
        problem=problem,
        changed=changed,
        shortest=shortest,
        longest=longest,
    )
