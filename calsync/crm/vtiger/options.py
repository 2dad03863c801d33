"""The section [crm.vtiger] as values."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from calsync.crm.port import Misconfigured
from calsync.crm.vtiger.client import Key

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Options:
    """`base_url`: the address before /webservice.php; `users_file`: lines of LOGIN ADDRESS ACCESSKEY.

    `marker_field`: a custom text field of Events (cf_NNN, 255 characters) that names originals; "": the last line of
    the description does. `cancelled_status`: events of that status are taken for deleted. `subject_length`: characters
    of a title that vtiger keeps. `relist_minutes`: how often everything is listed, for what no change tells of.
    `occurrence_days`: how far ahead each occurrence of a Google series becomes an event.
    `hidden_means_deleted`: where `sync` does not work, a record that can neither be read nor counted is deleted.
    """

    base_url: str = ""
    users_file: str = ""
    marker_field: str = ""
    cancelled_status: str = "Cancelled"
    subject_length: int = 100
    relist_minutes: int = 60
    occurrence_days: int = 90
    hidden_means_deleted: bool = False

    @property
    def url(self) -> str:
        """The address of the web service."""
        return f"{self.base_url.rstrip('/')}/webservice.php"

    @property
    def relist(self) -> timedelta:
        """How long after a complete observation the next one is due."""
        return timedelta(minutes=self.relist_minutes)


def read_options(section: Mapping[str, Any]) -> Options:
    """Return the options of a section; Misconfigured names the key that is wrong. Numbers may be text (environment)."""
    known = {field.name: field for field in fields(Options)}
    values: dict[str, Any] = {}
    for name, value in section.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.5)
            raise Misconfigured(f"{name}: unknown key{f'; did you mean {near[0]}?' if near else ''}")
        values[name] = _value(name, value, known[name].default)
    options = Options(**values)
    _check_url(options.base_url)
    if options.marker_field and not options.marker_field.replace("_", "").isalnum():
        raise Misconfigured("marker_field: must be the name of a custom field such as cf_852")
    if min(options.subject_length, options.relist_minutes, options.occurrence_days) < 1:
        raise Misconfigured("subject_length, relist_minutes, occurrence_days: must be at least 1")
    return options


def _value(name: str, value: Any, default: object) -> Any:
    if isinstance(default, bool):
        if value in (True, False, "true", "false"):
            return value in (True, "true")
        raise Misconfigured(f"{name}: must be true or false")
    if isinstance(default, int):
        if isinstance(value, bool) or not str(value).isdigit():
            raise Misconfigured(f"{name}: must be a whole number")
        return int(value)
    if not isinstance(value, str):
        raise Misconfigured(f"{name}: must be text in quotes")
    return value


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query
    except ValueError:
        usable = False
    if not usable:
        raise Misconfigured("base_url: must be the address of the CRM, e.g. https://crm.example.com")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise Misconfigured("base_url: must be https outside loopback")


def read_keys(secret: Callable[[str], str]) -> dict[str, Key]:
    """Return how users log in, by login; Misconfigured when the file cannot be read or used."""
    found: dict[str, Key] = {}
    for number, line in enumerate(secret("users_file").splitlines(), 1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        if len(parts) != 3 or "@" not in parts[1] or parts[0] in found:
            raise Misconfigured(
                f"users_file: line {number} is not LOGIN ADDRESS ACCESSKEY, or its login comes twice"
            )
        found[parts[0]] = Key(parts[0], parts[1].lower(), parts[2])
    return found
