"""The command line: thin; every command is a module of its own, loaded when it is used."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from calsync import __version__
from calsync.cli.failures import BUSY, DONE, PERSON_NEEDED, PROBLEMS, USAGE, PersonNeeded, UserError, ending

__all__ = [
    "BUSY",
    "DONE",
    "PERSON_NEEDED",
    "PROBLEMS",
    "USAGE",
    "Context",
    "PersonNeeded",
    "UserError",
    "cli",
    "leave",
    "main",
]

if TYPE_CHECKING:
    from calsync.config import Settings
    from calsync.store.audit import Act
    from calsync.wiring import Parts

#: Name -> where the command is ("module:attribute"), and its line in the help; loaded when it is used.
COMMANDS = {
    "init": ("calsync.cli.init:init", "Write a configuration, key ring and operator token."),
    "run": ("calsync.cli.run:run", "Run the daemon until SIGTERM."),
    "link": ("calsync.cli.consent:link", "Print the address at which a user gives consent."),
    "disconnect": ("calsync.cli.consent:disconnect", "End a user's consent."),
    "users": ("calsync.cli.status:users", "List CRM users and whether they are connected."),
    "status": ("calsync.cli.status:status", "Show accounts and what needs a person."),
    "resync": ("calsync.cli.resync:resync", "Bring accounts up to date now."),
    "pause": ("calsync.cli.states:pause", "Stop syncing a user until `resume`."),
    "resume": ("calsync.cli.states:resume", "Go on syncing a user."),
    "approve": ("calsync.cli.states:approve", "Let held deletions go through, once."),
    "conflicts": ("calsync.cli.problems:conflicts", "List what lost in conflicts."),
    "quarantine": ("calsync.cli.problems:quarantine", "List events that were set aside."),
    "runs": ("calsync.cli.journal:runs", "List runs and what they wrote on each side."),
    "restore": ("calsync.cli.journal:restore", "Put back what lost in a conflict."),
    "explain": ("calsync.cli.explain:explain", "Say why an event is or is not on the other side."),
    "verify": ("calsync.cli.explain:verify", "Compare both calendars with the mapping."),
    "undo": ("calsync.cli.journal:undo", "Put back what one run wrote."),
    "operators": ("calsync.cli.operators:operators", "Manage who may log in to the operators' pages."),
    "export": ("calsync.cli.export:export", "Write everything held about a person into a ZIP file."),
    "erase": ("calsync.cli.erase:erase", "Erase a person and print the receipt."),
    "rectify": ("calsync.cli.rectify:rectify", "Look at what a person says is wrong, and answer."),
    "requests": ("calsync.cli.requests:requests", "Keep the register of people's requests."),
    "hold": ("calsync.cli.hold:hold", "Keep a person's data from being deleted, for a legal reason."),
    "retention": ("calsync.cli.retention:retention", "Delete what was kept for long enough."),
    "audit": ("calsync.cli.audit:audit", "Show and verify the audit trail."),
    "privacy": ("calsync.cli.privacy:privacy", "Record of processing, search, and scope of an incident."),
    "keys": ("calsync.cli.keys:keys", "Look after the key ring."),
    "revoke-all": ("calsync.cli.revoke:revoke_all", "Withdraw every consent at Google at once."),
    "backup": ("calsync.cli.backup:backup", "Copy the SQLite database while it is in use."),
    "db": ("calsync.cli.database:db", "Let this installation use a restored or moved database."),
    "crm": ("calsync.cli.crm:crm", "Manage the built-in CRM, probe OpenCRM, or check an adapter."),
}


@dataclass(slots=True)
class Context:
    """What global options say, and what commands share."""

    config: str | None
    json: bool
    verbose: bool
    #: Whether each round is logged, as by the daemon; other commands say themselves what they did.
    chatty: bool = False
    _parts: list[Parts] = field(default_factory=list)

    def settings(self) -> Settings:
        """Load the configuration; a mistake ends the program with exit code 2."""
        from calsync import config, log

        log.configure(self.verbose, self.chatty)
        try:
            return config.load(self.config)
        except config.ConfigError as error:
            raise UserError(str(error)) from None

    def parts(self) -> Parts:
        """Open everything, once."""
        if not self._parts:
            from calsync.config import ConfigError
            from calsync.wiring import open_parts

            try:
                parts = open_parts(self.settings())
            except ConfigError as error:
                raise UserError(str(error)) from None
            _erase_again(parts)
            self._parts.append(parts)
        return self._parts[0]

    def note(self, act: Act, user: str = "", **detail: object) -> None:
        """Enter into the audit trail what the operator has done; `detail`: codes, counts and ids."""
        from calsync.store import audit
        from calsync.store.database import writing

        parts = self.parts()
        with writing(parts.engine) as connection:
            audit.append(connection, parts.vault, act, audit.COMMAND_LINE, user, parts.clock(), **detail)

    def writer(self) -> Parts:
        """Open everything for a command that writes; exit 3 when this installation may not write."""
        parts = self.parts()
        if parts.interlock:
            raise PersonNeeded(parts.interlock)
        return parts

    def emit(self, document: dict[str, Any], words: str = "") -> None:
        """Print the JSON document with --json, else the words for people."""
        if self.json:
            import orjson

            click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        elif words:
            click.echo(words)


def _erase_again(parts: Parts) -> None:
    """Erase whom a restored backup has brought back, before anything else is done."""
    from calsync.privacy import erasure_list

    if erasure_list.read(parts.settings.erasure_lists()):
        from calsync.rights.replay import replay

        if replay(parts):
            click.echo("calsync: people who had been erased were in this database; erased again", err=True)


class _Group(click.Group):
    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> NoReturn:
        words = list(sys.argv[1:] if args is None else args)
        run = super().main
        sys.exit(ending(lambda: run(words, prog_name, complete_var, standalone_mode=False, **extra), words))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", metavar="PATH", help="The configuration file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
@click.version_option(__version__, prog_name="calsync")
@click.pass_context
def cli(context: click.Context, config: str | None, as_json: bool, verbose: bool) -> None:
    """Keep CRM calendars and Google calendars in step.

    Example: calsync link ana
    """
    context.obj = Context(config, as_json, verbose)


def leave(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise click.exceptions.Exit(code)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    cli(args=arguments, prog_name="calsync")
