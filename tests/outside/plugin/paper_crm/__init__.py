"""A CRM of a stranger: keeps its events in a file of its own, and knows calsync by its port only."""

import pickle
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from calsync.crm.port import CrmPerson
from calsync.model.errors import Later, Stale
from calsync.model.permission import Access, Level, Relation
from calsync.model.side import Create, Delete, Item, Page, SideName, one_at_a_time

_OWN = Access(Level.DELETE, "own calendar", frozenset({Relation.MINE}))
_SCHEMA = """
CREATE TABLE IF NOT EXISTS person (login TEXT PRIMARY KEY, email TEXT, name TEXT);
CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, login TEXT, version INTEGER, seq INTEGER,
  modified REAL, marker TEXT, gone INTEGER DEFAULT 0, event BLOB);
"""


def make(context):
    """Return the backend: `[crm.paper] file = ...`."""
    return PaperCrm(context.options["file"])


class PaperCrm:
    """People and their entries."""

    def __init__(self, file):
        self.file = file
        with self.open() as db:
            db.executescript(_SCHEMA)

    @contextmanager
    def open(self):
        db = sqlite3.connect(self.file, timeout=30)
        db.row_factory = sqlite3.Row
        try:
            with db:
                yield db
        finally:
            db.close()

    def add_person(self, login, email, name):
        with self.open() as db:
            db.execute("INSERT INTO person VALUES (?, ?, ?)", (login, email, name))

    def person(self, login):
        return next((person for person in self.people() if person.login == login), None)

    def people(self):
        with self.open() as db:
            return [CrmPerson(*row) for row in db.execute("SELECT login, email, name FROM person ORDER BY 1")]

    def side(self, login):
        return PaperSide(self, login)

    def wakes(self, cursor):
        with self.open() as db:
            rows = db.execute("SELECT login FROM entry WHERE seq > ?", (int(cursor or 0),)).fetchall()
            end = db.execute("SELECT coalesce(max(seq), 0) FROM entry").fetchone()[0]
        return (frozenset(row["login"] for row in rows) if cursor else frozenset()), str(end)

    def check(self):
        try:
            self.people()
        except sqlite3.Error as error:
            raise Later("paper CRM: its file cannot be read") from error

    def router(self):
        return None

    # -- what people do --

    def events(self, login):
        with self.open() as db:
            rows = db.execute("SELECT * FROM entry WHERE login = ? AND NOT gone", (login,)).fetchall()
        return {str(row["id"]): pickle.loads(row["event"]) for row in rows}

    def put(self, login, event, key=None, marker=""):
        """Create or change an entry; return its row."""
        with self.open() as db:
            seq = db.execute("SELECT coalesce(max(seq), 0) + 1 FROM entry").fetchone()[0]
            values = (seq, datetime.now(UTC).timestamp(), pickle.dumps(event))
            if key is None:
                query = (
                    "INSERT INTO entry (seq, modified, event, login, marker, version) VALUES (?,?,?,?,?,1)"
                )
                key = db.execute(query, (*values, login, marker)).lastrowid
            else:
                query = (
                    "UPDATE entry SET seq = ?, modified = ?, event = ?, version = version + 1 WHERE id = ?"
                )
                db.execute(query, (*values, key))
            return db.execute("SELECT * FROM entry WHERE id = ?", (key,)).fetchone()

    def remove(self, key):
        with self.open() as db:
            seq = db.execute("SELECT max(seq) + 1 FROM entry").fetchone()[0]
            db.execute("UPDATE entry SET gone = 1, version = version + 1, seq = ? WHERE id = ?", (seq, key))


class PaperSide:
    """One person's entries, as calsync asks for them."""

    name = SideName.CRM
    tells_before = False
    batch = 100
    mails = 0

    def __init__(self, crm, login):
        self.crm, self.login, self.calls = crm, login, 0
        self.lock = threading.Lock()

    def access_version(self):
        return "1"

    def marker(self, key):
        return key

    def chosen_key(self, marker, generation):
        return ""

    def observe(self, cursor):
        self.calls += 1
        with self.crm.open() as db:
            end = db.execute("SELECT coalesce(max(seq), 0) FROM entry").fetchone()[0]
            query = "SELECT * FROM entry WHERE login = ? AND seq > ? AND (NOT gone OR ?) ORDER BY seq"
            rows = db.execute(query, (self.login, int(cursor or 0), cursor is not None)).fetchall()
        yield Page([_item(row) for row in rows], str(end), complete=cursor is None)

    def read(self, key):
        return self._one("id = ?", key)

    def find(self, marker):
        return self._one("marker = ? AND NOT gone", marker)

    def _one(self, condition, value):
        self.calls += 1
        with self.crm.open() as db:
            query = f"SELECT * FROM entry WHERE login = ? AND {condition}"
            row = db.execute(query, (self.login, value)).fetchone()
        return _item(row) if row else None

    def write(self, batch):
        return one_at_a_time(self._do, batch)

    def _do(self, write):
        if isinstance(write, Create):
            there = self.find(write.marker)
            return there or _item(self.crm.put(self.login, write.event, marker=write.marker))
        there = self.read(write.key)
        if there is None or there.gone:
            if isinstance(write, Delete):
                return None
            raise Stale("paper CRM: no such entry")
        if write.version and write.version != there.version:
            raise Stale("paper CRM: the entry has changed")
        if isinstance(write, Delete):
            self.crm.remove(write.key)
            return None
        return _item(self.crm.put(self.login, _patched(there.event, write.patch), write.key))


def _patched(event, patch):
    plain = {name: getattr(patch.event, name) for name in patch.fields if not name.startswith("x:")}
    exceptions = dict(event.exceptions)
    for name in patch.fields - set(plain):
        key = name.removeprefix("x:")
        if key in patch.event.exceptions:
            exceptions[key] = patch.event.exceptions[key]
        else:
            exceptions.pop(key, None)
    zone = {"zone": patch.event.zone} if "start" in plain else {}
    return replace(event, **plain, **zone, exceptions=exceptions)


def _item(row):
    modified = datetime.fromtimestamp(row["modified"], UTC)
    common = {"modified": modified, "marker": row["marker"], "access": _OWN, "untouched": row["version"] == 1}
    if row["gone"]:
        return Item(str(row["id"]), str(row["version"]), gone=True, **common)
    return Item(str(row["id"]), str(row["version"]), pickle.loads(row["event"]), **common)
