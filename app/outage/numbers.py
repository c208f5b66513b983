"""What must be known of a call without the database: where each number's calls go, and who may sign for them.

One file per number names its account, the account's AccountSid, the destination and what callers hear first; one per
account holds the tokens, encrypted as in the database; one per AccountSid leads to the accounts that use it. All are
private to the server.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.outage.files import read_private, write_private
from app.secretbox import SecretBox
from app.telephony.record import Connection
from app.telephony.tokens import TWILIO, SealedToken, sealed_of
from core.time import format_time, parse_time
from numberpool.in_use import RELEASED
from store.directory import NumberOwner, ProviderAccount
from store.sessions import Database, DirectorySession, Work
from store.sites import Account, ProviderCredential, TrackingNumber, TrackingSource

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SID = re.compile(r"[A-Za-z0-9]{1,64}")
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the files tell of a webhook: an account, the tokens that sign for it, and where this number's calls go.

    `connection` is None where the account was found by its AccountSid, and not by the number.
    """

    account_id: str
    tokens: tuple[str, ...]
    connection: Connection | None


@dataclass(frozen=True, kw_only=True)
class AccountFacts:
    """An account as the files know it. `serving`: those of its numbers that were not released."""

    account_id: str
    version: int
    account_sid: str | None
    tokens: tuple[SealedToken, ...]
    numbers: Mapping[str, Connection]
    serving: frozenset[str]


def accounts_in(directory: DirectorySession) -> list[str]:
    """The accounts that have numbers or credentials."""
    owners = directory.scalars(select(NumberOwner.account_id).distinct())
    signers = directory.scalars(select(ProviderAccount.account_id).distinct())
    return sorted({*owners, *signers})


def version_of(work: Work, account_id: str) -> int:
    """How often the account's set-up was changed."""
    return work.account(account_id).scalars(select(Account.set_up_version)).one()


def facts_of(work: Work, account_id: str) -> AccountFacts:
    """What is to be known of an account, as it is now; released numbers that are still its own included."""
    session = work.account(account_id)
    version = version_of(work, account_id)
    own = set(work.directory.scalars(select(NumberOwner.number).where(NumberOwner.account_id == account_id)))
    rows = session.execute(
        select(TrackingNumber.number, TrackingNumber.status, TrackingSource).join(
            TrackingSource, TrackingSource.source_id == TrackingNumber.source_id
        )
    ).all()
    credentials = session.get(ProviderCredential, (account_id, TWILIO))
    return AccountFacts(
        account_id=account_id,
        version=version,
        account_sid=credentials.account_sid if credentials else None,
        tokens=sealed_of(session),
        numbers={
            number: Connection(destination=source.destination, notice=source.notice if source.recorded else None)
            for number, _, source in rows
            if number in own
        },
        serving=frozenset(number for number, status, _ in rows if status != RELEASED and number in own),
    )


class NumberFiles:
    """The files below one folder, as one process writes and reads them."""

    def __init__(self, folder: Path, secrets: SecretBox) -> None:
        self._folder, self._secrets = folder, secrets
        self._written: dict[str, tuple[str, str | None, Connection]] = {}

    def version(self, account_id: str) -> int | None:
        """The version of the account's set-up in the files; None where there is none."""
        content = read_private(self._account(account_id))
        version = content.get("version") if content else None
        return version if isinstance(version, int) else None

    def write(self, facts: AccountFacts, sharing: Mapping[str, tuple[str, ...]]) -> None:
        """Brings an account's files up to date. `sharing`: AccountSid → accounts that use it. Raises OSError."""
        for number, connection in facts.numbers.items():
            content = (facts.account_id, facts.account_sid, connection)
            if self._written.get(number) != content:
                told = {"account": facts.account_id, "account_sid": facts.account_sid, **asdict(connection)}
                if read_private(self._number(number)) != told:
                    write_private(self._number(number), told)
                self._written[number] = content
        for sid, account_ids in sharing.items():
            if _SID.fullmatch(sid):
                write_private(self._folder / "sids" / f"{sid}.json", {"accounts": list(account_ids)})
        # Last: whoever sees the version sees all of it.
        write_private(
            self._account(facts.account_id),
            {
                "version": facts.version,
                "account_sid": facts.account_sid,
                "tokens": [[one.token.decode(), format_time(one.until) if one.until else None] for one in facts.tokens],
            },
        )

    def find(self, *, number: str | None, account_sid: str | None, at: datetime) -> tuple[Known, ...]:
        """Who may sign at `at` what is told of a number (E.164), else of an AccountSid; empty for nobody's."""
        content = read_private(self._number(number)) if number and _NUMBER.fullmatch(number) else None
        if content is not None:
            connection = Connection(destination=content["destination"], notice=content.get("notice"))
            return self._known(content.get("account"), connection, at)
        if account_sid is None or not _SID.fullmatch(account_sid):
            return ()
        sharing = read_private(self._folder / "sids" / f"{account_sid}.json") or {}
        return tuple(one for account_id in sharing.get("accounts", ()) for one in self._known(account_id, None, at))

    def _known(self, account_id: Any, connection: Connection | None, at: datetime) -> tuple[Known, ...]:
        if not isinstance(account_id, str) or not _ID.fullmatch(account_id):
            return ()
        content = read_private(self._account(account_id)) or {}
        tokens = tuple(
            token
            for sealed, until in content.get("tokens", ())
            if (until is None or at < parse_time(until)) and (token := self._secrets.open(sealed.encode()))
        )
        return (Known(account_id=account_id, tokens=tokens, connection=connection),)

    def _number(self, number: str) -> Path:
        return self._folder / "numbers" / f"{number.removeprefix('+')}.json"

    def _account(self, account_id: str) -> Path:
        return self._folder / "accounts" / f"{account_id}.json"


def sharing_of(directory: DirectorySession, account_sid: str | None) -> dict[str, tuple[str, ...]]:
    """The accounts that use this AccountSid."""
    if account_sid is None:
        return {}
    found = directory.scalars(
        select(ProviderAccount.account_id)
        .where(ProviderAccount.provider == TWILIO, ProviderAccount.account_sid == account_sid)
        .order_by(ProviderAccount.account_id)
    )
    return {account_sid: tuple(found)}


def bring_up_to_date(database: Database, files: NumberFiles, account_id: str, *, always: bool) -> AccountFacts | None:
    """Writes an account's files where they are old, or `always`; None where they were not.

    Raises OSError, SQLAlchemyError.
    """
    with database.read() as work:
        if not always and files.version(account_id) == version_of(work, account_id):
            return None
        facts = facts_of(work, account_id)
        sharing = sharing_of(work.directory, facts.account_sid)
    files.write(facts, sharing)
    return facts
