"""gcal_sync, an asynchronous client that nobody here wrote, finds Google in the stand-in."""

from __future__ import annotations

import asyncio
import datetime

import aiohttp
import pytest
from gcal_sync.api import GoogleCalendarService, LocalListEventsRequest, SyncEventsRequest
from gcal_sync.auth import AbstractAuth
from gcal_sync.model import DateOrDatetime, Event
from gcal_sync.store import InMemoryCalendarStore
from gcal_sync.sync import CalendarEventSyncManager

from tests.sandbox.times import START, all_day, instance, timed, weekly

SPAN = {"start_time": START - datetime.timedelta(days=1), "end_time": START + datetime.timedelta(days=60)}


class Auth(AbstractAuth):
    def __init__(self, session, host, token):
        super().__init__(session, host)
        self._token = token

    async def async_get_access_token(self):
        return self._token


@pytest.fixture
def drive(google, ana):
    """Return a function that runs a coroutine with a service for Ana."""

    def run(work):
        async def main():
            async with aiohttp.ClientSession() as session:
                auth = Auth(session, f"{google.url}/calendar/v3", ana.token)
                return await work(GoogleCalendarService(auth))

        return asyncio.run(main())

    return run


def test_it_lists_syncs_creates_and_deletes(google, ana, drive):
    ana.insert(summary="Single", **timed())
    ana.insert(summary="Whole day", **all_day(2))
    series = ana.insert(summary="Weekly", **weekly())
    ana.patch(instance(series, 1), summary="Moved", **timed(8))
    ana.delete(instance(series, 2))

    async def work(service):
        calendars = await service.async_list_calendars()
        assert [(one.id, one.primary) for one in calendars.items] == [(ana.email, True)]
        assert (await service.async_get_calendar("primary")).id == ana.email

        manager = CalendarEventSyncManager(
            service, store=InMemoryCalendarStore(), request_template=SyncEventsRequest(calendar_id=ana.email)
        )
        local = manager.store_service

        async def titles():
            await manager.run()
            found = await local.async_list_events(LocalListEventsRequest(**SPAN))
            return [event.summary for event in found.events]

        assert await titles() == ["Single", "Weekly", "Whole day", "Moved", "Weekly"]

        made = Event(
            summary="Foreign",
            start=DateOrDatetime(date_time=START + datetime.timedelta(hours=4)),
            end=DateOrDatetime(date_time=START + datetime.timedelta(hours=5)),
        )
        await local.async_add_event(made)
        ana.delete(instance(series, 1))
        google.control("POST", "counters/reset")
        assert await titles() == ["Single", "Weekly", "Foreign", "Whole day", "Weekly"]
        assert google.control("GET", "counters")["requests"] == {"events.list": 1}

        [foreign] = [row for row in ana.list() if row.get("summary") == "Foreign"]
        await service.async_patch_event(ana.email, foreign["id"], {"summary": "Renamed"})
        assert (await service.async_get_event(ana.email, foreign["id"])).summary == "Renamed"
        await local.async_delete_event(foreign["iCalUID"])
        google.control("POST", "expire", {"what": "sync_tokens"})
        assert await titles() == ["Single", "Weekly", "Whole day", "Weekly"]

    drive(work)
