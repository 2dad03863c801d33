"""The section `[crm.opencrm]`: what this tenant is like, and what may be done with it."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from calsync.model.permission import Security
from calsync.model.recurrence import known_zone

#: Fields through which a record reaches customers (1.5). They are neither read nor written, under any name.
NEVER_SENT = frozenset(
    ["sendnotificationcont", "reminder_time_cont", "showonportal", "actionplan_id", "emailplan"]
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}|", re.ASCII)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldNames(_Section):
    """Our name = the tenant's field; "" where the tenant has none: it is then neither compared nor written.

    The defaults are the names that clients of the interface are known to use (1.5); whatever is "" here may be there
    all the same, and `calsync crm probe` finds it. `start_time` equal to `start_date` means that one field holds both.
    """

    owner: str = "smownerid"
    owner_filter: str = "assigned_user_id"
    title: str = "subject"
    description: str = "description"
    location: str = ""
    start_date: str = "date_start"
    start_time: str = ""
    end_date: str = "due_date"
    end_time: str = ""
    duration_hours: str = "duration_hours"
    duration_minutes: str = ""
    all_day: str = ""
    status: str = "taskstatus"
    activity_type: str = ""
    category: str = ""
    permission: str = "permission"
    modified: str = ""
    created: str = ""

    @field_validator("*")
    @classmethod
    def _name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError('must be the name of a field, or "" when the tenant has none')
        if value in NEVER_SENT:
            raise ValueError(f"{value} reaches customers, and is never read or written")
        return value

    @field_validator("owner", "title", "start_date", "end_date")
    @classmethod
    def _needed(cls, value: str) -> str:
        if not value:
            raise ValueError("a calendar cannot do without; name the tenant's field")
        return value

    @property
    def combined(self) -> bool:
        """True when one field holds date and time of day."""
        return self.start_time == self.start_date


class PermissionRules(_Section):
    """What people may see and do: the interface sees every record (1.1), so it is decided here.

    `values`: what each value of the permission field means; an unknown one lets only the owner in. `teams`: logins by
    team. `admins` and `read_only`: logins. `edit`: who may change a record: its "owner" alone, or whomever its
    "security" lets.
    """

    values: dict[str, Security] = {}
    teams: dict[str, tuple[str, ...]] = {}
    admins: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    edit: Literal["owner", "security"] = "owner"


class FixedUser(_Section):
    """A user who is named in the configuration, for a tenant that does not list its users over the interface (5)."""

    id: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
    email: str = ""
    name: str = ""


class OpenCrmOptions(_Section):
    """Everything about one tenant."""

    base_url: str = ""
    key_file: str = "opencrm.key"
    passkey_file: str = "opencrm.passkey"
    auth: Literal["form", "headers", "login"] = "form"
    timezone: str = "Europe/London"
    token_field: str = ""
    delete: Literal["cancel", "refuse"] = "cancel"
    cancelled_status: str = "Cancelled"
    also_cancelled: tuple[str, ...] = ()
    new_status: str = ""
    new_type: str = ""
    ignored_types: tuple[str, ...] = ("Task", "Emails")
    occurrence_days: Annotated[int, Field(ge=1, le=3660)] = 90
    vendor_sync_off: bool = False
    limit_end: Literal["index", "count"] = "index"
    page_size: Annotated[int, Field(ge=1, le=1000)] = 100
    count_check: bool = True
    entities: bool = False
    title_limit: Annotated[int, Field(ge=0)] = 0
    location_limit: Annotated[int, Field(ge=0)] = 0
    requests_per_second: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0
    daily_requests: Annotated[int, Field(ge=0)] = 0
    scan_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 900
    recent_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20
    users_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 3600
    users: dict[str, FixedUser] = {}
    fields: FieldNames = FieldNames()
    permissions: PermissionRules = PermissionRules()

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        if not value:
            return value
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("must be the tenant's address, e.g. https://TENANT.opencrm.co.uk")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("must be https outside loopback")
        return value.rstrip("/")

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        if known_zone(value) is None:
            raise ValueError("is no time zone of the tz database, e.g. Europe/London")
        return value

    @field_validator("token_field")
    @classmethod
    def _token_field(cls, value: str) -> str:
        if not _NAME.fullmatch(value) or value in NEVER_SENT:
            raise ValueError('must be the name of a custom field such as cf_123, or ""')
        return value

    @property
    def cancelled(self) -> frozenset[str]:
        """Statuses, in lower case, in which an activity does not take place."""
        return frozenset(status.lower() for status in (self.cancelled_status, *self.also_cancelled) if status)
