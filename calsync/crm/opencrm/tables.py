"""What is remembered of a tenant between rounds: ids and keyed digests, no content."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, MetaData, String, Table

from calsync.annotation import about

metadata = MetaData()

#: What a calendar has shown. `seq`: the scan in which it last changed. `expected`: a scan of its `year` lists it.
seen = Table(
    "opencrm_seen",
    metadata,
    Column("login", String(200), primary_key=True),
    Column("key", String(32), primary_key=True),
    Column("version", String(64), nullable=False),
    Column("year", String(4), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("expected", Boolean, nullable=False),
    info=about(
        owner="login",
        why="to tell changes and deletions of a tenant whose interface tells neither",
        life="until erasure",
        technical="seq expected",
        logins="login",
        keys="key",
        digests="version",
        times="year",
    ),
)
