"""Sessions held to one account, and the unit of work that `app` opens and commits.

    with database.write() as work:            # one transaction; commits at the end, rolls back on an error
        work.directory.get(...)               # directory tables only
        session = work.account(account_id)    # tenant tables of this account only

An account's session adds the account to every ORM query by itself, refuses Core statements on tenant tables that do
not name it, refuses text, refuses directory tables, and stamps the account on new rows.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

from sqlalchemy import Connection, Engine, Executable, Table, event, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, BindParameter, TextClause

from store.base import Directory, SetUp, Tenant
from store.engine import WAIT_SECONDS
from store.sites import Account
from store.tables import Base

ACCOUNT = "ringtrace_account"
_CHANGED = "ringtrace_set_up_changed"


class UnboundQuery(RuntimeError):
    """A query that could reach beyond its account, or into the wrong family of tables. A mistake in our code."""


def _tables_of(family: type) -> frozenset[Table]:
    return frozenset(cast(Table, m.local_table) for m in Base.registry.mappers if issubclass(m.class_, family))


_TENANT = _tables_of(Tenant)
_DIRECTORY = _tables_of(Directory)


class AccountSession(Session):
    """A session that sees one account and nothing else."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        super().__init__(bind=connection, expire_on_commit=False, autoflush=True)
        self.info[ACCOUNT] = account_id
        self.account_id = account_id


class DirectorySession(Session):
    """A session that sees the directory and no tenant content."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(bind=connection, expire_on_commit=False)


def _parts(statement: Executable) -> Iterator[Any]:
    """Every element of a statement."""
    return iter(visitors.iterate(cast(Any, statement)))


def _statement_tables(statement: Executable) -> set[Table]:
    """The tables a statement touches, the one it changes included."""
    changed = getattr(statement, "table", None)
    return {e for e in _parts(statement) if isinstance(e, Table)} | ({changed} if isinstance(changed, Table) else set())


def _bound_tables(element: Any, account_id: str) -> set[Any]:
    """Tables held to this account by `account_id = …`; what stands under OR or NOT holds nothing."""
    if getattr(element, "operator", None) in (operators.or_, operators.inv):
        return set()
    bound: set[Any] = set()
    if isinstance(element, BinaryExpression) and element.operator is operators.eq:
        for column, value in ((element.left, element.right), (element.right, element.left)):
            if getattr(column, "name", None) == "account_id" and isinstance(value, BindParameter):
                if value.value != account_id:
                    raise UnboundQuery("a query names another account than its session's")
                bound.add(getattr(column, "table", None))
    for child in element.get_children():
        bound |= _bound_tables(child, account_id)
    return bound


@event.listens_for(AccountSession, "do_orm_execute")
def _hold_to_account(state: ORMExecuteState) -> None:
    account_id = state.session.info[ACCOUNT]
    statement = state.statement
    if any(isinstance(e, TextClause) for e in _parts(statement)):
        raise UnboundQuery("text is refused in an account's session")
    tables = _statement_tables(statement)
    if tables & _DIRECTORY:
        raise UnboundQuery("directory tables are refused in an account's session")
    if state.is_orm_statement and (state.is_select or state.is_update or state.is_delete):
        state.statement = statement.options(
            with_loader_criteria(
                Tenant,
                lambda cls: cls.account_id == account_id,
                include_aliases=True,
                track_closure_variables=True,
            )
        )
        return
    if state.is_insert:
        _check_insert(statement, state.parameters, account_id)
        return
    wanting = (tables & _TENANT) - _bound_tables(statement, account_id)
    if wanting:
        names = ", ".join(sorted(t.name for t in wanting))
        raise UnboundQuery(f"a query on {names} does not name its account")


def _check_insert(statement: Any, parameters: Any, account_id: str) -> None:
    """An insert may only bring rows of this account, by its values or by its parameters."""
    rows = parameters if isinstance(parameters, list) else [parameters] if parameters else []
    compiled = statement.compile().params if not rows else {}
    given = [row.get("account_id") for row in rows] or [v for k, v in compiled.items() if k.startswith("account_id")]
    if not given or any(value != account_id for value in given):
        raise UnboundQuery("an insert does not name its account")


@event.listens_for(AccountSession, "before_flush")
def _stamp_account(session: Session, _context: Any, _instances: Any) -> None:
    account_id = session.info[ACCOUNT]
    for row in [*session.new, *session.dirty, *session.deleted]:
        if not isinstance(row, Tenant):
            raise UnboundQuery("only tenant rows belong in an account's session")
        if row in session.new and row.account_id is None:
            row.account_id = account_id
        if row.account_id != account_id:
            raise UnboundQuery("a row of another account is refused")
        if isinstance(row, SetUp) and (row not in session.dirty or session.is_modified(row)):
            session.info[_CHANGED] = True


@event.listens_for(DirectorySession, "do_orm_execute")
def _hold_to_directory(state: ORMExecuteState) -> None:
    if any(isinstance(e, TextClause) for e in _parts(state.statement)):
        raise UnboundQuery("text is refused in a directory session")
    if _statement_tables(state.statement) & _TENANT:
        raise UnboundQuery("tenant tables are refused in a directory session")


@event.listens_for(DirectorySession, "before_flush")
def _only_directory(session: Session, _context: Any, _instances: Any) -> None:
    if any(not isinstance(row, Directory) for row in [*session.new, *session.dirty, *session.deleted]):
        raise UnboundQuery("only directory rows belong in a directory session")


class Work:
    """One transaction on one connection: the directory, and a session per account, made when first asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._accounts: dict[str, AccountSession] = {}
        self._directory: DirectorySession | None = None
        self.set_up_changed: set[str] = set()

    @property
    def directory(self) -> DirectorySession:
        """The directory's session."""
        if self._directory is None:
            self._directory = DirectorySession(self._connection)
        return self._directory

    def account(self, account_id: str) -> AccountSession:
        """The session of this account."""
        if account_id not in self._accounts:
            self._accounts[account_id] = AccountSession(self._connection, account_id)
        return self._accounts[account_id]

    def flush(self) -> None:
        """Sends what is pending to the database, the directory first."""
        for session in self._sessions():
            session.flush()
        # Last of all, so that nobody who holds the account's row waits for another.
        for account in self._accounts.values():
            if account.info.pop(_CHANGED, False):
                self.set_up_changed.add(account.account_id)
                statement = update(Account).values(set_up_version=Account.set_up_version + 1)
                account.execute(statement.execution_options(synchronize_session=False))

    def close(self) -> None:
        """Lets go of the sessions; the connection belongs to whoever opened it."""
        for session in self._sessions():
            session.close()

    def _sessions(self) -> list[Session]:
        return [*([self._directory] if self._directory else []), *self._accounts.values()]


class Away(OperationalError):
    """The database cannot be reached, or cannot be written now."""

    def __init__(self) -> None:
        super().__init__(None, None, ConnectionError("the database is away"))


class Reach:
    """What is known of whether the database can be reached: nothing, unless somebody watches it."""

    away = False

    def wrote(self) -> None:
        """A transaction that writes was committed."""

    def holds(self, yes: bool) -> None:
        """This process has SQLite's one right to write, or has given it back."""


class Database:
    """An engine and the two ways to use it. Reading and writing differ on SQLite only (see `store.engine`).

    `reach` is what is known of whether it can be reached. `set_up_changes` counts the transactions of this process that
    changed what accounts have set up; `on_set_up_change` are called after each with the accounts' ids.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.reach = Reach()
        self.set_up_changes = 0
        self.on_set_up_change: list[Callable[[frozenset[str]], None]] = []
        # SQLite has one writer, and lets those who wait for it sleep and retry, unfairly. Threads of one process
        # queue here instead.
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else None

    def read(self) -> AbstractContextManager[Work]:
        """A transaction that only reads."""
        return self._work(write=False)

    def write(self) -> AbstractContextManager[Work]:
        """A transaction that writes: committed when the block ends, rolled back when it raises."""
        return self._work(write=True)

    @contextmanager
    def _work(self, *, write: bool) -> Iterator[Work]:
        if self.reach.away and self._turn is None:
            # A server that is gone would have everybody wait for the time-out of a connection.
            raise Away
        with (
            self._taking_turns() if write else nullcontext(),
            self.engine.connect().execution_options(ringtrace_write=write) as connection,
        ):
            work = Work(connection)
            try:
                with connection.begin():
                    if write and self._turn is not None:
                        self.reach.holds(True)
                    yield work
                    work.flush()
                if write:
                    self.reach.wrote()
                if work.set_up_changed:
                    self.set_up_changes += 1
                    for tell in self.on_set_up_change:
                        tell(frozenset(work.set_up_changed))
            finally:
                if write and self._turn is not None:
                    self.reach.holds(False)
                work.close()

    @contextmanager
    def _taking_turns(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=WAIT_SECONDS):
            raise Away
        try:
            yield
        finally:
            self._turn.release()
