"""The least that each job costs with Google's own library and SQLite, without calsync.

FROZEN: figures are ratios to what is done here, so a change would make them incomparable with earlier ones.
Pages have calsync's size but whole events, as in the measurement this floor was taken from: what is not asked of
Google is calsync's own saving. (Until that was put right, before any figure was published, the floor asked for
calsync's fields only; its pull was a few microseconds an event cheaper.) The database is set up as calsync's;
nothing is checked, decided, encrypted or remembered beyond one row an event.
"""

from __future__ import annotations

import json
import sqlite3
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import google_auth_httplib2
import httplib2
import orjson
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import DISCOVERY_DOC_DIR

PAGE_SIZE = 2500
ITEM_FIELDS = (
    "id,etag,status,summary,description,location,start,end,recurrence,recurringEventId,originalStartTime,"
    "attendees(email,displayName,responseStatus),reminders,visibility,eventType,iCalUID,created,updated,"
    "extendedProperties/private"
)
LIST = {
    "calendarId": "primary",
    "maxResults": PAGE_SIZE,
    "showDeleted": True,
    "singleEvents": False,
}
BARE = {name: value for name, value in LIST.items() if name != "fields"}

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "secure_delete=ON",
    "temp_store=MEMORY",
    "cache_size=-8000",
)

COLUMNS = (
    *("id", "etag", "status", "summary", "description", "location", "start", "end", "zone", "all_day"),
    *("recurrence", "series", "original_start", "attendees", "reminders", "visibility", "kind", "uid"),
    *("created", "updated", "properties", "raw", "digest"),
)
_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
_MARKS = ", ".join("?" * len(COLUMNS))
_SETTING = ", ".join(f'"{name}" = excluded."{name}"' for name in COLUMNS[1:])
_UPSERT = f"INSERT INTO event ({_NAMES}) VALUES ({_MARKS}) ON CONFLICT (id) DO UPDATE SET {_SETTING}"


class Google:
    """The library's resource, made once and kept, with a connection that is kept as well."""

    def __init__(self, api_root: str, access_token: str) -> None:
        document = json.loads((Path(DISCOVERY_DOC_DIR) / "calendar.v3.json").read_text())
        parts = urlsplit(api_root)
        document["rootUrl"] = f"{parts.scheme}://{parts.netloc}/"
        document["servicePath"] = parts.path.lstrip("/")
        self.http = google_auth_httplib2.AuthorizedHttp(Credentials(access_token), http=httplib2.Http())
        self.events = build_from_document(document, http=httplib2.Http()).events()
        self.calls = 0

    def do(self, request: Any) -> Any:
        self.calls += 1
        return request.execute(http=self.http)


def open_store(path: Path) -> sqlite3.Connection:
    """The database: one table with a primary key and one index more."""
    store = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        store.execute(f"PRAGMA {pragma}")
    columns = ",".join(f'"{name}" TEXT' for name in COLUMNS[1:])
    store.execute(f"CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, {columns})")
    store.execute("CREATE INDEX IF NOT EXISTS event_start ON event (start)")
    store.execute("CREATE TABLE IF NOT EXISTS cursor (id INTEGER PRIMARY KEY, token TEXT)")
    return store


def pull(google: Google, store: sqlite3.Connection, token: str | None = None) -> str:
    """Every page, or what changed since `token`: parse, map, one upsert and one commit a page; the next token."""
    request = google.events.list(**LIST, **({"syncToken": token} if token else {}))
    while request is not None:
        page = google.do(request)
        token = page.get("nextSyncToken")
        rows = [_row(item) for item in page["items"]]
        store.execute("BEGIN IMMEDIATE")
        store.executemany(_UPSERT, rows)
        if token:
            store.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", (token,))
        store.execute("COMMIT")
        request = google.events.list_next(request, page)
    return token or ""


def poll(google: Google, token: str) -> str:
    """A look that finds nothing, with no more than it takes: Google's answer is short without `fields` too."""
    return google.do(google.events.list(**BARE, syncToken=token))["nextSyncToken"]


def push(google: Google, bodies: list[dict[str, Any]]) -> None:
    """One insert after the other."""
    for body in bodies:
        google.do(
            google.events.insert(calendarId="primary", body=body, sendUpdates="none", fields=ITEM_FIELDS)
        )


def _row(item: dict[str, Any]) -> tuple[Any, ...]:
    get = item.get
    start, end = get("start") or {}, get("end") or {}
    raw = orjson.dumps(item)
    return (
        item["id"],
        get("etag"),
        get("status"),
        get("summary"),
        get("description"),
        get("location"),
        start.get("dateTime") or start.get("date"),
        end.get("dateTime") or end.get("date"),
        start.get("timeZone"),
        "date" in start,
        "\n".join(get("recurrence", ())),
        get("recurringEventId"),
        (get("originalStartTime") or {}).get("dateTime"),
        orjson.dumps(get("attendees")).decode() if "attendees" in item else None,
        orjson.dumps(get("reminders")).decode() if "reminders" in item else None,
        get("visibility"),
        get("eventType"),
        get("iCalUID"),
        get("created"),
        get("updated"),
        None,
        raw.decode(),
        blake2b(raw, digest_size=16).hexdigest(),
    )
