"""A person's way through consent, a step at a time, as their browser goes it."""

import html
import re
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from calsync.config import load
from calsync.store import consent
from calsync.store.database import writing
from calsync.wiring import open_parts


def form_of(text):
    """Return the action and the hidden values of a page's form."""
    action = re.search(r'<form[^>]*?action="([^"]*)"', text)
    values = {}
    for tag in re.findall(r'<input type="hidden"[^>]*>', text):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        values[attributes["name"]] = html.unescape(attributes["value"])
    return (html.unescape(action.group(1)) if action else ""), values


class Walk:
    """One browser with one link."""

    def __init__(self, link, browser=None):
        self.link, self.browser = link, browser or requests.Session()
        self.page = self.google = self.callback = None

    def land(self):
        """Open the link."""
        self.page = self.browser.get(self.link, timeout=20)
        return self.page

    def leave(self, **values):
        """Press the button; return the answer, which leads to Google."""
        fields = form_of(self.page.text)[1] | values
        answer = self.browser.post(self.link, data=fields, allow_redirects=False, timeout=20)
        self.google = answer.headers.get("location")
        return answer

    def request(self):
        """Return what Google is asked for."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.google).query).items()}

    def decide(self, decision="allow", choose="", untick=""):
        """Choose at Google; return where it sends the browser back to."""
        page = self.browser.get(self.google, timeout=20)
        action, fields = form_of(page.text)
        fields["email"] = choose or self.request()["login_hint"]
        scopes = re.findall(r'name="scope" value="([^"]*)"', page.text)
        data = [*fields.items(), ("decision", decision), *(("scope", s) for s in scopes if s != untick)]
        answer = self.browser.post(urljoin(self.google, action), data=data, allow_redirects=False, timeout=20)
        self.callback = answer.headers["location"]
        return self.callback

    def to_google(self):
        """Go as far as Google's page."""
        self.land()
        self.leave()
        return self

    def back(self, browser=None):
        """Come back to us."""
        return (browser or self.browser).get(self.callback, allow_redirects=False, timeout=20)

    def confirm(self, url, browser=None, **values):
        """Open the page of confirmation and press its button."""
        browser = browser or self.browser
        page = browser.get(f"{url}/connect/confirm", timeout=20)
        if page.status_code != 200:
            return page
        fields = form_of(page.text)[1] | values
        return browser.post(f"{url}/connect/confirm", data=fields, allow_redirects=False, timeout=20)


class Office:
    """The administrator's desk: makes people and links, and looks into the database.

    It works on the installation's own files, since a command takes a second to start.
    """

    def __init__(self, stage, parts=None):
        """`stage`: a Stage, or a House that serves the web, with its `parts`."""
        self.stage = stage
        self.parts = parts or open_parts(load(str(stage.config)))

    def close(self):
        self.parts.close()

    def person(self, user, google=True):
        """Add a CRM user; return the address."""
        email = f"{user}@example.com"
        if self.parts.settings.crm.backend == "builtin":
            self.parts.crm.add_user(user, email, user.title(), "standard", ())
            self.stage.tokens[user] = self.parts.crm.add_token(user)
        else:
            self.stage.workplace.hire(user, email)
        if google:
            self.stage.control("POST", "accounts", {"email": email})
        return email

    def link(self, user, expected=None):
        """Return a consent link."""
        expected = expected or self.parts.crm.person(user).email
        with writing(self.parts.engine) as connection:
            secret, _ = consent.new_ticket(connection, self.parts.vault, user, expected, self.parts.clock())
        return f"{self.stage.url}/connect/{secret}"

    def walk(self, user):
        """Return a fresh walk of a new person."""
        self.person(user)
        return Walk(self.link(user))

    def connect(self, user):
        """Let a new person walk to the end; return their browser."""
        walk = self.walk(user).to_google()
        walk.decide()
        assert walk.back().status_code == 303
        assert walk.confirm(self.stage.url).headers["location"] == "/me"
        return walk.browser

    def rows(self, query, *values):
        """Ask the database, of whichever kind it is, past the program's own statements; `?` stands for a value."""
        with writing(self.parts.engine) as connection:
            if connection.dialect.name == "postgresql":
                query = query.replace("?", "%s")
            found = connection.exec_driver_sql(query, values)
            return list(map(tuple, found)) if found.returns_rows else []

    def account(self, user):
        """Return state and whether there is a token, or None."""
        found = self.rows('SELECT state, refresh_token IS NOT NULL FROM account WHERE "user" = ?', user)
        return found[0] if found else None

    def flows(self, user):
        """Return how many ways through Google are open for a user."""
        query = 'SELECT count(*) FROM consent_flow JOIN ticket ON ticket.id = ticket_id WHERE "user" = ?'
        return self.rows(query, user)[0][0]

    def grants(self, user):
        """Return how many grants Google has for a person."""
        return self.stage.control("GET", f"grants/{user}@example.com")["live"]

    def nothing_is_kept(self, user):
        """Return whether neither we nor Google hold anything that this person may have allowed."""
        return self.account(user) is None and self.flows(user) == 0 and self.grants(user) == 0
