"""Google's error envelopes (Calendar API: Handle API errors)."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A request that is answered with an error."""

    def __init__(
        self, status: int, reason: str, message: str, domain: str = "global", location: str = ""
    ) -> None:
        super().__init__(reason)
        self.status, self.reason, self.message = status, reason, message
        self.domain, self.location = domain, location

    def body(self) -> dict[str, Any]:
        """Return the JSON body: the backend's shape, or the front end's for failures of authentication."""
        detail: dict[str, Any] = {"domain": self.domain, "reason": self.reason, "message": self.message}
        if self.location:
            kind = "header" if self.location[0].isupper() else "parameter"
            detail |= {"locationType": kind, "location": self.location}
        error: dict[str, Any] = {"errors": [detail], "code": self.status, "message": self.message}
        if self.reason in {"authError", "required"} and self.status == 401:
            error["status"] = "UNAUTHENTICATED"
        if self.reason == "insufficientPermissions":
            error |= {"status": "PERMISSION_DENIED", "details": [_SCOPE_INSUFFICIENT]}
        return {"error": error}


_SCOPE_INSUFFICIENT = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "domain": "googleapis.com",
    "metadata": {"service": "calendar-json.googleapis.com"},
}

#: Domain and message of reasons that faults are ordered by.
_KNOWN = {
    "backendError": ("global", "Backend Error"),
    "rateLimitExceeded": ("usageLimits", "Rate Limit Exceeded"),
    "userRateLimitExceeded": ("usageLimits", "User Rate Limit Exceeded"),
    "quotaExceeded": ("usageLimits", "Calendar usage limits exceeded."),
    "dailyLimitExceeded": ("usageLimits", "Daily Limit Exceeded"),
    "accessNotConfigured": ("usageLimits", "Access Not Configured."),
    "notFound": ("global", "Not Found"),
    "forbidden": ("global", "Forbidden"),
    "conditionNotMet": ("global", "Precondition Failed"),
    "duplicate": ("global", "The requested identifier already exists."),
    "fullSyncRequired": ("calendar", "Sync token is no longer valid, a full sync is required."),
    "authError": ("global", "Invalid Credentials"),
}


def of_reason(status: int, reason: str) -> ApiError:
    """Return the error that Google would answer for a reason, or a plain one for an unknown reason."""
    domain, message = _KNOWN.get(reason, ("global", reason))
    return ApiError(status, reason, message, domain)


def not_found() -> ApiError:
    """404 for an unknown event or calendar."""
    return ApiError(404, "notFound", "Not Found")


def gone() -> ApiError:
    """410 for deleting what is deleted."""
    return ApiError(410, "deleted", "Resource has been deleted")


def forbidden() -> ApiError:
    """403 for bringing a deleted event back without saying so."""
    return ApiError(403, "forbidden", "Forbidden")


def forbidden_for_guest() -> ApiError:
    """403 for a guest who changes what only the organiser may."""
    message = "Shared properties can only be changed by the organizer of the event."
    return ApiError(403, "forbiddenForNonOrganizer", message, "calendar")


def sequence_too_low() -> ApiError:
    """400 for a revision below the stored one."""
    message = (
        "Invalid sequence value. The specified sequence number is below the current sequence number of the "
        "resource. Re-fetch the resource and use its sequence number on the following request."
    )
    return bad("invalid", message)


def empty_range() -> ApiError:
    """400 for a time range that ends before it begins."""
    return ApiError(400, "timeRangeEmpty", "The specified time range is empty.", "calendar", "timeMax")


def login_required() -> ApiError:
    """401 for a request without credentials."""
    return ApiError(401, "required", "Login Required.", location="Authorization")


def invalid_credentials() -> ApiError:
    """401 for a token that is unknown, expired or revoked."""
    return ApiError(401, "authError", "Invalid Credentials", location="Authorization")


def updated_min_too_long_ago() -> ApiError:
    """410 for an updatedMin beyond what is remembered of deletions."""
    message = "The requested minimum modification time lies too far in the past."
    return ApiError(410, "updatedMinTooLongAgo", message, "calendar", "updatedMin")


def sync_token_expired() -> ApiError:
    """410 for a sync token that is no longer valid."""
    message = "Sync token is no longer valid, a full sync is required."
    return ApiError(410, "fullSyncRequired", message, "calendar", "syncToken")


def bad(reason: str, message: str, location: str = "") -> ApiError:
    """400 with a reason."""
    return ApiError(400, reason, message, "global", location)


def precondition_failed() -> ApiError:
    """412 for an If-Match that does not match."""
    return ApiError(412, "conditionNotMet", "Precondition Failed", "global", "If-Match")


def duplicate() -> ApiError:
    """409 for an id that was used before."""
    return ApiError(409, "duplicate", "The requested identifier already exists.")
