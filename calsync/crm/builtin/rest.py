"""`/crm/v1`: the built-in CRM over HTTP, for its users; everyone sees and edits only what they may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import Connection, insert, select
from starlette.concurrency import run_in_threadpool

from calsync.crm.builtin.changes import concerned, erase, new_ids, person_of, save, teams_of
from calsync.crm.builtin.documents import (
    BadRequest,
    changed_event,
    changed_record,
    document_of,
)
from calsync.crm.builtin.listing import Listing, place
from calsync.crm.builtin.records import Row, content, event_of, record_of
from calsync.crm.builtin.tables import events, next_numbers, stamp
from calsync.model.errors import Unmappable
from calsync.model.permission import Access, Level, Person, decide

if TYPE_CHECKING:
    from calsync.crm.builtin.backend import BuiltinCrm

LARGEST_BODY = 1_000_000


class Problem(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = JSONResponse({"error": {"code": code, "message": message}}, status_code=status)


NOT_FOUND = (404, "not_found", "There is no such event, or you may not see it.")


class Desk:
    """One request of one user, in one transaction."""

    def __init__(self, connection: Connection, login: str, now: datetime) -> None:
        """`now`: aware."""
        self.connection, self.now = connection, now
        self.person: Person = person_of(connection, login)
        self.teams = teams_of(connection)

    def access(self, row: Row) -> Access:
        """Return what the user may do with a row."""
        return decide(self.person, record_of(row, self.teams))

    def find(self, key: str, level: Level) -> Row:
        """Return a row on which the user has at least `level`; Problem 404 or 403."""
        row = self.connection.execute(select(events).where(events.c.id == key)).mappings().first()
        if row is None or row["deleted"] or self.access(row).level is Level.NONE:
            raise Problem(*NOT_FOUND)
        if self.access(row).level < level:
            raise Problem(403, "forbidden", f"You may not do this ({self.access(row).because}).")
        return row

    def create(self, document: dict[str, Any]) -> Row:
        """Add a record."""
        event = changed_event(None, document)
        columns = changed_record(document)
        owner = columns.get("owner") or self.person.login
        if self.person.read_only or (owner != self.person.login and not self.person.admin):
            raise Problem(403, "forbidden", "You may not create events for this owner.")
        self._known(owner)
        row: dict[str, Any] = {
            "id": new_ids(self.now, 1)[0],
            "seq": next_numbers(self.connection, 1)[0],
            "version": 1,
            "modified": stamp(self.connection, self.now),
            "deleted": False,
            "marker": None,
            "concerns": "",
            "status": "planned",
            "activity_type": "meeting",
            "security": "public_read",
            "team": "",
            "category": "",
        }
        row |= content(event) | {name: value for name, value in columns.items() if value} | {"owner": owner}
        row["concerns"] = concerned(row, row)
        self.connection.execute(insert(events).values(**row))
        return row

    def _known(self, login: str) -> None:
        if login not in self.teams:
            raise BadRequest("owner: there is no such user")

    def change(self, key: str, document: dict[str, Any], if_match: str | None) -> Row:
        """Change a record."""
        row = self._matching(key, Level.READ, if_match)
        if self._is_answer(row, document):
            return save(self.connection, row, content(changed_event(event_of(row), document)), self.now)
        self.find(key, Level.EDIT)
        columns = changed_record(document)
        rules = {name for name in ("owner", "security", "team") if columns.get(name, row[name]) != row[name]}
        if rules and row["owner"] != self.person.login and not self.person.admin:
            # Who may edit could otherwise give themselves, or take from others, all the rest.
            raise Problem(
                403, "forbidden", f"Only the owner or an administrator changes {', '.join(sorted(rules))}."
            )
        if "owner" in rules:
            self._known(columns["owner"])
        event = changed_event(event_of(row), document)
        return save(self.connection, row, content(event) | columns, self.now)

    def _is_answer(self, row: Row, document: dict[str, Any]) -> bool:
        """Return whether a change is the person's own answer to an invitation, which needs no right to edit."""
        if self.person.read_only or document.keys() != {"attendees"}:
            return False
        before = event_of(row).attendees
        after = changed_event(event_of(row), document).attendees
        others = [(person, now) for person, now in zip(before, after, strict=False) if person != now]
        return len(before) == len(after) and all(
            replace(person, response=now.response) == now and now.email == self.person.email
            for person, now in others
        )

    def remove(self, key: str, if_match: str | None) -> None:
        """Delete a record."""
        erase(self.connection, self._matching(key, Level.DELETE, if_match), self.now)

    def _matching(self, key: str, level: Level, if_match: str | None) -> Row:
        row = self.find(key, level)
        if if_match is not None and if_match.strip('"') not in ("*", str(row["version"])):
            raise Problem(412, "changed", f"The event has version {row['version']} now; read it again.")
        return row

    def page(self, query: Listing) -> dict[str, Any]:
        """Return a page of records that the user may see."""
        found: list[Row] = []
        after = query.after
        while len(found) <= query.limit:
            rows = self.connection.execute(query.statement(after)).mappings().all()
            for row in rows:
                after = (row["seq"], row["id"])
                if self._wanted(row, query):
                    found.append(row)
                if len(found) > query.limit:
                    break
            if len(rows) < query.chunk:
                break
        shown = found[: query.limit]
        more = len(found) > query.limit
        last = shown[-1] if more else None
        token = place(last["seq"], last["id"]) if last is not None else None
        return {"events": [document_of(row) for row in shown], "next": token}

    def _wanted(self, row: Row, query: Listing) -> bool:
        if row["deleted"]:
            return query.changed_since is not None and self._concerned(row)
        if self.access(row).level < Level.READ:
            return False
        return query.in_range(row)

    def _concerned(self, row: Row) -> bool:
        return (
            self.person.admin
            or self.person.login in row["concerns"].split("\n")
            or (self.person.email in row["concerns"].split("\n"))
        )


class Counter:
    """Where requests arrive: finds out whose they are, and turns problems into answers."""

    def __init__(self, crm: BuiltinCrm) -> None:
        self._crm = crm

    def read(self, request: Request, work: Callable[[Desk], Response]) -> Response:
        """Answer a request that changes nothing."""
        return self._serve(request, reading=True, work=work)

    def write(self, request: Request, work: Callable[[Desk], Response]) -> Response:
        """Answer a request that may change something, in a transaction."""
        return self._serve(request, reading=False, work=work)

    def _serve(self, request: Request, reading: bool, work: Callable[[Desk], Response]) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        login = self._crm.token_login(token) if scheme.lower() == "bearer" else None
        if login is None:
            refusal = Problem(
                401, "unauthorized", "Send a CRM user's token: Authorization: Bearer TOKEN"
            ).answer
            refusal.headers["WWW-Authenticate"] = "Bearer"
            return refusal
        try:
            with self._crm.engine.connect().execution_options(reading=reading) as connection:
                answer = work(Desk(connection, login, self._crm.clock()))
                connection.commit()
                return answer
        except Problem as problem:
            return problem.answer
        except (BadRequest, Unmappable) as error:
            return Problem(400, "bad_request", str(error)).answer


async def _body(request: Request) -> bytes:
    """Return what was sent, or one byte more than is allowed."""
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > LARGEST_BODY:
            break
    return bytes(raw)


def _document(raw: bytes) -> dict[str, Any]:
    if len(raw) > LARGEST_BODY:
        raise Problem(413, "too_large", "The body is larger than 1 MB.")
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Problem(400, "bad_request", "The body is not JSON.") from None
    if not isinstance(document, dict):
        raise Problem(400, "bad_request", "The body must be a JSON object.")
    return document


def make_router(crm: BuiltinCrm) -> APIRouter:
    """Return the routes of `/crm/v1`."""
    router = APIRouter(prefix="/crm/v1", tags=["crm"])
    counter = Counter(crm)

    @router.get("/events")
    def list_events(
        request: Request,
        start: str | None = None,
        end: str | None = None,
        changed_since: str | None = None,
        after: str | None = None,
        limit: str | None = None,
    ) -> Response:
        def page(desk: Desk) -> Response:
            return JSONResponse(desk.page(Listing(start, end, changed_since, after, limit)))

        return counter.read(request, page)

    @router.post("/events")
    async def create_event(request: Request) -> Response:
        raw = await _body(request)
        return await run_in_threadpool(
            counter.write, request, lambda desk: _shown(desk.create(_document(raw)), 201)
        )

    @router.get("/events/{key}")
    def get_event(request: Request, key: str) -> Response:
        return counter.read(request, lambda desk: _shown(desk.find(key, Level.READ)))

    @router.patch("/events/{key}")
    async def change_event(
        request: Request, key: str, if_match: Annotated[str | None, Header()] = None
    ) -> Response:
        raw = await _body(request)
        return await run_in_threadpool(
            counter.write, request, lambda desk: _shown(desk.change(key, _document(raw), if_match))
        )

    @router.delete("/events/{key}")
    def delete_event(
        request: Request, key: str, if_match: Annotated[str | None, Header()] = None
    ) -> Response:
        def remove(desk: Desk) -> Response:
            desk.remove(key, if_match)
            return Response(status_code=204)

        return counter.write(request, remove)

    @router.get("/users")
    def list_users(request: Request) -> Response:
        def people(_desk: Desk) -> Response:
            found = [{"login": p.login, "name": p.name, "email": p.email} for p in crm.people()]
            return JSONResponse({"users": found})

        return counter.read(request, people)

    return router


def _shown(row: Row, status: int = 200) -> JSONResponse:
    document = document_of(row)
    return JSONResponse(document, status_code=status, headers={"ETag": f'"{document["version"]}"'})
