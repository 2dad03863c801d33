"""An installation whose web pages are served in this process, and those who come to them."""

from __future__ import annotations

import re
from dataclasses import replace

import pyotp
import requests
import structlog

from calsync.expiry import clean_up_consent
from calsync.log import _only_allowed
from calsync.sandbox.stage import free_port
from calsync.store import operators
from calsync.store.database import writing
from calsync.store.operators import Role
from calsync.web.app import create_app
from calsync.web.server import serving
from tests.house import OPERATOR_TOKEN, House
from tests.outside.lying_google import LyingGoogle
from tests.outside.walk import Office, Walk, form_of

#: A caller from outside, as a proxy on this machine tells of them.
FROM_OUTSIDE = {"X-Forwarded-For": "203.0.113.77"}


class Premises:
    """A served house with the administrator's desk; Google's token endpoint lies when it is told to.

    `database`: its URL.
    """

    def __init__(self, directory, sync=None, database="sqlite:///calsync.db", **more):
        self.liar = LyingGoogle("")
        google = {"token_uri": f"{self.liar.url}/token", "jwks_uri": f"{self.liar.url}/certs"}
        self.house = House(directory, sync, more={"google": google, **more}, database=database)
        self.liar.truth = self.house.google.url
        self.url = self.house.serve()
        self.office = Office(self.house, self.house.parts)
        self.parts, self.clock = self.house.parts, self.house.clock
        self._behind_tls = ""
        self._logging = structlog.get_config()
        # As the daemon logs: what structlog prints by itself shows values, and takes seconds for that.
        structlog.configure(processors=[_only_allowed, structlog.processors.JSONRenderer()])

    def close(self):
        structlog.configure(**self._logging)
        self.liar.shutdown()
        self.liar.server_close()
        self.house.close()

    def behind_tls(self):
        """Return where the same installation is served as behind a proxy, for https://calsync.example.com."""
        if not self._behind_tls:
            settings = self.parts.settings
            web = settings.web.model_copy(update={"public_url": "https://calsync.example.com"})
            port = free_port()
            parts = replace(self.parts, settings=settings.model_copy(update={"web": web}))
            self.house.start(serving(create_app(parts), settings, port=port))
            self._behind_tls = f"http://127.0.0.1:{port}"
        return self._behind_tls

    def clean_up(self):
        """Do what the daemon does every few seconds."""
        clean_up_consent(self.parts)

    def tokens(self, user):
        """Return how many refresh tokens are stored for a user, connected or waiting for a word."""
        waiting = (
            "SELECT count(*) FROM consent_flow JOIN ticket ON ticket.id = ticket_id "
            'WHERE "user" = ? AND granted IS NOT NULL'
        )
        connected = 'SELECT count(*) FROM account WHERE "user" = ? AND refresh_token IS NOT NULL'
        return sum(self.office.rows(query, user)[0][0] for query in (waiting, connected))

    def told(self, user):
        """Return what the operator and the person should hear of, by reader and kind."""
        return self.office.rows('SELECT reader, kind FROM tiding WHERE "user" = ? ORDER BY id', user)

    # -- people ----------------------------------------------------------------------------------------

    def walk(self, user, expected=None):
        """Return a walk of a new person to a link for them."""
        self.office.person(user)
        return Walk(self.office.link(user, expected))

    def visit(self, user):
        """Return the browser of a new person who is connected and looks at their page."""
        return self.office.connect(user)

    def sign_in(self, email, browser=None):
        """Sign in at Google as somebody, to see their own page; return our answer."""
        browser = browser or requests.Session()
        there = self.press(browser, "/me/sign-in", "/me/sign-in").headers["location"]
        choice = browser.get(there, timeout=20)
        fields = form_of(choice.text)[1] | {"email": email, "decision": "allow"}
        consent = f"{self.house.google.url}/o/oauth2/v2/auth"
        back = browser.post(consent, data=fields, allow_redirects=False, timeout=20)
        return browser.get(back.headers["location"], allow_redirects=False, timeout=20)

    # -- operators -------------------------------------------------------------------------------------

    def operator(self, name, role=Role.OPERATOR):
        """Make an operator; return what they log in with."""
        with writing(self.parts.engine) as connection:
            return operators.add(connection, self.parts.vault, name, role, self.clock())

    def enter(self, browser=None, headers=None, **fields):
        """Fill in the login to the operators' pages; return the browser and the answer."""
        browser = browser or requests.Session()
        page = browser.get(f"{self.url}/operator/login", timeout=20)
        data = form_of(page.text)[1] | fields
        answer = browser.post(
            f"{self.url}/operator/login", data=data, headers=headers, allow_redirects=False, timeout=20
        )
        return browser, answer

    def desk(self, name="", entry=None):
        """Return a browser that is logged in: with the token, or as a named operator."""
        fields = {"token": OPERATOR_TOKEN}
        if entry is not None:
            fields = {"name": name, "password": entry.password, "code": self.code(entry)}
        browser, answer = self.enter(**fields)
        assert answer.status_code == 303, answer.text
        return browser

    def code(self, entry):
        """Return what the authenticator shows now."""
        return pyotp.TOTP(entry.totp_secret).at(self.clock())

    def press(self, browser, page, path, **fields):
        """Send the form of a page that has this action; its hidden values and these."""
        text = browser.get(f"{self.url}{page}", timeout=20).text
        token = re.search(r'name="form_token" value="([^"]+)"', text)
        data = ({"form_token": token.group(1)} if token else {}) | fields
        return browser.post(f"{self.url}{path}", data=data, allow_redirects=False, timeout=20)

    # -- the CRM ---------------------------------------------------------------------------------------

    def api(self, method, path, body=None, token=OPERATOR_TOKEN, **more):
        """Call the API."""
        headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
        url = f"{self.url}/api/v1/{path}"
        return requests.request(method, url, json=body, headers=headers, timeout=20, **more)
