"""From settings to parts: the only place that knows every package.

Google's libraries are loaded when they are used: most commands do without, and answer sooner.
"""

from __future__ import annotations

import gc
import os
import threading
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, MetaData
from sqlalchemy.exc import SQLAlchemyError

from calsync.config import ConfigError, Settings
from calsync.crm.occurrences import OccurrencesSide
from calsync.crm.port import CrmBackend, CrmContext, Misconfigured, WithoutSeries, load
from calsync.mail import Mailer, Security
from calsync.model.errors import ConsentLost
from calsync.model.policy import Policy
from calsync.schema import SchemaTooNew
from calsync.store import instance
from calsync.store.accounts import Account
from calsync.store.database import open_database
from calsync.store.migrations import upgrade
from calsync.store.vault import RingKey, Vault, VaultError, parse_ring

if TYPE_CHECKING:
    from google.oauth2.credentials import Credentials

    from calsync.google.oauth import GoogleOAuth
    from calsync.google.side import GoogleSide
    from calsync.google.transport import Service


#: Objects made before Python looks for cycles among them. A page of events makes many times its usual 700, of which
#: none is garbage before the page is settled: looking at them over and over took a fifth of a pull.
GARBAGE_THRESHOLDS = (50_000, 20, 100)


def utc_now() -> datetime:
    """Return the time: the only clock of the program."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Parts:
    """Everything a command or the daemon works with."""

    settings: Settings
    engine: Engine
    vault: Vault
    crm: CrmBackend
    policy: Policy
    state_dir: Path
    clock: Callable[[], datetime] = utc_now
    stopping: threading.Event = field(default_factory=threading.Event)
    #: Why nothing may be written with this database, as a sentence for the operator; "" when all is well.
    interlock: str = ""
    #: Access tokens live in memory only: one credentials object an account.
    credentials: dict[int, Credentials] = field(default_factory=dict)
    mailer: Mailer | None = None
    _service: Service | None = None
    _oauth: GoogleOAuth | None = None

    @property
    def oauth(self) -> GoogleOAuth:
        """The OAuth client; ConfigError when it is not configured."""
        if self._oauth is None:
            self._oauth = _oauth(self.settings)
        return self._oauth

    @property
    def service(self) -> Service:
        """Google's calendar service, built once."""
        if self._service is None:
            from calsync.google.transport import Service

            google = self.settings.google
            self._service = Service(google.api_root, self.clock, google.token_uri)
        return self._service

    def google_side(self, account: Account) -> GoogleSide | OccurrencesSide:
        """Return an account's Google calendar, as the CRM can hold it; ConsentLost when there is no token any more."""
        from calsync.google.side import CopyRules, GoogleSide
        from calsync.google.transport import Transport

        transport = Transport(self.service, self._credentials(account), self.stopping)
        secret = self.vault.secret("google ids")
        rules = CopyRules(
            secret,
            f"{account.user}|{account.subject_digest}|{account.calendar}",
            account.address.lower(),
            self.policy.guests_write,
            self.policy.guest_mail,
        )
        side = GoogleSide(transport, account.calendar, rules)
        if not isinstance(self.crm, WithoutSeries):
            return side
        today = self.clock().astimezone(UTC).date()
        last = min(today + timedelta(days=self.crm.occurrence_days), self.policy.window(self.clock()).last)
        return OccurrencesSide(side, today, last, self.vault.secret("occurrences"))

    def _credentials(self, account: Account) -> Credentials:
        token = account.refresh_token()
        if token is None:
            raise ConsentLost("consent has ended")
        known = self.credentials.get(account.id)
        if known is None or known.refresh_token != token:
            known = self.credentials[account.id] = self.oauth.credentials(token)
        return known

    def check_interlock(self) -> None:
        """See whether this installation may write with its database; `interlock` says why not."""
        try:
            instance.check(self.engine, self.state_dir, self.clock())
            self.interlock = ""
        except instance.NotAdopted as error:
            self.interlock = str(error)

    def crm_metadata(self) -> list[MetaData]:
        """Return what describes the tables that the CRM's adapter keeps in this database."""
        found = getattr(self.crm, "metadata", None)
        return [found] if found is not None else []

    def close(self) -> None:
        """Release the database."""
        self.engine.dispose()


def _oauth(settings: Settings) -> GoogleOAuth:
    google = settings.google
    if not google.client_id:
        raise ConfigError("google.client_id: is empty; put the OAuth client's id there")
    from calsync.google.oauth import GoogleOAuth

    return GoogleOAuth(
        client_id=google.client_id,
        client_secret=settings.secret("google.client_secret_file", google.client_secret_file),
        auth_uri=google.auth_uri,
        token_uri=google.token_uri,
        revoke_uri=google.revoke_uri,
        jwks_uri=google.jwks_uri,
        issuer=google.issuer,
        redirect_uri=f"{settings.web.public_url}/oauth/callback",
    )


def _mailer(settings: Settings) -> Mailer | None:
    mail = settings.mail
    if not mail.host:
        return None
    password = settings.secret("mail.password_file", mail.password_file) if mail.user else ""
    return Mailer(mail.host, mail.port, Security(mail.security), mail.user, password, mail.sender)


def open_vault(settings: Settings) -> Vault:
    """Return the vault; ConfigError when keys are missing or malformed."""
    text = settings.secret("secrets.key_file", settings.secrets.key_file)
    instance_name = instance_file(settings.secrets.key_file)
    instance = settings.secret("secrets.key_file", instance_name)
    try:
        return Vault(parse_ring(text), urlsafe_b64decode(instance), lambda: read_ring(settings))
    except (VaultError, ValueError) as error:
        raise ConfigError(f"secrets.key_file: {error}") from None


def read_ring(settings: Settings) -> tuple[RingKey, ...]:
    """Return the key ring as it is in its file now; VaultError or ConfigError when it cannot be used."""
    return parse_ring(settings.secret("secrets.key_file", settings.secrets.key_file))


def instance_file(key_file: str) -> str:
    """Return the name of the instance secret's file: beside the key ring, never rotated."""
    return str(Path(key_file).with_suffix(".instance"))


def open_parts(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Parts:
    """Open everything; ConfigError names the key that stands in the way."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    vault = open_vault(settings)
    engine = open_engine(settings)
    policy, stopping = settings.sync.policy(), threading.Event()
    extra = {"digest_key": vault.secret("crm digests"), "policy": policy, "stopping": stopping}
    crm = open_crm(settings, engine, clock, extra)
    state = state_directory(settings)
    parts = Parts(settings, engine, vault, crm, policy, state, clock, stopping, mailer=_mailer(settings))
    parts.check_interlock()
    return parts


def open_crm(
    settings: Settings, engine: Engine, clock: Callable[[], datetime], extra: Mapping[str, Any]
) -> CrmBackend:
    """Return the CRM that the settings name; ConfigError names the key that stands in the way.

    `extra`: see `port.CrmContext`.
    """
    name = settings.crm.backend

    def secret(key: str) -> str:
        file = settings.crm.options().get(key)
        if not isinstance(file, str) or not file:
            raise Misconfigured(f"{key}: must name a file")
        try:
            return settings.secret(f"crm.{name}.{key}", file)
        except ConfigError as error:
            raise Misconfigured(str(error).removeprefix(f"crm.{name}.")) from None

    try:
        return load(name, CrmContext(settings.crm.options(), engine, clock, extra, secret))
    except LookupError as error:
        raise ConfigError(f"crm.backend: {error}") from None
    except Misconfigured as error:
        raise ConfigError(f"crm.{name}.{error}") from None
    except SchemaTooNew as error:
        raise ConfigError(f"database.url: {error}") from None


def open_engine(settings: Settings) -> Engine:
    """Return the database with its schema up to date; ConfigError when it cannot be opened."""
    url = settings.database_url()
    hint = "is the server running, and may this user connect?"
    if url.startswith("sqlite:///"):
        _private_file(Path(url.removeprefix("sqlite:///")))
        hint = "is the file a SQLite database, and writable?"
    engine = open_database(url)
    try:
        upgrade(engine)
    except SchemaTooNew as error:
        raise ConfigError(f"database.url: {error}") from None
    except SQLAlchemyError as error:
        cause = type(getattr(error, "orig", None) or error).__name__
        raise ConfigError(f"database.url: the database cannot be opened ({cause}); {hint}") from None
    return engine


def _private_file(path: Path) -> None:
    """Make a database file that only its owner can read, unless it is there; ConfigError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigError(
            f"database.url: {path} cannot be written ({error.strerror}); make the directory, or give another path"
        ) from None


def state_directory(settings: Settings) -> Path:
    """Return the state directory, made when it was missing; ConfigError."""
    path = settings.state_directory()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"daemon.state_dir: {path} cannot be made ({error.strerror})") from None
    if not os.access(path, os.W_OK):
        raise ConfigError(f"daemon.state_dir: {path} is not writable; give another directory")
    return path
