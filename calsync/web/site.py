"""What pages share: the parts, templates, cookies, sessions and the protection of forms."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from jinja2 import Environment, PackageLoader

from calsync.store import consent
from calsync.store.database import writing
from calsync.web.counting import Counting
from calsync.web.limits import Limiter, Rule
from calsync.wiring import Parts

FORM_SECONDS = 3600
BROWSER_SECONDS = 3600

templates = Environment(loader=PackageLoader("calsync.web"), autoescape=True)


class SameSite(StrEnum):
    """Whether a cookie comes along when another site leads here: Google does, for everything else there is no need."""

    LAX = "lax"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie's name without prefix, how long it lives, and when it is sent."""

    name: str
    seconds: int
    same_site: SameSite


BROWSER = Cookie("calsync_browser", BROWSER_SECONDS, SameSite.LAX)
PERSON = Cookie("calsync_session", int(consent.SESSION_LIFE.total_seconds()), SameSite.LAX)
OPERATOR = Cookie("calsync_operator", 8 * 3600, SameSite.STRICT)


class Site:
    """One web server's own: see the module."""

    def __init__(self, parts: Parts) -> None:
        """Cookies are Secure and carry the `__Host-` prefix unless the public address is http on loopback."""
        self.parts = parts
        self.secure = parts.settings.web.public_url.startswith("https://")
        self.limiter = Limiter()
        self.counting = Counting()
        self._forms = URLSafeTimedSerializer(parts.vault.secret("web forms"), salt="form")

    # -- cookies ---------------------------------------------------------------------------------------

    def cookie(self, cookie: Cookie) -> str:
        """Return a cookie's full name."""
        return f"__Host-{cookie.name}" if self.secure else cookie.name

    def give(self, response: Response, cookie: Cookie, value: str) -> None:
        """Give the browser a cookie that scripts cannot read and other sites cannot send with forms."""
        response.set_cookie(
            self.cookie(cookie),
            value,
            max_age=cookie.seconds,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite=cookie.same_site.value,
        )

    def take_away(self, response: Response, cookie: Cookie) -> None:
        """Let the browser forget a cookie."""
        response.delete_cookie(self.cookie(cookie), path="/", secure=self.secure, httponly=True)

    def held(self, request: Request, cookie: Cookie) -> str:
        """Return a cookie's value, or "" when the browser has none."""
        return request.cookies.get(self.cookie(cookie), "")

    def browser(self, request: Request) -> str:
        """Return this browser's secret, or "" when it has none yet."""
        return self.held(request, BROWSER)

    # -- who it is -------------------------------------------------------------------------------------

    def visitor(self, request: Request) -> str | None:
        """Return the CRM user whose session this browser has, and keep that alive; None without one."""
        session = self.held(request, PERSON)
        if not session:
            return None
        with writing(self.parts.engine) as connection:
            return consent.session_user(connection, session, self.parts.clock())

    def user(self, request: Request) -> str:
        """Return the CRM user whose session this browser has; HTTPException 401 without one."""
        user = self.visitor(request)
        if user is None:
            raise HTTPException(401, "Your visit has ended. Sign in again to see your page.")
        return user

    # -- forms -----------------------------------------------------------------------------------------

    def form_token(self, browser: str, about: str = "") -> str:
        """Return the hidden value that proves that a form came from us, for this browser.

        `about`: what the page has shown, where a form must do that and nothing else.
        """
        return str(self._forms.dumps([browser, about]))

    def check_form(self, request: Request, token: str, about: str = "") -> None:
        """Refuse a POST that did not come from our own page in this browser about this; HTTPException 403."""
        try:
            genuine = self._forms.loads(token, max_age=FORM_SECONDS) == [self.browser(request), about]
        except BadSignature:
            genuine = False
        if self.is_foreign(request) or not genuine or not self.browser(request):
            raise HTTPException(
                403, "The form is too old or came from elsewhere. Please go back, reload and try again."
            )

    def is_foreign(self, request: Request) -> bool:
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

    def check_pace(self, rule: Rule, who: str) -> None:
        """Count one time for `who`; HTTPException 429 that says when to come back."""
        wait = self.limiter.wait(rule, who)
        if wait:
            self.counting.limited(rule.name)
            raise HTTPException(429, TOO_FAST, {"Retry-After": str(int(wait) + 1)})

    # -- pages -----------------------------------------------------------------------------------------

    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """Render a page; everything in it is escaped."""
        return HTMLResponse(templates.get_template(template).render(**values), status_code=status)

    def words_shown(self) -> str:
        """Return a digest of the words to which people say yes, for the record of their consent."""
        loader = PackageLoader("calsync.web")
        sources = (loader.get_source(templates, name)[0] for name in ("connect.html", "confirm.html"))
        return hashlib.sha256("".join(sources).encode()).hexdigest()[:16]

    def form_page(
        self, request: Request, template: str, status: int = 200, about: str = "", **values: object
    ) -> HTMLResponse:
        """Render a page with forms, and let the browser keep the secret that they are bound to."""
        browser = self.browser(request) or secrets.token_urlsafe(32)
        response = self.page(template, status, form_token=self.form_token(browser, about), **values)
        self.give(response, BROWSER, browser)
        return response


TOO_FAST = "That was too often within a short time. Please wait a little and try again."
