"""The commands of keeping: backup, restore, keys, erasure, doctor. The command line takes them in."""

import json
import os
import sys
from pathlib import Path

import click

from app import clock
from app.settings import PREFIX, Settings, SettingsError


@click.command()
@click.option("--to", metavar="DIR", type=click.Path(path_type=Path), help="The folder; else RINGTRACE_BACKUP_DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backup(to: Path | None, as_json: bool) -> None:
    """Copy the database as of now into a folder; safe while serving.

    The copy and a manifest beside it (NAME.json) are there whole or not at all. Recordings and the secret key are not
    in it.
    """
    from app.backup import command

    told = command.back_up(Settings.from_env(os.environ), to, clock.now(), quiet=as_json)
    click.echo(json.dumps(told) if as_json else told["said"])


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Also where the database holds accounts: they are replaced.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def restore(file: Path, yes: bool, as_json: bool) -> None:
    """Put a backup back into the database that the settings name, and bring it to the newest revision.

    FILE is verified first and counted afterwards. A former SQLite file stays beside the new one. Stop the server first.
    """
    from app.backup import command

    told, lines = command.put_back(Settings.from_env(os.environ), file, clock.now(), sure=yes)
    click.echo(json.dumps(told) if as_json else "\n".join(lines))


@click.command("rotate-secrets")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def rotate_secrets(as_json: bool) -> None:
    """Encrypt the secrets in the database anew with RINGTRACE_SECRET_KEY; safe to run twice, and while serving.

    Afterwards RINGTRACE_PREVIOUS_SECRET_KEYS is only needed for visitors' ids that were signed with older keys.
    """
    from app.database import closing_database
    from app.rotate_secrets import rotate_secrets as run
    from app.secretbox import SecretBox

    settings = Settings.from_env(os.environ)
    if not settings.secret_key:
        raise SettingsError([f"{PREFIX}SECRET_KEY is not set; it encrypts the secrets in the database"])
    with closing_database(settings.database_url) as database:
        done = run(database, SecretBox(settings))
    if as_json:
        click.echo(json.dumps({"renewed": done.renewed, "unreadable": done.unreadable}))
    else:
        click.echo(f"{done.renewed} secrets are encrypted with the present key")
    if done.unreadable:
        raise click.ClickException(
            f"{done.unreadable} secrets are encrypted with no key that is set; name theirs in "
            f"{PREFIX}PREVIOUS_SECRET_KEYS, or enter them anew"
        )


@click.command()
@click.option("--account", "account_id", required=True, metavar="ID", help="The account that knows the person.")
@click.option("--phone", metavar="NUMBER", help="Their telephone number, in E.164.")
@click.option("--visitor", metavar="ID", help="Their visitor id.")
@click.option("--email", metavar="ADDRESS", help="Their e-mail address.")
@click.option("--yes", is_flag=True, help="Erase; without it only what would be touched is counted.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def erase(account_id: str, phone: str | None, visitor: str | None, email: str | None, yes: bool, as_json: bool) -> None:
    """Remove a person from an account: pages, forms, names, words, recordings and numbers. The counts stay.

    Backups made before hold the person until they are rotated; the provider keeps records of its own.
    """
    from app.retention import command

    person = command.person_of(phone=phone, visitor=visitor, email=email)
    told, said = command.run(Settings.from_env(os.environ), account_id, person, clock.now(), sure=yes)
    click.echo(json.dumps(told) if as_json else said)


@click.command()
@click.option("--account", "account_id", metavar="ID", help="Look at this account only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(account_id: str | None, as_json: bool) -> None:
    """Look at everything an owner would otherwise find out too late; says what to do. Changes nothing.

    Exit status 1 where something is bad.
    """
    from app.doctor.look import look

    findings = list(look(os.environ, clock.now(), account_id))
    worst = next((status for status in ("bad", "warn") if any(f.status == status for f in findings)), "ok")
    if as_json:
        click.echo(json.dumps({"status": worst, "checks": [finding.told() for finding in findings]}))
    else:
        click.echo("\n".join(finding.line() for finding in findings))
    sys.exit(1 if worst == "bad" else 0)


COMMANDS = (backup, restore, rotate_secrets, erase, doctor)
