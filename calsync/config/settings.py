"""The settings as values: every key, its default, and what it may be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from calsync.config.section import LOOPBACK, Section, checked_url
from calsync.config.web import ConsentSettings, MailSettings, WebSettings
from calsync.crm.opencrm.options import OpenCrmOptions
from calsync.model.permission import Level, Relation
from calsync.model.policy import (
    Brake,
    Direction,
    GuestMail,
    Policy,
    PrivateEvents,
    Winner,
)
from calsync.model.push import Filter, Trait, fold
from calsync.model.recurrence import known_zone

_KEY_HINT = "put it back from a backup; for a new installation `calsync init` makes one, which reads no other's database"


class ConfigError(Exception):
    """The configuration cannot be used; the text is one line for the operator."""


class DatabaseSettings(Section):
    """Where calsync keeps what it knows."""

    url: str = "sqlite:///calsync.db"


class SecretSettings(Section):
    """Where keys are."""

    key_file: str = "calsync.keys"


class GoogleSettings(Section):
    """The OAuth client and Google's addresses."""

    client_id: str = ""
    client_secret_file: str = "google-client-secret"
    api_root: str = "https://www.googleapis.com/calendar/v3/"
    auth_uri: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token_uri: str = "https://oauth2.googleapis.com/token"
    revoke_uri: str = "https://oauth2.googleapis.com/revoke"
    jwks_uri: str = "https://www.googleapis.com/oauth2/v3/certs"
    issuer: str = "https://accounts.google.com"

    @field_validator("api_root", "auth_uri", "token_uri", "revoke_uri", "jwks_uri", "issuer")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        if checked_url(value).scheme == "http" and urlsplit(value).hostname not in LOOPBACK:
            raise ValueError("must be https outside loopback")
        return value

    @field_validator("api_root")
    @classmethod
    def _root(cls, value: str) -> str:
        return value if value.endswith("/") else value + "/"


class BrakeSettings(Section):
    """When deletions are held."""

    count: Annotated[int, Field(ge=0)] = 10
    share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.05


def _push(value: Any) -> Any:
    if not isinstance(value, list):
        raise ValueError('must be a list such as ["mine", "invited"]')
    for entry in value:
        relation, _, amount = str(entry).partition(":")
        if relation not in set(Relation) or amount not in ("", "busy", "full"):
            raise ValueError(
                f'{entry!r} is not one of mine, invited, team, each alone or with ":busy" or ":full"'
            )
    return tuple(value)


#: How much goes out, as it is written behind a name; without one, "full".
_AMOUNTS = {"none": Level.NONE, "busy": Level.BUSY, "full": Level.READ}


def _amount(entry: str) -> tuple[str, Level]:
    """Return the word of an entry of a filter, as it is compared, and how much goes out for it.

    A word may have colons of its own: only an amount behind the last one is taken for one.
    """
    word, colon, amount = entry.rpartition(":")
    if not colon or amount not in _AMOUNTS:
        word, amount = entry, "full"
    return fold(word) or "", _AMOUNTS[amount]


def _filter(value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValueError('must be a list such as ["Meeting", "Call:busy"], with "*" for all others')
    words = [_amount(entry)[0] for entry in value]
    for word in words:
        if words.count(word) > 1:
            raise ValueError(f"names {word!r} twice")
    return tuple(value)


_Filter = Annotated[tuple[str, ...], BeforeValidator(_filter)]


class SyncSettings(Section):
    """What crosses, and how."""

    poll_seconds: Annotated[float, Field(ge=2, allow_inf_nan=False)] = 300
    past_days: Annotated[int, Field(ge=0, le=36500)] = 60
    future_days: Annotated[int, Field(ge=1, le=36500)] = 365
    direction: Direction = Direction.BOTH
    conflict: Winner = Winner.MERGE
    private_events: PrivateEvents = PrivateEvents.BUSY
    guests: Literal["keep", "write"] = "keep"
    guest_mail: GuestMail = GuestMail.NONE
    push: Annotated[tuple[str, ...], BeforeValidator(_push)] = ("mine", "invited")
    push_types: _Filter = ()
    push_statuses: _Filter = ()
    push_categories: _Filter = ()
    delete_brake: BrakeSettings = BrakeSettings()

    @model_validator(mode="after")
    def _guests_are_shown_all(self) -> Self:
        amounts = {level for relation, level in map(_push_rule, self.push) if relation is Relation.INVITED}
        if self.guests == "write" and amounts == {Level.BUSY}:
            raise ValueError(
                'with guests = "write" Google itself shows a meeting in full to those who are invited, so that '
                'push cannot hold "invited:busy"; write guests = "keep", or "invited"'
            )
        return self

    def policy(self) -> Policy:
        """Return these settings as the engine's policy."""
        return Policy(
            past_days=self.past_days,
            future_days=self.future_days,
            direction=self.direction,
            winner=self.conflict,
            private_events=self.private_events,
            guests_write=self.guests == "write",
            guest_mail=self.guest_mail,
            push=tuple(_push_rule(entry) for entry in self.push),
            filters=self._filters(),
            brake=Brake(self.delete_brake.count, self.delete_brake.share),
        )

    def _filters(self) -> tuple[Filter, ...]:
        """Return the filters that say something."""
        entries = {
            Trait.TYPE: self.push_types,
            Trait.STATUS: self.push_statuses,
            Trait.CATEGORY: self.push_categories,
        }
        return tuple(Filter(trait, tuple(map(_amount, some))) for trait, some in entries.items() if some)


def _push_rule(entry: str) -> tuple[Relation, Level]:
    relation, _, amount = entry.partition(":")
    return Relation(relation), Level.BUSY if amount == "busy" else Level.READ


class PrivacySettings(Section):
    """Who is responsible for people's data, and how their rights are dealt with."""

    controller: str = ""
    contact: str = ""
    time_zone: str = "Europe/London"
    erasure_list: str = ""
    security_audit: bool = False

    @field_validator("time_zone")
    @classmethod
    def _time_zone(cls, value: str) -> str:
        if known_zone(value) is None:
            raise ValueError("must be the name of a time zone, e.g. Europe/London")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose calendar days count for requests."""
        return ZoneInfo(self.time_zone)


class DaemonSettings(Section):
    """How the daemon runs."""

    workers: Annotated[int, Field(ge=1, le=64)] = 8
    state_dir: str = ""


class CrmSettings(BaseModel):
    """Which CRM, and the sections of its adapter."""

    model_config = ConfigDict(extra="allow", frozen=True)
    backend: str = "builtin"
    opencrm: OpenCrmOptions = OpenCrmOptions()

    def options(self) -> Mapping[str, Any]:
        """Return the section of the chosen backend."""
        if self.backend == "opencrm":
            return self.opencrm.model_dump()
        section = (self.model_extra or {}).get(self.backend, {})
        return section if isinstance(section, dict) else {}


class Settings(BaseModel):
    """The whole configuration; `path` is the file it came from."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    database: DatabaseSettings = DatabaseSettings()
    web: WebSettings = WebSettings()
    secrets: SecretSettings = SecretSettings()
    google: GoogleSettings = GoogleSettings()
    crm: CrmSettings = CrmSettings()
    sync: SyncSettings = SyncSettings()
    consent: ConsentSettings = ConsentSettings()
    mail: MailSettings = MailSettings()
    daemon: DaemonSettings = DaemonSettings()
    privacy: PrivacySettings = PrivacySettings()
    path: Path = Path("calsync.toml")

    @model_validator(mode="after")
    def _codes_need_mail(self) -> Self:
        if self.consent.identity_code == "mail" and not self.mail.host:
            raise ValueError('consent.identity_code: "mail" needs mail.host and mail.sender')
        return self

    def with_backend(self, name: str) -> Settings:
        """Return these settings with another CRM; its section is that of the file."""
        return self.model_copy(update={"crm": self.crm.model_copy(update={"backend": name})})

    @property
    def directory(self) -> Path:
        """The directory of the file; relative paths start there."""
        return self.path.resolve().parent

    def database_url(self) -> str:
        """Return the database URL with a relative SQLite path made absolute; ConfigError for a bad one."""
        try:
            url = make_url(self.database.url)
        except ArgumentError:
            raise ConfigError(
                f"database.url: {_mask(self.database.url)!r} is not a database URL; {_URLS}"
            ) from None
        if url.drivername not in ("sqlite", "postgresql+psycopg", "postgresql"):
            raise ConfigError(f"database.url: {url.drivername!r} is not supported; {_URLS}")
        if url.drivername == "sqlite":
            if not url.database:
                raise ConfigError(f"database.url: names no file; {_URLS}")
            return f"sqlite:///{self.directory / url.database}"
        return self.database.url

    def state_directory(self) -> Path:
        """Return where locks and instance files are."""
        if self.daemon.state_dir:
            return self.directory / self.daemon.state_dir
        if os.environ.get("STATE_DIRECTORY"):
            return Path(os.environ["STATE_DIRECTORY"].split(":")[0])
        url = self.database_url()
        return Path(url.removeprefix("sqlite:///")).parent if url.startswith("sqlite") else self.directory

    def erasure_lists(self) -> list[Path]:
        """Return directories where the list of erasures may be, best first: beside the key ring, else the state's.

        It must not be in the backup of the database; under systemd, credentials lie where nothing can be written.
        """
        if self.privacy.erasure_list:
            return [self.directory / self.privacy.erasure_list]
        keys = (self.directory / self.secrets.key_file).parent
        return list(dict.fromkeys([keys, self.state_directory()]))

    def secret_path(self, name: str) -> Path:
        """Return where a secret file is: a bare name is looked up in $CREDENTIALS_DIRECTORY first."""
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        if directory and "/" not in name and (Path(directory) / name).exists():
            return Path(directory) / name
        return self.directory / name

    def secret(self, key: str, name: str) -> str:
        """Return the text of the secret file `name` that the key `key` is about; ConfigError."""
        path = self.secret_path(name)
        hint = "put the secret there" if key.startswith(("google", "crm", "mail")) else _KEY_HINT
        try:
            text = path.read_text().strip()
        except OSError as error:
            raise ConfigError(f"{key}: {path} cannot be read ({error.strerror}); {hint}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"{key}: {path} is not text; {hint}") from None
        if not text:
            raise ConfigError(f"{key}: {path} is empty; {hint}")
        return text


SECTIONS = tuple(name for name in Settings.model_fields if name != "path")

_URLS = "use sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"


def _mask(url: str) -> str:
    return url.split("@")[-1][:80]
