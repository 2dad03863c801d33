"""Partial responses: `fields=a,b(c,d/e)`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from calsync.sandbox import answers

#: A mask as a tree; an empty one means everything below.
Mask = dict[str, Any]

EVENT = frozenset(
    [
        *(
            "anyoneCanAddSelf",
            "attachments",
            "attendees",
            "attendeesOmitted",
            "birthdayProperties",
            "colorId",
        ),
        *(
            "conferenceData",
            "created",
            "creator",
            "description",
            "end",
            "endTimeUnspecified",
            "etag",
            "eventType",
        ),
        *(
            "eventLabelId",
            "extendedProperties",
            "focusTimeProperties",
            "gadget",
            "guestsCanInviteOthers",
            "kind",
        ),
        *(
            "guestsCanModify",
            "guestsCanSeeOtherGuests",
            "hangoutLink",
            "htmlLink",
            "iCalUID",
            "id",
            "location",
        ),
        *("locked", "organizer", "originalStartTime", "outOfOfficeProperties", "privateCopy", "recurrence"),
        *(
            "recurringEventId",
            "reminders",
            "sequence",
            "source",
            "start",
            "status",
            "summary",
            "transparency",
        ),
        *("updated", "visibility", "workingLocationProperties"),
    ]
)
_LIST = ("etag", "items", "kind", "nextPageToken", "nextSyncToken")
EVENTS = frozenset(
    [*_LIST, "accessRole", "defaultReminders", "description", "summary", "timeZone", "updated"]
)
CALENDAR_LIST = frozenset(_LIST)


def event_mask(text: str) -> Mask:
    """Return the mask of one event; ApiError 400 for a field that events do not have."""
    return _known(parse_mask(text), EVENT)


def events_mask(text: str) -> Mask:
    """Return the mask of a page of events; ApiError 400 for an unknown field."""
    mask = _known(parse_mask(text), EVENTS)
    _known(mask.get("items", {}), EVENT)
    return mask


def list_mask(text: str) -> Mask:
    """Return the mask of a page of the calendar list; ApiError 400 for an unknown field."""
    return _known(parse_mask(text), CALENDAR_LIST)


def _known(mask: Mask, names: frozenset[str]) -> Mask:
    for name in mask:
        if name not in names and name != "*":
            raise answers.bad("invalidParameter", f"Invalid field selection {name}", "fields")
    return mask


@lru_cache(maxsize=64)
def parse_mask(text: str) -> Mask:
    """Return a mask as a tree; ApiError 400 when it cannot be read. The result is shared: do not change it."""
    tree, rest = _parse_list(text)
    if rest or not text:
        raise answers.bad("invalidParameter", "Invalid field selection", "fields")
    return tree


def _parse_list(text: str) -> tuple[Mask, str]:
    tree: Mask = {}
    while text and text[0] != ")":
        end = next((i for i, char in enumerate(text) if char in ",()"), len(text))
        path, text = text[:end], text[end:]
        node = tree
        for name in path.split("/"):
            node = node.setdefault(name, {})
        if text.startswith("("):
            inner, text = _parse_list(text[1:])
            if not text.startswith(")"):
                raise answers.bad("invalidParameter", "Invalid field selection", "fields")
            node.update(inner)
            text = text[1:]
        text = text.removeprefix(",")
    return tree, text


def project(value: Any, mask: Mask | None) -> Any:
    """Return what a mask leaves of a JSON value."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [project(part, mask) for part in value]
    if not isinstance(value, dict):
        return value
    return {name: project(part, mask[name]) for name, part in value.items() if name in mask}
