"""What every request passes before a route sees it, and every answer before it leaves."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response

from calsync.config import ConfigError
from calsync.web.errors import OUR_FAULT, answer_error
from calsync.web.limits import Rule, network_of
from calsync.web.site import TOO_FAST, Site
from calsync.web.token import NO_TOKEN, has_token

log = structlog.get_logger()

LARGEST_BODY = 64 * 1024
OPENAPI = "/api/v1/openapi.json"

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_METHODS = ("GET", "HEAD", "POST")
_CRM_METHODS = (*_METHODS, "PATCH", "DELETE")
#: Asked by whoever knows no name of ours: probes of containers and balancers.
_FOR_PROBES = ("/healthz", "/readyz")

#: By the beginning of a path: how often a network may ask. A whole office may connect on one morning from behind one
#: address, so that these are wide; what can be guessed has limits of its own, by ticket, code and name.
_PACES = (
    ("/connect/", Rule("connect", 120, 60)),
    ("/visit/", Rule("visit", 120, 60)),
    ("/oauth/callback", Rule("callback", 60, 60)),
    ("/operator/login", Rule("operator login", 5, 15 * 60)),
    ("/operator/prove", Rule("operator proof", 5, 15 * 60)),
    ("/operator/password", Rule("operator password", 5, 15 * 60)),
    ("/me", Rule("me", 300, 60)),
    ("/api/", Rule("api", 600, 60)),
)
#: All networks together, so that a flood leaves room for rounds.
_EVERYBODY = Rule("everybody", 100, 2)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request goes no further; `headers` are those that its status asks for."""

    status: int
    sentence: str
    headers: tuple[tuple[str, str], ...] = ()


def protect(app: FastAPI, site: Site) -> None:
    """Put the guard around an application."""
    policies = _Policies.of(site)

    @app.middleware("http")
    async def guard(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        refusal = _refusal(site, request)
        if refusal is not None:
            response = answer_error(site, request, refusal.status, refusal.sentence)
            response.headers.update(dict(refusal.headers))
        else:
            response = await _proceed(site, request, proceed)
        policies.apply(request, response)
        route = getattr(request.scope.get("route"), "path", "none")
        site.counting.answered(route, response.status_code)
        return response


async def _proceed(
    site: Site, request: Request, proceed: Callable[[Request], Awaitable[Response]]
) -> Response:
    try:
        return await proceed(request)
    except Exception as error:  # whatever happens, people get a page and operators a reference
        reference = secrets.token_hex(6)
        log.error("page failed", reference=reference, method=request.method, exc_info=error)
        return answer_error(site, request, 500, f"{OUR_FAULT} {reference}")


def _refusal(site: Site, request: Request) -> Refusal | None:
    return (
        _refused_method(request)
        or _refused_host(site, request)
        or _refused_pace(site, request)
        or _refused_body(request)
        or _refused_bearer(site, request)
    )


def _refused_method(request: Request) -> Refusal | None:
    allowed = _CRM_METHODS if request.url.path.startswith("/crm/") else _METHODS
    if request.method in allowed or request.method in ("PATCH", "DELETE", "PUT"):
        return None  # routes say themselves which of the ordinary ones they take
    return Refusal(405, "This address does not take that kind of request.", (("Allow", ", ".join(allowed)),))


def _refused_host(site: Site, request: Request) -> Refusal | None:
    """Refuse a request for a name that is not ours: a page of another site whose name was made to lead here."""
    if request.url.path in _FOR_PROBES:
        return None
    web = site.parts.settings.web
    ours = {str(urlsplit(web.public_url).hostname), *(name.lower() for name in web.hosts), *_LOOPBACK}
    try:
        name = urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        name = None
    return None if name in ours else Refusal(421, "This server does not answer under that name.")


def _refused_pace(site: Site, request: Request) -> Refusal | None:
    network = network_of(request.client.host if request.client else "")
    if network is None or request.url.path in _FOR_PROBES:
        return None
    path = request.url.path
    rules = [
        (_EVERYBODY, ""),
        *((rule, network) for start, rule in _PACES if _concerns(request, path, start)),
    ]
    for rule, who in rules:
        wait = site.limiter.wait(rule, who)
        if wait:
            site.counting.limited(rule.name)
            status = 503 if rule is _EVERYBODY else 429
            return Refusal(status, TOO_FAST, (("Retry-After", str(int(wait) + 1)),))
    return None


def _concerns(request: Request, path: str, start: str) -> bool:
    if start.startswith("/operator/") and request.method != "POST":
        return False
    return path.startswith(start)


def _refused_body(request: Request) -> Refusal | None:
    """Return why a request's body is not even read, or None; the CRM's REST has a limit of its own."""
    if request.url.path.startswith("/crm/"):
        return None
    if "transfer-encoding" in request.headers:
        return Refusal(411, "The length of the body must be given.")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or not length.isascii() or int(length) > LARGEST_BODY:
        return Refusal(413, "The body is too large.")
    return None


def _refused_bearer(site: Site, request: Request) -> Refusal | None:
    """Refuse calls of the API without its token before anything of them is read."""
    if not request.url.path.startswith("/api/") or request.url.path == OPENAPI:
        return None
    try:
        known = has_token(site, request)
    except ConfigError:
        return Refusal(503, "The API has no token yet; `calsync init` makes one.")
    return None if known else Refusal(401, NO_TOKEN, (("WWW-Authenticate", "Bearer"),))


@dataclass(frozen=True, slots=True)
class _Policies:
    """The headers that protect answers."""

    pages: str
    consent: str
    secure: bool

    @staticmethod
    def of(site: Site) -> _Policies:
        """Only pages of consent and sign-in may send a form on to Google (form-action governs redirects too)."""
        auth = urlsplit(site.parts.settings.google.auth_uri)
        pages = (
            "default-src 'none'; style-src 'self'; img-src 'self'; object-src 'none'; base-uri 'none'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'; form-action 'self'"
        )
        return _Policies(pages, f"{pages} {auth.scheme}://{auth.netloc}", site.secure)

    def apply(self, request: Request, response: Response) -> None:
        """Set the headers of one answer."""
        path = request.url.path
        operators = path.startswith("/operator")
        response.headers["Content-Security-Policy"] = self.pages if operators else self.consent
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
        if not path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        if self.secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
