"""What happens to databases: lost, or put back as they were; the CRM's own tables are not touched."""

from __future__ import annotations

from typing import Any

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
