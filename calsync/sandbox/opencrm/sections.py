"""What the operator of each kind of tenant would configure, as `[crm.opencrm]`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from calsync.sandbox.opencrm.tenant import SECURITY

#: What `calsync crm probe` finds, where it differs from the defaults.
FIELDS: Mapping[str, dict[str, str]] = {
    "rich": {
        "location": "location",
        "category": "category",
        "start_time": "time_start",
        "end_time": "time_end",
        "duration_minutes": "duration_minutes",
        "all_day": "notime",
        "activity_type": "activitytype",
        "modified": "modifiedtime",
        "created": "createdtime",
    },
    "bare": {"category": "category"},
    "quirky": {
        "location": "cf_17",
        "category": "category",
        "start_time": "date_start",
        "end_time": "due_date",
        "duration_minutes": "duration_minutes",
        "status": "eventstatus",
        "activity_type": "activitytype",
        "modified": "modifiedtime",
        "created": "createdtime",
    },
}

_MORE: Mapping[str, dict[str, Any]] = {
    "rich": {},
    "bare": {},
    "quirky": {"limit_end": "count", "entities": True, "title_limit": 100, "location_limit": 150},
}


def section(profile: str, url: str) -> dict[str, Any]:
    """Return the section of a tenant of that profile at `url`, fast enough for a demonstration."""
    return {
        "base_url": url,
        "token_field": "cf_900",
        "vendor_sync_off": True,
        "new_status": "Planned",
        "requests_per_second": 1000,
        "scan_seconds": 0,
        "recent_seconds": 0,
        **_MORE[profile],
        "fields": dict(FIELDS[profile]),
        "permissions": {"values": dict(SECURITY)},
    }


def toml(name: str, values: Mapping[str, Any]) -> str:
    """Return a section with its subsections, as TOML: texts, numbers and lists are written as in JSON."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    lines = [f"[{name}]", *(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in plain.items())]
    parts = [toml(f"{name}.{key}", value) for key, value in values.items() if isinstance(value, dict)]
    return "\n".join([*lines, *parts]) + "\n"
