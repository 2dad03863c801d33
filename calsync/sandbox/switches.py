"""Behaviours of Google that are not settled, or that tests ask for; the control API sets them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Switches:
    """Each default is what is documented or seen most.

    How events are listed:
    `short_pages`: rows a page at most (0: as asked) · `empty_pages`: each listing begins with an empty page ·
    `shuffle`: rows of a page and parts of a batch in reverse order, children before their series ·
    `empty_full_listing`: a full listing finds nothing · `window_frozen`: a sync token keeps timeMin and timeMax ·
    `children_tombstones`: exceptions of a deleted series are listed as cancelled · `tombstone_details`:
    events.get tells the organiser what a deleted event was · `ghosts`: ids of events that are alive, and listed
    as cancelled all the same.

    What a write does:
    `html_normalise`: line ends of descriptions come back as `<br>` · `noop_moves_etag`: a write that changes
    nothing is a change all the same · `reminders_move_etag`: so are reminders · `put_revives`: PUT with status
    "confirmed" brings a deleted event back, as PATCH does · `refused_zones`: zone names that are not taken, though
    they are in the tz database · `odd_zones`: names that are taken, though they are not.

    What guests may do with their copies:
    `guest_edits`: "refuse", "ignore" or "keep" edits of what only the organiser should change ·
    `guest_properties`: "keep" or "refuse" private extended properties.

    Mails and limits:
    `unasked_mails`: guests outside Google get mail when sendUpdates is not given · `batch_limit`: calls a batch ·
    `user_per_minute`, `project_per_minute`: units a minute (0: no limit) · `limit_status`: 403 or 429.
    """

    short_pages: int = 0
    empty_pages: bool = False
    shuffle: bool = False
    empty_full_listing: bool = False
    window_frozen: bool = False
    children_tombstones: bool = False
    tombstone_details: bool = True
    ghosts: list[str] = field(default_factory=list)
    html_normalise: bool = False
    noop_moves_etag: bool = True
    reminders_move_etag: bool = True
    put_revives: bool = True
    refused_zones: list[str] = field(default_factory=list)
    odd_zones: list[str] = field(default_factory=list)
    guest_edits: str = "refuse"
    guest_properties: str = "keep"
    unasked_mails: bool = False
    batch_limit: int = 50
    user_per_minute: int = 0
    project_per_minute: int = 0
    limit_status: int = 403
