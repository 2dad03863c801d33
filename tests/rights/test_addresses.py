"""Network addresses: cut off before anything sees them, and whole only where an operator has asked for it."""

from __future__ import annotations

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as some

from calsync.privacy.addresses import truncated
from calsync.sandbox.stage import Stage
from calsync.store import security_audit
from calsync.store.database import reading, writing
from calsync.web.visitors import Truncated


@pytest.mark.parametrize(
    ("address", "cut"),
    [
        ("192.0.2.77", "192.0.2.0"),
        ("::ffff:192.0.2.77", "192.0.2.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("[2001:db8:1:2::3]", "2001:db8:1::"),
        ("unix:", ""),
        ("", ""),
        ("ana.example.com", ""),
    ],
)
def test_an_address_is_cut_off(address, cut):
    assert truncated(address) == cut


@given(some.ip_addresses(v=4).map(str), some.integers(0, 255))
def test_neighbours_look_the_same(address, last):
    assert truncated(address) == truncated(f"{address.rpartition('.')[0]}.{last}")


class Shown:
    """An application that remembers what it was shown."""

    async def __call__(self, scope, receive, send):
        self.scope = scope


def serve(parts, client, headers=()):
    import asyncio

    shown = Shown()
    scope = {"type": "http", "client": client, "headers": list(headers)}
    asyncio.run(Truncated(shown, parts)(scope, None, None))
    return shown.scope


def test_no_application_sees_a_whole_address(house):
    naming = [
        (b"X-Forwarded-For", b"192.0.2.77"),
        (b"forwarded", b"for=192.0.2.77"),
        (b"x-real-ip", b"192.0.2.77"),
    ]
    scope = serve(house.parts, ("192.0.2.77", 40000), [*naming, (b"accept", b"*/*")])
    assert scope["client"] == ("192.0.2.0", 0)
    assert scope["headers"] == [(b"accept", b"*/*")]
    assert "192.0.2.77" not in repr(scope)
    assert serve(house.parts, None)["client"] == ("", 0)


@pytest.mark.parametrize("asked", [False, True])
def test_a_consents_whole_address_is_kept_sealed_only_where_that_is_asked_for(tmp_path, asked):
    from calsync.config import load
    from calsync.wiring import open_parts

    with Stage(tmp_path, {"poll_seconds": 60}) as stage:
        stage.environment["CALSYNC_PRIVACY__SECURITY_AUDIT"] = str(asked).lower()
        stage.start_daemon("web", "daemon")
        stage.add_person("ana")
        assert stage.connect("ana").url.endswith("/me")
        requests.get(f"{stage.url}/me", headers={"X-Forwarded-For": "198.51.100.7"}, timeout=20)
        parts = open_parts(load(str(stage.config)))
        with reading(parts.engine) as connection:
            found = security_audit.everything(connection, parts.vault, "ana")
        assert [(one.act, one.address) for one in found] == [("consent.given", "127.0.0.1")] * asked
        parts.close()
        kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name != "google.state")
        assert b"198.51.100.7" not in kept


def test_whole_addresses_are_forgotten_after_ninety_days_and_with_the_person(house):
    from calsync.rights.erasure import Copies, erase
    from calsync.rights.retention import sweep
    from calsync.store.audit import COMMAND_LINE

    def note(user):
        with writing(house.parts.engine) as connection:
            sealed = security_audit.seal(house.parts.vault, "192.0.2.77")
            security_audit.note(connection, "consent.given", user, sealed, house.clock())

    def kept():
        with reading(house.parts.engine) as connection:
            return [one.user for one in security_audit.everything(connection, house.parts.vault)]

    note("ana")
    note("")
    house.clock.advance(days=89)
    sweep(house.parts)
    assert kept() == ["ana", ""]
    erase(house.parts, "ana", Copies(), COMMAND_LINE)
    assert kept() == [""]
    house.clock.advance(days=2)
    sweep(house.parts)
    assert kept() == []
