"""What happens to databases and processes: the CRM's own tables are not touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import insert, select

from calsync.store.database import metadata, reading, writing
from tests.house import House

Backup = dict[str, list[dict[str, Any]]]


def lose_database(house: House) -> None:
    """Empty the engine's tables; key ring and instance secret are left, as files."""
    with writing(house.parts.engine) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    house.parts.credentials.clear()


def back_up(house: House) -> Backup:
    """Return the engine's tables."""
    with reading(house.parts.engine) as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in metadata.sorted_tables
        }


def put_back(house: House, backup: Backup) -> None:
    """Make the engine's tables what they were."""
    lose_database(house)
    with writing(house.parts.engine) as connection:
        for table in metadata.sorted_tables:
            if backup[table.name]:
                connection.execute(insert(table), backup[table.name])


def consent_anew(house: House, user: str) -> dict[str, Any]:
    """Let a person consent after the loss, and return the first round."""
    house.connect(user, f"{user}@example.com")
    return house.resync(user)


class Death(BaseException):
    """The process ends here: nothing of it runs any more, not even an `except Exception`."""


def dies(house: House, user: str, owner: Any, name: str, after: bool = False) -> None:
    """Run a round whose process dies when it calls `owner.name`, or when that returns."""

    def last(*arguments: Any, **named: Any) -> None:
        if after:
            done = real(*arguments, **named)
            # What is made one by one would otherwise never be made.
            list(done or ())
        raise Death

    real = getattr(owner, name)
    with patch.object(owner, name, last), pytest.raises(Death):
        house.resync(user)


@contextmanager
def meanwhile(owner: Any, name: str, deed: Callable[[], object], after: bool = False) -> Iterator[None]:
    """Let somebody do something once, when `owner.name` is called, or when it returns."""
    real, left = getattr(owner, name), [deed]

    def amid(*arguments: Any, **named: Any) -> Any:
        todo = [left.pop()] if left else []
        for one in todo if not after else ():
            one()
        answer = real(*arguments, **named)
        for one in todo if after else ():
            one()
        return answer

    with patch.object(owner, name, amid):
        yield
