"""How commands fail: a line on stderr, with --json also a document on stdout, and a code that says whose turn it is."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Sequence

import click

from calsync.log import places

DONE, PROBLEMS, USAGE, PERSON_NEEDED, BUSY = 0, 1, 2, 3, 4

#: As a shell has it for a program that was interrupted.
INTERRUPTED = 130

_CODES = {PROBLEMS: "failed", USAGE: "usage", PERSON_NEEDED: "person_needed"}


class UserError(click.ClickException):
    """A mistake of usage or configuration."""

    exit_code = USAGE


class PersonNeeded(click.ClickException):
    """Nothing goes on here before a person has done something, which the message names."""

    exit_code = PERSON_NEEDED


def ending(command: Callable[[], object], words: Sequence[str]) -> int:
    """Run a command, given as `words`, and return its exit code; says what went wrong, never a traceback."""
    try:
        code = command()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        return _say(error.exit_code, _sentence(error), words)
    except click.Abort:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort: people get a sentence
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            # Who reads our output has seen enough.
            return PROBLEMS
        code, sentence = _explain(error)
        _say(code, sentence, words)
        if {"-v", "--verbose"} & set(words):
            click.echo("\n".join(f"  {place}" for place in places(error)), err=True)
        return code
    return code if isinstance(code, int) else DONE


def _say(code: int, sentence: str, words: Sequence[str]) -> int:
    click.echo(f"calsync: {sentence}", err=True)
    if "--json" in words:
        click.echo(json.dumps({"error": {"code": _CODES.get(code, "failed"), "message": sentence}}))
    return code


def _sentence(error: click.ClickException) -> str:
    """Return a click error as one line; of wrong usage also where to read what is right."""
    line = " ".join(error.format_message().split())
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{line} See `{error.ctx.command_path} --help`."
    return line


def _explain(error: Exception) -> tuple[int, str]:
    """Return exit code and sentence for what a command did not expect; messages may be private, so they stay out."""
    from sqlalchemy.exc import SQLAlchemyError

    from calsync.config import ConfigError
    from calsync.model.errors import SideError
    from calsync.store.vault import VaultError

    if isinstance(error, ConfigError):
        return USAGE, str(error)
    if isinstance(error, SideError):
        return PROBLEMS, error.reason
    if isinstance(error, VaultError):
        return USAGE, f"secrets.key_file: {error}"
    if isinstance(error, SQLAlchemyError):
        cause = type(getattr(error, "orig", None) or error).__name__
        return USAGE, f"database.url: the database cannot be used ({cause}); see that it runs and has room"
    where = places(error)[-1:]
    return PROBLEMS, f"unexpected {type(error).__name__} at {''.join(where) or '?'}; -v shows the way there"
