"""The record of processing (Art. 30 GDPR), and what people are told about it, made from what the tables say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import MetaData

from calsync.config.settings import PrivacySettings
from calsync.privacy import clock, inventory
from calsync.privacy.receipt import BACKUP_DAYS
from calsync.privacy.retention import IDLE
from calsync.store.database import metadata

_RECIPIENTS = (
    "Google (Calendar), as the person's own calendar: what the CRM's permissions let them see",
    "the CRM that is configured, as the employer's system: the person's Google calendar, private entries as “Busy”",
)
_MEASURES = (
    "each person's contents, addresses and tokens encrypted with a key of their own (AES-256-GCM), wrapped by a key ring",
    "access tokens never stored; contents of entries that are in step never stored",
    "consent bound to one CRM user, one Google account and one browser; withdrawn with one command or button",
    "logs without contents, addresses and tokens; network addresses cut off before anything sees them",
    "an audit trail of chained, authenticated entries under pseudonyms",
    "erasure that reaches files, keys and restored backups, with a signed receipt",
)
_RIGHTS = (
    "access and a copy of your data (Art. 15 and 20)",
    "correction (Art. 16)",
    "erasure (Art. 17)",
    "objection, and withdrawal of your consent at any time, which is as easy as giving it (Art. 7(3) and 21)",
    "complaint to a supervisory authority (Art. 77)",
)


def about(who: PrivacySettings, not_reached: Mapping[str, str]) -> dict[str, Any]:
    """Return what a person is told with an export of their data."""
    return {
        "controller": who.controller or None,
        "contact": who.contact or None,
        "purpose": "keeping your Google Calendar and your CRM calendar in step, because you have consented",
        "legal_basis": "consent (Art. 6(1)(a) GDPR)",
        "source": ["Google Calendar, with your consent", "the CRM of your organisation"],
        "recipients": list(_RECIPIENTS),
        "retention": _lives(),
        "rights": list(_RIGHTS),
        "answered_within_days": clock.DAYS,
        "automated_decisions": False,
        "not_reached": dict(not_reached),
    }


def _lives() -> list[dict[str, str]]:
    return [
        {"data": table["table"], "why": table["why"], "kept": table["kept_for"]}
        for table in tables([metadata])
        if table["personal"]
    ]


def tables(parts: Sequence[MetaData]) -> list[dict[str, Any]]:
    """Return every table with its purpose, how long it is kept, and what each of its columns holds."""
    return [
        {
            "table": str(table.name),
            "personal": inventory.is_personal(note),
            "why": note.why,
            "kept_for": note.life,
            "outlives_person": note.kept or None,
            "columns": [
                {"column": name, "holds": data.value, "encrypted": name in note.sealed}
                for name, data in note.columns.items()
            ],
        }
        for table, note in inventory.described(parts)
    ]


def record(who: PrivacySettings, parts: Sequence[MetaData]) -> dict[str, Any]:
    """Return the record of processing; what only the controller knows is None until it is configured."""
    return {
        "controller": who.controller or None,
        "contact": who.contact or None,
        "purposes": ["keeping the Google and CRM calendars of consenting CRM users in step"],
        "legal_basis": "consent (Art. 6(1)(a) GDPR)",
        "persons": ["CRM users who have consented", "people who take part in their calendar entries"],
        "recipients": list(_RECIPIENTS),
        "third_countries": "Google may process outside of the EEA and the UK; its terms and the controller's decide",
        "retention": {
            "requests_answered_within_days": clock.DAYS,
            "idle_days": IDLE.days,
            "backups_days": BACKUP_DAYS,
        },
        "measures": list(_MEASURES),
        "tables": tables(parts),
    }


def markdown(document: Mapping[str, Any]) -> str:
    """Return the record for people."""
    lines = ["# Record of processing activities (Art. 30 GDPR)", ""]
    for name, title in (("controller", "Controller"), ("contact", "Contact")):
        lines.append(f"- {title}: {document[name] or f'set privacy.{name} in the configuration'}")
    lines.append(f"- Legal basis: {document['legal_basis']}")
    lines.append(f"- Third countries: {document['third_countries']}")
    for name, title in (
        ("purposes", "Purposes"),
        ("persons", "Persons"),
        ("recipients", "Recipients"),
        ("measures", "Security measures"),
    ):
        lines += ["", f"## {title}", "", *_bullets(document[name])]
    retention = document["retention"]
    lines += [
        "",
        "## Periods",
        "",
        *_bullets(f"{name.replace('_', ' ')}: {days}" for name, days in retention.items()),
    ]
    for table in document["tables"]:
        if table["personal"]:
            lines += ["", *_table(table)]
    return "\n".join(lines)


def _bullets(texts: Iterable[str]) -> list[str]:
    return [f"- {text}" for text in texts]


def _table(table: Mapping[str, Any]) -> list[str]:
    head = [f"## {table['table']}", "", f"Why: {table['why']}. Kept: {table['kept_for']}."]
    if table["outlives_person"]:
        head.append(f"Outlives the person: {table['outlives_person']}.")
    rows = [
        f"| {column['column']} | {column['holds']} | {'yes' if column['encrypted'] else 'no'} |"
        for column in table["columns"]
    ]
    return [*head, "", "| column | holds | encrypted |", "|---|---|---|", *rows]
