"""Behaviours of an OpenCRM tenant that are not settled, or that tests ask for, and three tenants made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class Switches:
    """Each default is what is documented or seen most (numbers are those of the fact sheet).

    What a tenant has (1.5):
    `absent`: fields that it lacks · `names`: other names of fields · `custom_fields` · `times`: times of day in
    fields of their own ("fields"), in the date ("combined"), or "none" · `time_seconds`: times come with seconds ·
    `blank_time`: what a blank time becomes · `entities`: texts come back with HTML entities · `subject_limit`,
    `location_limit`: characters kept (0: all) · `default_permission` of what is made over the interface.

    How lists answer (1.3):
    `limit_end`: an "index" or a "count" · `page_cap`: rows at most (0: as asked) · `order`: "oldest", "newest", or
    "shuffled" · `single_object`: one row comes without its list · `empty_list`: what no rows are: "list", "null",
    "object" · `full_key`: the name of the id in full lists · `quoted_ints` · `null_blanks`: blank values are null ·
    `chaining`: conditions joined by ";" count all ("and"), or only the "first" · `unknown_operator`: taken for "="
    ("equals"), or passed over ("ignore") · `unknown_field`: a condition on it lets "all" or "none" through, or is an
    "error" · `ignored_filters`: names on which conditions are passed over · `lost`: ids that lists leave out.

    How records are read and written (1.4):
    `missing`: what an unknown id answers: "error", "empty", "list", or the record of "another" id · `deleted`: a deleted
    record is "missing" or "flagged" · `edit_answer`: "int", "quoted", or the key of an object · `edit_missing`: an
    edit of an unknown id is an "error" or "accepted" without effect · `owner_names`: which names of the owner are
    taken · `shift_hours`: what is added to times that are stored.

    Who is let in (1.1):
    `unknown_methods`: methods that this tenant does not have · `firewall`: user agents with "python" or "curl" are
    turned away · `per_minute`: requests (0: no limit) ·
    `limit_answer`: "429", or an "error" inside of 200.
    """

    absent: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    custom_fields: list[str] = field(default_factory=lambda: ["cf_900"])
    times: str = "fields"
    time_seconds: bool = False
    blank_time: str = ""
    entities: bool = False
    subject_limit: int = 0
    location_limit: int = 0
    default_permission: str = "0"
    limit_end: str = "index"
    page_cap: int = 0
    order: str = "oldest"
    single_object: bool = False
    empty_list: str = "list"
    full_key: str = "id"
    quoted_ints: bool = False
    null_blanks: bool = False
    chaining: str = "and"
    unknown_operator: str = "equals"
    unknown_field: str = "all"
    ignored_filters: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    missing: str = "error"
    deleted: str = "missing"
    edit_answer: str = "int"
    edit_missing: str = "error"
    owner_names: list[str] = field(default_factory=lambda: ["smownerid", "assigned_user_id"])
    shift_hours: int = 0
    unknown_methods: list[str] = field(default_factory=list)
    firewall: bool = True
    per_minute: int = 0
    limit_answer: str = "429"

    def take(self, values: Mapping[str, Any]) -> None:
        """Set switches by name; ValueError for a name that is none."""
        known = {each.name for each in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown switch {name}")
            setattr(self, name, value)


#: A tenant that has everything a calendar asks for.
RICH: dict[str, Any] = {}

#: One of which no more is certain than the vendor's clients show: no times of day, no modification time.
BARE: dict[str, Any] = {
    "absent": [
        "time_start",
        "time_end",
        "duration_minutes",
        "location",
        "activitytype",
        "notime",
        "createdtime",
        "modifiedtime",
    ],
    "times": "none",
}

#: One in which everything is odd at once.
QUIRKY: dict[str, Any] = {
    "absent": ["notime"],
    "names": {"taskstatus": "eventstatus", "location": "cf_17"},
    "times": "combined",
    "time_seconds": True,
    "blank_time": "00:00:00",
    "entities": True,
    "subject_limit": 100,
    "location_limit": 150,
    "limit_end": "count",
    "page_cap": 7,
    "order": "shuffled",
    "single_object": True,
    "empty_list": "null",
    "quoted_ints": True,
    "null_blanks": True,
    "chaining": "first",
    "missing": "another",
    "deleted": "flagged",
    "edit_answer": "record_id",
    "edit_missing": "accepted",
    "owner_names": ["smownerid"],
}

PROFILES: Mapping[str, Mapping[str, Any]] = {"rich": RICH, "bare": BARE, "quirky": QUIRKY}


def of_profile(name: str) -> Switches:
    """Return the switches of "rich", "bare" or "quirky"; ValueError for another name."""
    if name not in PROFILES:
        raise ValueError(f"unknown profile {name}; there are {', '.join(PROFILES)}")
    switches = Switches()
    switches.take(PROFILES[name])
    return switches
