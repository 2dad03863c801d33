"""The web application: which pages there are, behind one guard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from calsync.web import (
    account,
    api,
    callback,
    consent,
    operator,
    operator_login,
    operator_password,
    personal,
    visit,
)
from calsync.web.errors import add_errors
from calsync.web.guard import protect
from calsync.web.health import add_files, add_health
from calsync.web.metrics import add_metrics
from calsync.web.site import Site
from calsync.wiring import Parts


def create_app(parts: Parts, ticked: Callable[[], float] = lambda: 0.0) -> FastAPI:
    """Return the application; `ticked` tells how many seconds ago the daemon's clock last ran."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, title="calsync")
    site = Site(parts)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    for part in (
        consent,
        callback,
        visit,
        account,
        personal,
        operator_login,
        operator_password,
        operator,
        api,
    ):
        app.include_router(part.make_router(site))
    crm_router = parts.crm.router()
    if crm_router is not None:
        app.include_router(crm_router)
    add_health(app, parts, ticked)
    add_files(app, parts)
    add_metrics(app, site)
    add_errors(app, site)
    protect(app, site)
    return app
