"""Every request to Google is read as it goes over the wire: which words and times it tells, and to whom."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from troubles import Asked

from calsync.model.event import BUSY_TITLE
from organisations.charter import Amount, Charter
from organisations.district import District
from organisations.papers import SLOT_MINUTES, WORD, Paper

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_COMPACT = re.compile(r"\d{8}T\d{6}Z")
_DATE = re.compile(r'"date": ?"(\d{4}-\d\d-\d\d)"')
_WRITES = ("POST", "PATCH", "PUT", "DELETE")

#: All that a copy may hold of which only the times may be known.
_TIMES_ONLY = frozenset(
    {"id", "extendedProperties", "start", "end", "recurrence", "visibility", "status", "reminders", "summary"}
)
_EMPTIED = ("description", "location", "attendees")


class Wiretap:
    """Notes in `wrong` what a request should not have said. People do nothing while a request is under way."""

    def __init__(self, district: District, charter: Charter, papers: list[Paper], wrong: list[str]) -> None:
        self._district, self._charter, self._papers, self._wrong = district, charter, papers, wrong
        self._by_token = {f"Bearer {person.token}": person.login for person in district.residents}
        self.requests = 0

    def __call__(self, asked: Asked) -> None:
        """Read a request before it is answered."""
        self.requests += 1
        login = self._by_token[asked.headers["authorization"]]
        text = unquote_plus(f"{asked.path}?{asked.query}\n{asked.body.decode()}")
        for fault in (*self._words(login, text), *self._times(login, text), *self._shape(login, asked)):
            self._wrong.append(f"Google of {login} was told {fault} ({asked.method})")

    # -- words and times -------------------------------------------------------------------------------

    def _words(self, login: str, text: str) -> Iterator[str]:
        for word in set(WORD.findall(text)):
            if not any(self._may_say(login, paper, word) for paper in self._papers):
                yield f"{self._whose(word)}, which may not be known there"

    def _may_say(self, login: str, paper: Paper, word: str) -> bool:
        """Return whether a word stands in a record now, and a person may read that."""
        # Words of guests are in no text, and are written by nobody but an owner who invites them.
        invites = self._charter.invites and paper.owner == login and word in paper.guest_words()
        return (invites or word in paper.words()) and self._amount(login, paper) is Amount.ALL

    def _whose(self, word: str) -> str:
        for number, paper in enumerate(self._papers):
            if word in paper.texts.values():
                return f"a text of record {number}"
            if word in paper.words():
                return f"a text of an occurrence of record {number}"
            if word in paper.guest_words():
                return f"a guest of record {number}"
        return "a text that is written nowhere any more"

    def _times(self, login: str, text: str) -> Iterator[str]:
        moments = [datetime.fromisoformat(found) for found in _MOMENT.findall(text)]
        moments += [datetime.fromisoformat(found) for found in _COMPACT.findall(text)]
        known = [paper for paper in self._papers if self._amount(login, paper) is not Amount.NOTHING]
        slots = {slot for paper in known for slot in paper.slots()}
        for moment in moments:
            minutes = moment.astimezone(UTC).hour * 60 + moment.astimezone(UTC).minute
            if minutes // SLOT_MINUTES not in slots:
                yield "a time that may not be known there"
        days = {paper.whole_day for paper in known}
        for found in _DATE.findall(text):
            day = datetime.fromisoformat(found).date()
            if day not in days and day - _ONE_DAY not in days:
                yield "a day that may not be known there"

    def _amount(self, login: str, paper: Paper) -> Amount:
        return self._charter.amount(login, paper)

    # -- what kind of write ----------------------------------------------------------------------------

    def _shape(self, login: str, asked: Asked) -> Iterator[str]:
        if asked.method not in _WRITES:
            return
        body = json.loads(asked.body) if asked.body else {}
        paper = self._paper(login, asked, body)
        mail = self._charter.settings.guest_mail
        if paper is not None and asked.method == "DELETE" and self._is_withdrawn(login, paper):
            mail = "none"
        if parse_qs(asked.query).get("sendUpdates") != [mail]:
            yield f"a write without sendUpdates={mail}"
        if paper is None or asked.method == "DELETE":
            return
        amount = self._amount(login, paper)
        if amount is Amount.NOTHING:
            yield "something of a record that may not be known there at all"
        elif amount is Amount.TIMES:
            yield from _more_than_times(body)

    def _is_withdrawn(self, login: str, paper: Paper) -> bool:
        """Return whether a record takes place, and only this person may not know it."""
        takes_place = not paper.deleted and paper.status.lower() != "cancelled"
        return takes_place and self._amount(login, paper) is Amount.NOTHING

    def _paper(self, login: str, asked: Asked, body: Mapping[str, Any]) -> Paper | None:
        private = (body.get("extendedProperties") or {}).get("private") or {}
        key = private.get("calsync") or self._district.original(login, asked.event)
        return next((paper for paper in self._papers if paper.key == key), None)


def _more_than_times(body: Mapping[str, Any]) -> Iterator[str]:
    full = {name for name in _EMPTIED if body.get(name)}
    strange = (body.keys() - _TIMES_ONLY - set(_EMPTIED)) | full
    if body.get("summary", BUSY_TITLE) != BUSY_TITLE:
        strange.add("summary")
    if (body.get("reminders") or {}).get("overrides"):
        strange.add("reminders")
    if strange:
        yield f"{', '.join(sorted(strange))} of a record of which only times may be known"


_ONE_DAY = datetime(2026, 1, 2, tzinfo=UTC) - datetime(2026, 1, 1, tzinfo=UTC)
