"""The ZIP file of an export: written whole or not at all, readable by its owner alone, never over another file."""

from __future__ import annotations

import hashlib
import os
import secrets
import zipfile
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import orjson

from calsync.privacy.calendar_file import calendar_file
from calsync.privacy.dossier import VERSION, Dossier

SCHEMA = "export.schema.json"

_README = """What calsync holds about you

This file was made because you, or somebody for you, asked for it. It holds everything that this
installation of calsync knows about you. Titles and texts are shown as they are: keep it in a safe place.

manifest.json      what is in here, when it was made, and a SHA-256 of each file
about.json         why the data are kept, for how long, who receives them, and your rights
account.json       your connection to Google: which account, since when, what you have allowed
consents.jsonl     when you gave and ended your consent
links.jsonl        which entries of the two calendars belong together (ids only)
events.jsonl       those entries as both calendars have them now
calendar.ics       the same entries, for any calendar program
conflicts.jsonl    what lost when both sides changed the same, kept for 30 days
journal.jsonl      what calsync wrote, with the values before and after, kept for 30 days
runs.jsonl         when it wrote
quarantine.jsonl   entries that were set aside, and why
requests.jsonl     what you asked for, and when it was answered
audit.jsonl        who did what with your data
export.schema.json the form of all this (JSON Schema)

Files that end in .jsonl hold one JSON document a line. Texts in them come from you and from people who
invited you: open them with a program that shows text, not one that runs it.
"""


def files_of(dossier: Dossier, about: Mapping[str, Any], now: datetime) -> dict[str, bytes]:
    """Return the files of an export by name, the manifest first; `about`: purposes, recipients and rights."""
    files = {
        "README.txt": _README.encode(),
        "about.json": _pretty(about),
        "account.json": _pretty(dossier.account),
        **{f"{name}.jsonl": _lines(rows) for name, rows in dossier.lists.items()},
        "calendar.ics": calendar_file(dossier.events, now),
        SCHEMA: resources.files("calsync.privacy").joinpath(SCHEMA).read_bytes(),
    }
    manifest = {
        "version": VERSION,
        "made": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    return {"manifest.json": _pretty(manifest), **files}


def pack(files: Mapping[str, bytes], now: datetime) -> bytes:
    """Return the files as a ZIP archive; the same files give the same bytes."""
    from io import BytesIO

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, now.timetuple()[:6])
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def write_new(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all; FileExistsError when one is there."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never replaces what is there.
        os.link(draft, path)
    finally:
        draft.unlink()


def _pretty(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)
