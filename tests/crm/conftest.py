"""Fixtures: an office whose people share the built-in CRM, served over HTTP."""

from __future__ import annotations

import pytest

from tests.house import House

#: Login -> role and teams.
PEOPLE = {
    "ana": ("standard", ("sales",)),
    "ben": ("standard", ("sales",)),
    "cleo": ("standard", ("service",)),
    "dora": ("admin", ()),
    "eli": ("read_only", ("sales",)),
    "fay": ("standard", ()),
}


class Office(House):
    """A house with six people; nobody has connected a Google account."""

    def __init__(self, directory, **options):
        super().__init__(directory, **options)
        for login, (role, teams) in PEOPLE.items():
            self.hire(login, role, teams)

    def hire(self, login, role="standard", teams=()):
        self.parts.crm.add_user(login, f"{login}@example.com", login.title(), role, teams)
        self.tokens[login] = self.parts.crm.add_token(login)

    def refusal(self, status, method, path, user, body=None, **headers):
        """Call the CRM, expect it to refuse, and return the message."""
        answer = self.crm(method, path, user, body, **headers)
        assert answer.status_code == status, answer.text
        error = answer.json()["error"]
        assert set(error) == {"code", "message"}
        return error["message"]

    def get(self, user, event_id):
        answer = self.crm("GET", f"events/{event_id}", user)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """One office for all tests of a module: each makes events of its own."""
    made = Office(tmp_path_factory.mktemp("office"))
    yield made
    made.close()
