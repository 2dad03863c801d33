"""`/metrics` for Prometheus: states and counts, nothing by person; for this machine, or with the operator token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from fastapi import FastAPI, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from calsync.store import standing
from calsync.store.accounts import RUNNING, State
from calsync.store.database import reading
from calsync.store.standing import Standing
from calsync.web.limits import network_of
from calsync.web.site import Site
from calsync.web.token import check_bearer
from calsync.wiring import Parts

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def add_metrics(app: FastAPI, site: Site) -> None:
    """Add the route."""
    site.counting.registry.register(_Accounts(site.parts))

    @app.get("/metrics")
    def metrics(request: Request) -> Response:
        if not _is_local(request):
            check_bearer(site, request)
        return Response(generate_latest(site.counting.registry), media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    """Return whether a caller on this machine asks, and not a proxy on behalf of somebody else.

    A proxy that forwards no address may still pass on the name that it was called by.
    """
    forwarded = {"x-forwarded-for", "forwarded", "via"} & set(request.headers)
    host = request.client.host if request.client else ""
    name = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    return not forwarded and network_of(host) is None and name in _LOOPBACK_NAMES


class _Accounts(Collector):
    """What the database tells at the moment of the question."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        parts = self._parts
        poll = timedelta(seconds=parts.settings.sync.poll_seconds)
        with reading(parts.engine) as connection:
            everyone = standing.everyone(connection, parts.vault, parts.clock(), poll)
        states = GaugeMetricFamily("calsync_accounts", "Accounts by state.", labels=["state"])
        found = Counter(one.state for one in everyone)
        for state in State:
            states.add_metric([state.value], found[state])
        yield states
        yield from _sums(everyone)
        yield GaugeMetricFamily(
            "calsync_interlock", "1 when this installation may not write.", int(bool(parts.interlock))
        )

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Say nothing beforehand: registering must not ask the database."""
        return []


def _sums(everyone: list[Standing]) -> Iterator[GaugeMetricFamily]:
    lags = [one.lag.total_seconds() for one in everyone if one.state in RUNNING]
    yield GaugeMetricFamily("calsync_lag_seconds_max", "Longest time out of step.", max(lags, default=0.0))
    yield GaugeMetricFamily(
        "calsync_conflicts", "Values that lost and are kept.", sum(one.conflicts for one in everyone)
    )
    yield GaugeMetricFamily(
        "calsync_quarantined", "Events that are set aside.", sum(one.quarantined for one in everyone)
    )
    yield GaugeMetricFamily(
        "calsync_held_deletions", "Deletions that wait for a word.", sum(one.held_back for one in everyone)
    )
