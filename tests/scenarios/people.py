"""People with two calendars, who work on them over HTTP while the daemon runs."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime

from calsync.engine import run_account
from calsync.sandbox.workplace import Trait
from calsync.store import accounts, links
from calsync.store.accounts import State
from calsync.store.database import reading, writing
from calsync.store.locks import holding
from calsync.sync.round import Order
from calsync.sync.tally import Outcome
from tests.outside.walk import Walk

#: Requests to Google that change nothing.
READS = {"events.list", "events.get", "events.instances", "events.find"}


class Person:
    """A CRM user with a Google account; connected once `connect` has returned."""

    def __init__(self, office, name, zone="Europe/London"):
        """`name`: the login, wherever the CRM lets it be chosen."""
        self.office, self.stage = office, office.stage
        self.workplace = self.stage.workplace
        self.user = user = self.workplace.login(name)
        self.email = f"{user}@example.com"
        self.stage.control("POST", "accounts", {"email": self.email, "time_zone": zone})
        office.person(user, google=False)

    # -- consent and state -----------------------------------------------------------------------------

    def connect(self):
        """Walk through consent to the end."""
        walk = Walk(self.office.link(self.user)).to_google()
        walk.decide()
        assert walk.back().status_code == 303
        assert walk.confirm(self.stage.url).headers["location"] == "/me"
        return self

    def account(self):
        """Return the account as it is stored."""
        with reading(self.office.parts.engine) as connection:
            return accounts.find(connection, self.office.parts.vault, self.user)

    def set_account(self, **values):
        """Change columns of the account."""
        with writing(self.office.parts.engine) as connection:
            accounts.change(connection, self.account().id, **values)

    def links(self):
        """Return the mapping."""
        with reading(self.office.parts.engine) as connection:
            return links.after(connection, self.account().id, 0, 100_000)

    def rest(self):
        """Pause, and wait for a running round to end."""
        account = self.account()
        if account is not None and account.state in (State.ACTIVE, State.BRAKED):
            self.set_account(state=State.PAUSED)
            with holding(self.office.parts.state_dir / "locks", f"account-{account.id}", 60):
                pass

    def go_on(self):
        """End a pause; a round comes within a second."""
        self.set_account(state=State.ACTIVE, due_at=datetime.now(UTC))

    @contextmanager
    def unwatched(self):
        """Let the person work on both calendars before the daemon looks again."""
        self.rest()
        yield
        self.go_on()

    def wake(self):
        """Make a round due now."""
        with writing(self.office.parts.engine) as connection:
            accounts.wake(connection, [self.user], datetime.now(UTC))

    def rounds(self, count=1):
        """Run rounds as `calsync resync` does, beside the daemon's, until so many have succeeded."""
        for _ in range(count):
            self.until(self._succeeds, "a round to succeed")

    def _succeeds(self):
        run = run_account(self.office.parts, self.account().id, Order(), wait=60)
        return run.outcome in (Outcome.OK, Outcome.PARTIAL) and not run.reason

    def until(self, condition, what, seconds=45):
        """Wait until a condition holds."""
        self.stage.until(condition, f"{self.user}: {what}", seconds)

    def _is_settled(self):
        return not any(link.dirty or link.intents for link in self.links())

    # -- Google ----------------------------------------------------------------------------------------

    def google(self, method, path="", body=None):
        """Work on Google's page; `path` begins with "/ID" or "?"."""
        return self.stage.control(method, f"accounts/{self.email}/events{path}", body)

    def google_add(self, **body):
        """Make an event."""
        return self.google("POST", "", body)

    def google_edit(self, event_id, **changes):
        """Change an event."""
        return self.google("PATCH", f"/{event_id}", changes)

    def google_events(self):
        """Return all living events, exceptions of series included."""
        return self.google("GET")["events"]

    def google_titles(self):
        """Return the titles of all living events."""
        return sorted(event.get("summary", "") for event in self.google_events())

    def google_by(self, title):
        """Return the event with a title."""
        (found,) = [event for event in self.google_events() if event.get("summary") == title]
        return found

    def requests(self):
        """Return how often each operation was asked of Google for this person."""
        return self.stage.control("GET", "counters")["by_account"].get(self.email, {})

    def google_writes(self):
        """Return how many writes Google has got for this person."""
        return sum(count for name, count in self.requests().items() if name not in READS)

    def mails(self):
        """Return the mails that our writes have sent about this person's events."""
        ids = {event["id"] for event in self.google("GET", "?deleted=1")["events"]}
        found = self.stage.control("GET", "mails")["mails"]
        return [mail for mail in found if mail["event"] in ids and mail["actor"] != "page"]

    def fault(self, **order):
        """Order a fault for this person's requests."""
        self.stage.control("POST", "faults", {"email": self.email, **order})

    def hits(self):
        """Return how often faults have struck so far."""
        return sum(fault["hits"] for fault in self.stage.control("GET", "faults")["faults"])

    def mend(self):
        """End all faults."""
        self.stage.control("DELETE", "faults")

    def expire(self, *what):
        """Let Google forget `sync_tokens` or `tombstones` of this person."""
        for name in what:
            self.stage.control("POST", "expire", {"email": self.email, "what": name})

    # -- CRM -------------------------------------------------------------------------------------------

    def crm_add(self, **body):
        """Make an event."""
        return self.workplace.add(self.user, body)

    def crm_edit(self, event_id, **changes):
        """Change an event."""
        return self.workplace.edit(self.user, event_id, changes)

    def crm_edit_date(self, original_start, **changes):
        """Change one date of this person's only series."""
        events = self.crm_events()
        if Trait.SERIES in self.workplace.traits:
            change = {"original_start": original_start.isoformat(), **changes}
            return self.crm_edit(events[0]["id"], exceptions=[change])
        (record,) = [event for event in events if datetime.fromisoformat(event["start"]) == original_start]
        return self.crm_edit(record["id"], **changes)

    def crm_delete(self, event_id):
        """Delete an event."""
        self.workplace.delete(self.user, event_id)

    def crm_events(self):
        """Return this person's own events."""
        return [event for event in self.workplace.events(self.user) if event["owner"] == self.user]

    def crm_titles(self):
        """Return the titles of this person's own events.

        The dates of a series count as one where each is a record, unless one of them is there twice.
        """
        events = self.crm_events()
        if Trait.SERIES in self.workplace.traits:
            return sorted(event["title"] for event in events)
        most = Counter()
        for (title, _), count in Counter((event["title"], event["start"]) for event in events).items():
            most[title] = max(most[title], count)
        return sorted(most.elements())

    def crm_by(self, title):
        """Return the event with a title."""
        (found,) = [event for event in self.crm_events() if event["title"] == title]
        return found

    # -- both ------------------------------------------------------------------------------------------

    def shows(self, *titles):
        """Wait until both calendars show exactly these titles."""
        wanted = sorted(titles)
        self.wake()
        self.until(lambda: self.google_titles() == self.crm_titles() == wanted, f"{wanted} on both sides")

    def stays_silent(self, rounds=2):
        """Assert that further rounds write nothing on either side, once what is under way has come to its end."""
        self.until(self._is_settled, "everything to be settled")
        before = self.google_writes(), self.crm_events()
        self.rounds(rounds)
        assert (self.google_writes(), self.crm_events()) == before
