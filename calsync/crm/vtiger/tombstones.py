"""What was deleted, as the operation `sync` tells it, on servers where it can be believed.

PHP 8 breaks it (ecosystem.md 2.3), and it compares times without regard to zones, so that on some servers it begins
hours too late (opencrm.md 4.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from calsync.crm.vtiger.client import Answered, Client
from calsync.model.errors import CursorExpired, Later

#: More batches than this mean that it does not get on.
_MOST_BATCHES = 200

#: `sync` tells what has changed after a second, not in it.
_SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class Rest:
    """Until when `sync` is left alone on this server, since it did not work. Shared by all users."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    changed: frozenset[str]
    deleted: frozenset[str]


class Tombstones:
    """What `sync` tells one user."""

    def __init__(self, client: Client, rest: Rest, pause: timedelta, clock: Callable[[], datetime]) -> None:
        """`pause`: how long it is left alone when it did not work."""
        self._client, self._rest, self._pause, self._clock = client, rest, pause, clock

    @property
    def missing(self) -> bool:
        """True while `sync` is left alone: only a list of everything tells what was deleted."""
        return self._rest.until is not None and self._clock() < self._rest.until

    def believe_only_if_told(self, key: str, changed: datetime | None) -> None:
        """Leave `sync` alone unless it tells of a change that a query has told of: that of `key` at `changed`."""
        if changed is None or self.missing:
            return
        try:
            told = self._since(changed)
        except CursorExpired:
            return
        if key not in told.changed | told.deleted:
            self._rest.until = self._clock() + self._pause

    def since(self, moment: datetime) -> frozenset[str]:
        """Return ids of what was deleted at a moment of the server's clock, or later.

        Raises CursorExpired when `sync` does not work here, and Later when the whole server does not answer.
        """
        return self._since(moment).deleted

    def _ask(self, place: int) -> Any:
        """Ask once more where there was no answer: it may have been the line."""
        try:
            return self._client.ask("sync", modifiedTime=str(place), elementType="Events")
        except Later:
            return self._client.ask("sync", modifiedTime=str(place), elementType="Events")

    def _since(self, moment: datetime) -> _Told:
        place = int((moment - _SECOND).timestamp())
        changed, deleted = set[str](), set[str]()
        for _ in range(_MOST_BATCHES):
            try:
                answer = self._ask(place)
                changed.update(row["id"] for row in answer["updated"])
                deleted.update(answer["deleted"])
                more, after = bool(answer["more"]), int(answer["lastModifiedTime"])
            except Later:
                # Is it this operation, or the whole server? Then this fails as well.
                self._client.ask("listtypes")
                break
            except (Answered, KeyError, TypeError, ValueError):
                break
            if not more:
                return _Told(frozenset(changed), frozenset(deleted))
            # A batch may end within a second, and the next one begins after that: it is asked for once more.
            if after - 1 <= place:
                break
            place = after - 1
        self._rest.until = self._clock() + self._pause
        raise CursorExpired("vtiger: `sync` does not tell what was deleted")
