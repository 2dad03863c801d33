"""Everything a tenant knows: users, activities, who has written what, and which customers were told."""

from __future__ import annotations

import pickle
import secrets
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from calsync.sandbox.faults import Fault
from calsync.sandbox.opencrm.switches import Switches, of_profile

API_KEY, PASS_KEY = "sandbox-api-key", "sandbox-pass-key"

#: The user to whom records go that name no owner.
API_USER = 1

#: Values of `permission` in this tenant, and what the record's "Security" says in the web application.
SECURITY = {
    "0": "public_read",
    "1": "public_edit",
    "2": "public_delete",
    "3": "private",
    "4": "private_group",
    "5": "global",
}

#: Fields that reach customers when they are set.
CONTACTING = ("sendnotificationcont", "reminder_time_cont", "showonportal", "actionplan_id", "emailplan")

#: Fields that say together when an activity is: of two changes of some of them, one is lost.
TIMES = frozenset({"date_start", "time_start", "due_date", "time_end", "notime"})

#: An activity's fields under their own names, and what a new one has.
FIELDS: dict[str, str] = {
    "smownerid": "",
    "permission": "0",
    "subject": "",
    "description": "",
    "taskstatus": "Planned",
    "taskpriority": "Medium",
    "activitytype": "Meeting",
    "date_start": "",
    "time_start": "",
    "due_date": "",
    "time_end": "",
    "duration_hours": "",
    "duration_minutes": "",
    "notime": "0",
    "location": "",
    "parent_id": "",
    "contact_id": "",
    "accountid": "",
    "category": "",
    "sendnotification": "0",
    "reminder_time": "0",
    "createdtime": "",
    "modifiedtime": "",
    **dict.fromkeys(CONTACTING, "0"),
}


@dataclass(slots=True)
class User:
    """A CRM user; role and teams show in the web application only."""

    id: int
    login: str
    email: str
    name: str
    status: str = "Active"
    role: str = "standard"
    teams: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Activity:
    """A record; times of day and dates are wall clock of the tenant, `created` and `modified` are aware."""

    id: int
    values: dict[str, str]
    created: datetime
    modified: datetime
    deleted: bool = False
    #: Fields that people have changed since this activity was last read over the interface, alone.
    unseen: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Written:
    """One write over the interface: its fields as they were sent."""

    method: str
    crmid: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Overtaken:
    """An activity as it was when a write over the interface replaced, or cancelled, what no read could have shown.

    `names`: the fields that people had changed since the last read, and the write has replaced.
    """

    crmid: str
    names: tuple[str, ...]
    values: dict[str, str]


@dataclass(slots=True)
class Tenant:
    """The state behind the server; every access holds `lock`."""

    zone: str = "Europe/London"
    switches: Switches = field(default_factory=Switches)
    users: dict[str, User] = field(default_factory=dict)
    activities: dict[int, Activity] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    writes: list[Written] = field(default_factory=list)
    letters: list[dict[str, str]] = field(default_factory=list)
    overtaken: list[Overtaken] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    recent: deque[float] = field(default_factory=deque)
    clock_offset: timedelta = timedelta(0)
    last_id: int = 1000

    def now(self) -> datetime:
        """Return the time by this tenant's clock."""
        return datetime.now(UTC).replace(microsecond=0) + self.clock_offset

    def local(self, moment: datetime) -> str:
        """Return an instant as this tenant writes it: wall clock without offset."""
        return f"{moment.astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M:%S}"

    def add_user(self, login: str, email: str, name: str = "", role: str = "", teams: str = "") -> User:
        """Add a user, or return the one who is there; `teams`: names parted by commas."""
        if login not in self.users:
            parted = [team for team in teams.split(",") if team]
            number = 10 + len(self.users)
            self.users[login] = User(
                number, login, email, name or login, "Active", role or "standard", parted
            )
        return self.users[login]

    def user_by_id(self, number: str) -> User | None:
        """Return a user by id."""
        return next((user for user in self.users.values() if str(user.id) == number), None)

    def add(self, values: dict[str, str]) -> Activity:
        """Store a new activity as it comes: nothing is checked."""
        self.last_id += 1
        now = self.now()
        made = Activity(self.last_id, dict(FIELDS), now, now)
        self.activities[made.id] = made
        self.change(made, values)
        return made

    def change(self, activity: Activity, values: dict[str, str]) -> None:
        """Give an activity other values, cut to what the tenant keeps."""
        limits = {"subject": self.switches.subject_limit, "location": self.switches.location_limit}
        for name, value in values.items():
            limit = limits.get(name, 0)
            activity.values[name] = value[:limit] if limit else value
        activity.modified = self.now()
        for name in CONTACTING:
            if values.get(name, "0") not in ("", "0"):
                self.letters.append({"activity": str(activity.id), "field": name})

    def edit(self, activity: Activity, values: dict[str, str]) -> None:
        """Change an activity as a person does."""
        activity.unseen |= {name for name, value in values.items() if value != activity.values.get(name)}
        self.change(activity, values)

    def overtake(self, activity: Activity, values: dict[str, str]) -> None:
        """Note what a write over the interface is about to replace unseen; a change of status concerns all of it."""
        names = values.keys() | (TIMES if TIMES & values.keys() else set())
        replaced = activity.unseen if "taskstatus" in values else activity.unseen & names
        if replaced:
            self.overtaken.append(Overtaken(str(activity.id), tuple(sorted(replaced)), dict(activity.values)))
            activity.unseen -= replaced

    def may_see(self, user: User, activity: Activity) -> bool:
        """Return whether the web application shows a record to a user."""
        owner = self.user_by_id(activity.values["smownerid"])
        if owner is not None and owner.login == user.login:
            return True
        security = SECURITY.get(activity.values["permission"], "")
        if security == "private" or not security:
            return False
        if security == "private_group":
            shared = set(user.teams) & set(owner.teams if owner else ())
            return user.role == "admin" or bool(shared)
        return True

    def open_session(self) -> str:
        """Return a fresh access key."""
        key = secrets.token_hex(16)
        self.sessions.add(key)
        return key

    def save(self, path: Path) -> None:
        """Write the state to a file, atomically."""
        draft = path.with_suffix(".new")
        draft.write_bytes(pickle.dumps(self))
        draft.replace(path)


def load(path: Path | None, profile: str) -> Tenant:
    """Return the state that `Tenant.save` wrote, or a new tenant; TypeError when the file holds something else."""
    if path is None or not path.exists():
        return Tenant(switches=of_profile(profile))
    tenant = pickle.loads(path.read_bytes())
    if not isinstance(tenant, Tenant):
        raise TypeError(f"{path.name} holds no state of this stand-in; remove it to begin anew")
    return tenant


#: One request at a time: the stand-in is about semantics, not throughput.
lock = threading.RLock()
