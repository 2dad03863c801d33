"""The web application: headers, cookies, CSRF, health, errors that say nothing private."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from itsdangerous import BadSignature, URLSafeTimedSerializer
from jinja2 import Environment, PackageLoader
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException as StarletteHTTPException

from calsync.model.errors import SideError
from calsync.store.database import reading
from calsync.web import account, consent
from calsync.wiring import Parts

log = structlog.get_logger()

LARGEST_BODY = 64 * 1024
FORM_SECONDS = 3600
BROWSER_SECONDS = 3600
STALE_SECONDS = 120.0

_templates = Environment(loader=PackageLoader("calsync.web"), autoescape=True)

_TITLES = {
    400: "That did not work",
    401: "Please use your link",
    403: "That did not work",
    404: "There is nothing here",
    410: "This link no longer works",
    413: "That is too much",
    422: "That did not work",
}

#: What is said for failures that the framework finds.
_SENTENCES = {
    404: "This address does not exist.",
    405: "This address does not take that kind of request.",
}

_OUR_FAULT = "Something went wrong on our side. Please tell your administrator this reference:"

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 422: "invalid", 500: "internal"}


class Site:
    """What pages share: the parts, templates, cookies and form protection."""

    def __init__(self, parts: Parts) -> None:
        """Cookies are Secure and carry the `__Host-` prefix unless the public address is http on loopback."""
        self.parts = parts
        self.secure = parts.settings.web.public_url.startswith("https://")
        self._forms = URLSafeTimedSerializer(parts.vault.secret("web forms"), salt="form")

    def cookie(self, name: str) -> str:
        """Return a cookie's full name."""
        return f"__Host-{name}" if self.secure else name

    def set_cookie(self, response: Response, name: str, value: str, seconds: int) -> None:
        """Give the browser a cookie that scripts cannot read and other sites cannot send with forms."""
        response.set_cookie(
            self.cookie(name),
            value,
            max_age=seconds,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def browser(self, request: Request) -> str:
        """Return this browser's secret, or "" when it has none yet."""
        return request.cookies.get(self.cookie("calsync_browser"), "")

    def known_browser(self, request: Request) -> str:
        """Return this browser's secret, or a fresh one that `keep_browser` gives to it."""
        return self.browser(request) or secrets.token_urlsafe(32)

    def keep_browser(self, response: Response, browser: str) -> None:
        """Let the browser keep its secret for as long as forms are good."""
        self.set_cookie(response, "calsync_browser", browser, BROWSER_SECONDS)

    def form_token(self, browser: str) -> str:
        """Return the hidden value that proves that a form came from us, for this browser."""
        return str(self._forms.dumps(browser))

    def check_form(self, request: Request, token: str) -> None:
        """Refuse a POST that did not come from our own page in this browser; HTTPException 403."""
        try:
            genuine = self._forms.loads(token, max_age=FORM_SECONDS) == self.browser(request)
        except BadSignature:
            genuine = False
        if self._is_foreign(request) or not genuine or not self.browser(request):
            raise HTTPException(
                403, "The form is too old or came from elsewhere. Please go back, reload and try again."
            )

    def _is_foreign(self, request: Request) -> bool:
        """Return whether a browser says that another site sent a form.

        Under our referrer policy browsers give "null" as the origin of our own forms: then only
        Sec-Fetch-Site tells them from those of others.
        """
        site = request.headers.get("sec-fetch-site")
        if site not in (None, "same-origin", "none"):
            return True
        origin = request.headers.get("origin")
        if origin is None or (origin == "null" and site == "same-origin"):
            return False
        return urlsplit(origin).netloc != urlsplit(self.parts.settings.web.public_url).netloc

    def words_shown(self) -> str:
        """Return a digest of the words to which people say yes, for the record of their consent."""
        loader = PackageLoader("calsync.web")
        sources = (loader.get_source(_templates, name)[0] for name in ("connect.html", "confirm.html"))
        return hashlib.sha256("".join(sources).encode()).hexdigest()[:16]

    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """Render a page; everything in it is escaped."""
        return HTMLResponse(_templates.get_template(template).render(**values), status_code=status)


def create_app(parts: Parts, ticked: Callable[[], float] = lambda: 0.0) -> FastAPI:
    """Return the application; `ticked` tells how many seconds ago the daemon's clock last ran."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, title="calsync")
    site = Site(parts)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.include_router(consent.make_router(site))
    app.include_router(account.make_router(site))
    crm_router = parts.crm.router()
    if crm_router is not None:
        app.include_router(crm_router)
    _add_health(app, parts, ticked)
    _add_errors(app, site)
    auth = urlsplit(parts.settings.google.auth_uri)
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {auth.scheme}://{auth.netloc}"
    )

    @app.middleware("http")
    async def guard(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        refused = _refused_body(request)
        if refused is not None:
            response = _error(site, request, *refused)
        else:
            try:
                response = await proceed(request)
            except Exception as error:  # whatever happens, people get a page and operators a reference
                reference = secrets.token_hex(6)
                log.error("page failed", reference=reference, method=request.method, exc_info=error)
                response = _error(site, request, 500, f"{_OUR_FAULT} {reference}")
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if not request.url.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        if site.secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        return response

    return app


def _add_health(app: FastAPI, parts: Parts, ticked: Callable[[], float]) -> None:
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


def _refused_body(request: Request) -> tuple[int, str] | None:
    """Return why a request's body is not even read, or None; the CRM's REST has a limit of its own."""
    if request.url.path.startswith("/crm/"):
        return None
    if "transfer-encoding" in request.headers:
        return 411, "The length of the body must be given."
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > LARGEST_BODY:
        return 413, "The body is too large."
    return None


def _error(site: Site, request: Request, status: int, sentence: str) -> Response:
    """Answer with an error: JSON for programs, a page for people; nothing of the request is repeated."""
    if request.url.path.startswith(("/crm/", "/api/")):
        return JSONResponse({"error": {"code": _CODES.get(status, "error"), "message": sentence}}, status)
    return site.page("problem.html", status, title=_TITLES.get(status, "Sorry"), text=sentence)


def _add_errors(app: FastAPI, site: Site) -> None:
    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> Response:
        response = _error(
            site, request, error.status_code, _SENTENCES.get(error.status_code, str(error.detail))
        )
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(SideError)
    async def unanswered(request: Request, error: SideError) -> Response:
        return _error(
            site, request, 503, "The CRM cannot answer right now. Please try again in a few minutes."
        )

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        return _error(
            site, request, 422, "The form was not filled in as it should be. Please go back and try again."
        )
