"""`/api/v1`: what the CRM calls on behalf of its users, with the operator token."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, HTTPException, Path
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from calsync import __version__, states
from calsync.engine import begin_disconnect
from calsync.invitation import EXPECTED, NoAddress, NoSuchUser, invite
from calsync.rights import erasure
from calsync.rights.erasure import Copies
from calsync.states import NotNow
from calsync.store import accounts, standing, visits
from calsync.store.accounts import Account, State
from calsync.store.audit import Actor
from calsync.store.consent import Terms
from calsync.store.database import reading, writing
from calsync.web.exporting import exported
from calsync.web.guard import OPENAPI
from calsync.web.site import Site

User = Annotated[
    str,
    Path(
        description="The CRM's login name.",
        min_length=1,
        max_length=200,
        pattern=r"^[^\u0000-\u001f\u007f/]+$",
    ),
]

#: In the state of somebody who never connected.
NOT_CONNECTED = "not connected"


class ErrorBody(BaseModel):
    """What went wrong: a code for programs, a sentence for people."""

    code: str
    message: str


class Error(BaseModel):
    """Every answer that is no success."""

    error: ErrorBody


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LinkOrder(_Order):
    """What link is wanted."""

    google: str | None = Field(
        None,
        description="The only Google account to accept, or @ and a Workspace domain; default: the CRM user's own.",
        max_length=320,
        pattern=EXPECTED,
    )
    new_identity: bool = Field(
        False, description="The known address may belong to another Google account than before."
    )


class DisconnectOrder(_Order):
    """What becomes of copies; originals are never touched."""

    google_copies: Literal["keep", "remove"] = "keep"
    crm_copies: Literal["keep", "remove"] = "keep"


class Link(BaseModel):
    """An address for one use, and until when."""

    url: str
    expires: datetime


class AccountState(BaseModel):
    """What an account is doing now."""

    user: str
    state: str


class Status(AccountState):
    """How an account stands; times are RFC 3339 in UTC."""

    name: str
    reason: str
    google_account: str | None
    last_success: datetime | None
    lag_seconds: int | None
    next_round: datetime | None
    conflicts: int
    quarantined: int
    held_back: int


_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": words}
    for status, words in {
        400: "The body cannot be read.",
        401: "The operator token is missing or wrong.",
        404: "The CRM has no such user, or they are not connected.",
        409: "The account's state does not allow it.",
        411: "The length of the body must be given.",
        413: "The body is too large.",
        421: "The server does not answer under that name.",
        422: "The request is not as described.",
        429: "Too often; Retry-After says when to come back.",
        503: "The CRM, or the installation, cannot answer now.",
    }.items()
}


def make_router(site: Site) -> APIRouter:
    """Return the routes of the API and its description."""
    # The guard checks the token before anything is read; this only describes it.
    bearer = Depends(HTTPBearer(auto_error=False, description="the operator token"))
    router = APIRouter(prefix="/api/v1", responses=_ERRORS, dependencies=[bearer])
    _add_links(router, site)
    _add_accounts(router, site)
    _add_rights(router, site)
    description = get_openapi(title="calsync", version=__version__, description=__doc__, routes=router.routes)
    whole = APIRouter()
    whole.include_router(router)

    @whole.get(OPENAPI, include_in_schema=False)
    def openapi() -> JSONResponse:
        return JSONResponse(description)

    return whole


def _add_links(router: APIRouter, site: Site) -> None:
    parts = site.parts

    @router.post("/users/{user}/links")
    def make_link(user: User, order: Annotated[LinkOrder | None, Body()] = None) -> Link:
        """Make a consent link of a user; earlier ones end."""
        _check_interlock(site)
        order = order or LinkOrder(google=None, new_identity=False)
        try:
            url, expires = invite(parts, user, order.google, Terms("api", order.new_identity), Actor.CRM)
        except NoSuchUser:
            raise HTTPException(404, "the CRM has no such user") from None
        except NoAddress as error:
            raise HTTPException(422, f"body.google: {error}") from None
        return Link(url=url, expires=expires)

    @router.post("/users/{user}/visits")
    def make_visit(user: User) -> Link:
        """Make an address that opens the user's own page, once, within two minutes: for a link in the CRM."""
        _check_interlock(site)
        account = _account(site, user)
        with writing(parts.engine) as connection:
            secret, expires = visits.new_visit(connection, account.user, parts.clock())
        return Link(url=f"{parts.settings.web.public_url}/visit/{secret}", expires=expires)


def _add_accounts(router: APIRouter, site: Site) -> None:
    parts = site.parts

    @router.get("/users/{user}")
    def status(user: User) -> Status:
        """Return how a user's account stands; the state is "not connected" for whoever never connected."""
        person = parts.crm.person(user)
        if person is None:
            raise HTTPException(404, "the CRM has no such user")
        poll = timedelta(seconds=parts.settings.sync.poll_seconds)
        with reading(parts.engine) as connection:
            found = standing.of_user(connection, parts.vault, user, parts.clock(), poll)
        document = found.document() if found is not None else {**_NOBODY, "user": user}
        return Status.model_validate({**document, "name": person.name})

    @router.post("/users/{user}/sync", status_code=202)
    def sync(user: User) -> AccountState:
        """Let the next round of a user run now."""
        _check_interlock(site)
        account = _account(site, user)
        try:
            states.sync_now(parts, account)
        except NotNow as refused:
            raise HTTPException(409, str(refused)) from None
        return AccountState(user=user, state=account.state.value)

    @router.post("/users/{user}/disconnect", status_code=202)
    def disconnect(user: User, order: Annotated[DisconnectOrder | None, Body()] = None) -> AccountState:
        """End a user's consent; the daemon withdraws it at Google."""
        _check_interlock(site)
        account = _account(site, user)
        order = order or DisconnectOrder()
        if account.state is State.DISCONNECTED:
            return AccountState(user=user, state=account.state.value)
        begin_disconnect(parts, account.id, order.google_copies, order.crm_copies, Actor.CRM)
        return AccountState(user=user, state=State.FINISHING.value)


class Erasing(BaseModel):
    """An erasure that has begun; the daemon does the rest within seconds."""

    user: str
    erasure: int


def _add_rights(router: APIRouter, site: Site) -> None:
    parts = site.parts
    zipped: dict[int | str, dict[str, Any]] = {
        200: {"content": {"application/zip": {}}, "description": "Everything held about the user."}
    }

    @router.get("/users/{user}/export", response_class=Response, responses=zipped)
    def export_user(user: User) -> Response:
        """Return everything held about a user, for them alone; twice an hour."""
        if not erasure.is_known(parts, user):
            raise HTTPException(404, "nothing is held about this user")
        return exported(site, user, Actor.CRM)

    @router.post("/users/{user}/erase", status_code=202)
    def erase_user(user: User, order: Annotated[DisconnectOrder | None, Body()] = None) -> Erasing:
        """End the connection of a user and erase everything held about them."""
        _check_interlock(site)
        if not erasure.is_known(parts, user):
            raise HTTPException(404, "nothing is held about this user")
        order = order or DisconnectOrder()
        number = erasure.begin(parts, user, Copies(order.google_copies, order.crm_copies), Actor.CRM)
        return Erasing(user=user, erasure=number)


_NOBODY = {
    "state": NOT_CONNECTED,
    "reason": "",
    "google_account": None,
    "last_success": None,
    "lag_seconds": None,
    "next_round": None,
    "conflicts": 0,
    "quarantined": 0,
    "held_back": 0,
}


def _account(site: Site, user: str) -> Account:
    parts = site.parts
    with reading(parts.engine) as connection:
        account = accounts.find(connection, parts.vault, user)
    if account is None:
        raise HTTPException(404, "the user is not connected")
    return account


def _check_interlock(site: Site) -> None:
    if site.parts.interlock:
        raise HTTPException(503, "this installation may not write now; `calsync status` says why")
