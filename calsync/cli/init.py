"""`calsync init`: a commented configuration, keys, and an empty database."""

from __future__ import annotations

import json
import os
import secrets
from base64 import urlsafe_b64encode
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calsync.cli import Context, UserError

if TYPE_CHECKING:
    from calsync.config import Settings


@click.command()
@click.option("--force", is_flag=True, help="Replace an existing configuration (never keys).")
@click.pass_obj
def init(context: Context, force: bool) -> None:
    """Write a configuration, key ring and operator token, and create the database.

    Example: calsync --config /etc/calsync/calsync.toml init
    """
    path = Path(context.config or os.environ.get("CALSYNC_CONFIG") or _default())
    if path.exists() and not force:
        raise UserError(f"{path} exists; edit it, or give --force to replace it (keys are kept)")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_first_configuration())
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror})") from None
    context.config = str(path)
    settings = context.settings()
    try:
        made = _make_secrets(settings)
    except OSError as error:
        raise UserError(f"{settings.directory}: keys cannot be written ({error.strerror})") from None
    _claim(settings)
    words = f"configuration: {path}\n" + "\n".join(made) + "\nnext: fill in [google], then `calsync run`"
    context.emit({"config": str(path)}, words)


def _claim(settings: Settings) -> None:
    """Create the database, and let this installation be the one that writes with it."""
    from calsync.store import instance
    from calsync.wiring import open_engine, state_directory, utc_now

    engine = open_engine(settings)
    try:
        instance.check(engine, state_directory(settings), utc_now())
    except instance.NotAdopted as error:
        click.echo(f"calsync: {error}", err=True)
    finally:
        engine.dispose()


def _first_configuration() -> str:
    """Return the commented example; with a database that the environment names, since later commands need it too."""
    text = resources.files("calsync").joinpath("example.toml").read_text()
    url = os.environ.get("CALSYNC_DATABASE__URL")
    return text.replace('url = "sqlite:///calsync.db"', f"url = {json.dumps(url)}", 1) if url else text


def _make_secrets(settings: Settings) -> list[str]:
    """Make what is missing of key ring, instance secret and operator token; return what was done."""
    from calsync.store.vault import KEY_BYTES, new_key_line
    from calsync.wiring import instance_file

    ring = settings.secrets.key_file
    instance = urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()
    return [
        _keep(settings.directory / ring, new_key_line("k1")),
        _keep(settings.directory / instance_file(ring), instance),
        _keep(settings.directory / settings.web.operator_token_file, secrets.token_urlsafe(32)),
    ]


def _default() -> str:
    system = Path("/etc/calsync")
    return (
        str(system / "calsync.toml")
        if system.is_dir() and os.access(system, os.W_OK)
        else "config/calsync.toml"
    )


def _keep(path: Path, text: str) -> str:
    """Write a secret file that only its owner can read, unless it is there."""
    if path.exists():
        return f"kept: {path}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    return f"made: {path}"
