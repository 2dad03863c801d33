"""What the web server counts about itself, for /metrics: by route and reason, never by person or address."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class Counting:
    """The counters of one web server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._answers = Counter(
            "calsync_http_answers",
            "Answers by route and class of status.",
            ["route", "status"],
            registry=self.registry,
        )
        self._limited = Counter(
            "calsync_http_limited", "Requests refused by a rate limit.", ["rule"], registry=self.registry
        )
        self._refused = Counter(
            "calsync_consent_refused", "Consents that were refused.", ["reason"], registry=self.registry
        )
        self._logins = Counter(
            "calsync_operator_logins", "Logins to the operators' pages.", ["outcome"], registry=self.registry
        )

    def answered(self, route: str, status: int) -> None:
        """Count an answer; `route` is a template such as "/connect/{secret}", never a path."""
        self._answers.labels(route, f"{status // 100}xx").inc()

    def limited(self, rule: str) -> None:
        """Count a request that came too often."""
        self._limited.labels(rule).inc()

    def refused(self, reason: str) -> None:
        """Count a refused consent."""
        self._refused.labels(reason).inc()

    def logged_in(self, outcome: str) -> None:
        """Count a login: "ok" or "refused"."""
        self._logins.labels(outcome).inc()
