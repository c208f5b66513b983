"""The command line. Errors are one line on stderr; exit status 0 done, 1 failed, 2 wrong usage."""

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from app import clock
from app.cli_keeping import COMMANDS
from app.settings import PREFIX, Settings, SettingsError
from core.errors import RingtraceError
from numberpool.rules.allocation import POLICIES


class Tidy(click.Group):
    """A command group that turns expected failures into one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except (RingtraceError, SettingsError) as error:
            raise click.ClickException(str(error)) from None
        except (OperationalError, ProgrammingError) as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise click.ClickException(
                f"the database cannot be used ({reason}); is it reachable, and was `ringtrace db upgrade` run?"
            ) from None


@click.group(cls=Tidy, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Ringtrace: call tracking that says who called, how sure that is, and which source earned it."""


def _settings() -> Settings:
    return Settings.from_env(os.environ)


def _password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise click.ClickException("no password came on standard input")
    return password


@main.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Migrate the database to the newest revision; safe to run twice."""
    from app.database import upgrade_database

    before, after = upgrade_database(_settings())
    click.echo(f"at {after} already" if before == after else f"migrated from {before or 'empty'} to {after}")


@main.group()
def account() -> None:
    """Accounts (tenants)."""


@account.command("create")
@click.argument("name")
@click.option("--owner", required=True, metavar="EMAIL", help="E-mail address of the first user.")
@click.option("--password-stdin", is_flag=True, required=True, help="Read the password from standard input.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def account_create(name: str, owner: str, password_stdin: bool, as_json: bool) -> None:
    """Create an account with its first user; prints its secrets once."""
    from app.accounts.create import create_account
    from app.secretbox import SecretBox
    from store.engine import make_engine
    from store.sessions import Database

    settings = _settings()
    if not settings.secret_key:
        raise SettingsError([f"{PREFIX}SECRET_KEY is not set; it encrypts the account's provider token"])
    password = _password()
    with Database(make_engine(settings.database_url)).write() as work:
        made = create_account(work, SecretBox(settings), name=name, owner=owner, password=password, at=clock.now())
    told = {
        "account_id": made.account_id,
        "user_id": made.user_id,
        "api_token": made.api_token,
        "provider_token": made.provider_token,
    }
    if as_json:
        click.echo(json.dumps(told))
    else:
        for key, value in told.items():
            click.echo(f"{key.replace('_', ' ')}: {value}")
        click.echo("The two tokens are not shown again.")


@main.group()
def user() -> None:
    """Users."""


@user.command("password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, required=True, help="Read the password from standard input.")
def user_password(email: str, password_stdin: bool) -> None:
    """Set a user's password; signs them out everywhere."""
    from app.accounts.create import note_password, set_password
    from store.engine import make_engine
    from store.sessions import Database

    password = _password()
    with Database(make_engine(_settings().database_url)).write() as work:
        set_password(work.directory, email=email, password=password)
        note_password(work, email=email, at=clock.now())
    click.echo("the password is set")


@main.command()
@click.option("--account", "account_id", metavar="ID", help="Only this account's visits; all accounts' without it.")
@click.option("--site", "site_id", metavar="ID", help="Only this site's visits.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Only visits from this day of the site's own time zone on (2026-01-31).",
)
@click.option("--all", "everything", is_flag=True, help="Also visits that were read by the present rules already.")
@click.option("--dry-run", is_flag=True, help="Say what would change and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def reclassify(
    account_id: str | None,
    site_id: str | None,
    since: datetime | None,
    everything: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Read visits again that were read by other rules than the present ones; safe to run twice, and while serving.

    Their channel, campaign and tracking source become what today's rules and sources say; the numbers that visitors
    were shown stay as they were. A run that broke off is taken up by the next one.
    """
    from app import reclassify as command
    from app.database import closing_database
    from attribution.reclassify import Which

    which = Which(at=clock.now(), since=since.date() if since else None, everything=everything)
    with closing_database(_settings().database_url) as database:
        places = command.find_places(database, account_id=account_id, site_id=site_id)
        total = command.count_visits(database, places, which)
        with click.progressbar(length=total, label="visits", file=sys.stderr) as bar:
            outcome = command.reclassify_places(database, places, which, dry_run=dry_run, step=bar.update).told()
    if as_json:
        click.echo(json.dumps(outcome))
        return
    would = "would change" if dry_run else "changed"
    click.echo(f"{outcome['visits']} visits read by the rules {outcome['rules_version']}, {outcome['changed']} {would}")
    for title, moves in (("channel", outcome["channels"]), ("source", outcome["sources"])):
        for move in moves:
            click.echo(f"{title}: {move['from'] or 'none'} -> {move['to'] or 'none'}: {move['visits']}")


@main.command()
@click.option("--account", "account_id", required=True, metavar="ID", help="The account whose calls it learns from.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--nightly", is_flag=True, hidden=True, help="Run by the server: gives way, and ends with it.")
def train(account_id: str, as_json: bool, nightly: bool) -> None:
    """Refit the likelihood model of an account; prints what changed, and whether the new version is used and why.

    It learns from calls and visits, and from what staff decided. A version that predicts held-out calls no better
    than the present one is kept and not used. Safe while serving; staff can step back on the Model page.
    """
    from app import train as command
    from app.database import closing_database
    from app.training_process import be_nightly_child

    if nightly:
        be_nightly_child()
    settings = _settings()
    with (
        closing_database(settings.database_url) as database,
        click.progressbar(length=100, label="learning", file=sys.stderr, hidden=as_json) as bar,
    ):
        trained = command.train(
            database,
            account_id,
            at=clock.now(),
            days=settings.candidate_days,
            by="nightly" if nightly else "command",
            progress=lambda share: bar.update(round(share * 100) - bar.pos),
        )
    click.echo(json.dumps(trained.told()) if as_json else "\n".join(trained.lines()))


@main.command()
@click.argument("trace", type=click.Path(path_type=Path))
@click.option("--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Folder for the results.")
@click.option(
    "--allocation",
    type=click.Choice(list(POLICIES)),
    default=next(iter(POLICIES)),
    show_default=True,
    help="Which number a new visitor gets.",
)
@click.option("--numbers", multiple=True, metavar="POOL=N", help="Play with another number of numbers in this pool.")
@click.option("--truth", metavar="FILE", type=click.Path(path_type=Path), help='Who called: lines {"call", "visitor"}.')
@click.option("--no-learning", is_flag=True, help="Answer with the shipped model throughout.")
@click.option("--skip-bad-lines", is_flag=True, help="Pass over lines that cannot be read, and count them.")
@click.option("--what-if/--no-what-if", default=True, show_default=True, help="Also replay other pool sizes.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def backtest(
    trace: Path,
    out: Path,
    allocation: str,
    numbers: tuple[str, ...],
    truth: Path | None,
    no_learning: bool,
    skip_bad_lines: bool,
    what_if: bool,
    as_json: bool,
) -> None:
    """Play a recorded history through pools and matching, and say how well callers were known.

    TRACE is NDJSON, plain or gzip. Writes assignments.ndjson, matches.ndjson, summary.json and report.html.
    """
    from app import backtest as command
    from reports.backtest.run import Setting

    sizes = dict(command.pool_size(text) for text in numbers)
    setting = Setting(
        trace=trace, allocation=allocation, numbers=sizes, learning=not no_learning, skip_bad_lines=skip_bad_lines
    )
    summary = command.backtest(setting, out, truth=truth, what_if=what_if)
    if summary["bad_lines"]:
        were = "line was" if summary["bad_lines"] == 1 else "lines were"
        example = summary["bad_line_examples"][0]
        click.echo(f"{summary['bad_lines']} bad {were} passed over: {example}", err=True)
    click.echo(json.dumps(summary) if as_json else command.told(summary, out))


@main.command("import")
@click.argument("trace", type=click.Path(path_type=Path))
@click.option("--account", "account_id", required=True, metavar="ID", help="The account the history belongs to.")
@click.option("--skip-bad-lines", is_flag=True, help="Pass over lines that cannot be read, and count them.")
@click.option("--train/--no-train", default=True, show_default=True, help="Fit the likelihood model at the end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_history(trace: Path, account_id: str, skip_bad_lines: bool, train: bool, as_json: bool) -> None:
    """Load a recorded history into an account: its visits, calls and what staff decided, each at its own time.

    TRACE is NDJSON, plain or gzip. Without a site of its domain the account gets one, with sources and numbers from
    the first line. A run that broke off is taken up by the next one; a file that was imported changes nothing.
    """
    from app.importing import command

    settings = _settings()
    imported = command.run(settings, trace, account_id, skip_bad_lines=skip_bad_lines, training=train)
    click.echo(json.dumps(imported.told()) if as_json else "\n".join(imported.said()))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
def serve(host: str, port: int, workers: int) -> None:
    """Run the production server."""
    from app.serve import serve as run

    run(host=host, port=port, workers=workers)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
def demo(host: str, port: int) -> None:
    """Run a server with a demo business; the first start makes it and prints its login and API token."""
    from app.demo.start import start

    start(host=host, port=port, environ=os.environ, say=click.echo)


@main.command()
@click.argument("name", required=False)
@click.option("--quick", is_flag=True, help="The smallest run there is: shows that it works, its times say little.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench(name: str | None, quick: bool, as_json: bool) -> None:
    """Measure what should be fast, against a floor measured in the same run; without NAME, everything there is."""
    from app.bench.register import BENCHES

    if name is not None and name not in BENCHES:
        raise click.BadParameter(f"there is no benchmark {name!r}; there is: {', '.join(BENCHES)}", param_hint="NAME")
    chosen = {key: one for key, one in BENCHES.items() if name in {None, key}}
    results = {key: one.measure(quick, lambda text: click.echo(text, err=True)) for key, one in chosen.items()}
    if as_json:
        click.echo(json.dumps(results))
    else:
        for key, one in chosen.items():
            click.echo(f"{key}: {one.about}\n\n{one.shown(results[key])}")


for _command in COMMANDS:
    main.add_command(_command)
