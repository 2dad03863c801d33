"""Health for probes, and the few files that visitors and researchers look for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from calsync.model.errors import SideError
from calsync.store.database import reading
from calsync.wiring import Parts

STALE_SECONDS = 120.0
#: How long the contact may be believed (RFC 9116 wants less than a year).
_CONTACT_LIFE = timedelta(days=180)


def add_health(app: FastAPI, parts: Parts, ticked: Callable[[], float]) -> None:
    """Add `/healthz` and `/readyz`; `ticked` tells how many seconds ago the daemon's clock last ran."""

    @app.get("/healthz")
    def healthz() -> JSONResponse:
        alive = ticked() < STALE_SECONDS
        return JSONResponse({"status": "ok" if alive else "stuck"}, 200 if alive else 503)

    @app.get("/readyz")
    def readyz() -> JSONResponse:
        problems = []
        try:
            with reading(parts.engine) as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            problems.append("database")
        try:
            parts.crm.check()
        except SideError:
            problems.append("crm")
        ready = not problems
        return JSONResponse(
            {"status": "ready" if ready else "not ready", "problems": problems}, 200 if ready else 503
        )


def add_files(app: FastAPI, parts: Parts) -> None:
    """Add `/robots.txt`, and `/.well-known/security.txt` when there is a contact (RFC 9116)."""

    @app.get("/robots.txt")
    def robots() -> PlainTextResponse:
        return PlainTextResponse("User-agent: *\nDisallow: /\n")

    @app.get("/.well-known/security.txt")
    def security() -> PlainTextResponse:
        contact = parts.settings.web.security_contact
        if not contact:
            raise HTTPException(404)
        expires = (parts.clock() + _CONTACT_LIFE).strftime("%Y-%m-%dT%H:%M:%SZ")
        return PlainTextResponse(f"Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en\n")
