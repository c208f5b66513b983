"""Which likelihood model scores an account's calls: its versions, the one in use, the switches between them.

Without any switch the shipped prior scores. Models are read once per process: a version never changes, so scoring a
call costs one small query that says which version it is to be.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import defer

from core.errors import Conflict, NotFound, shown
from core.ids import is_id, new_id
from core.text import clean
from matching.rules.model import LikelihoodModel, ModelFileError, prior
from store.models import ModelUse, ModelVersion
from store.sessions import AccountSession
from store.sites import Account

REASON_LIMIT = 400
"""Characters of a reason; longer ones are cut."""
SHOWN = 60
"""Versions that are kept and told of though they never scored a call, the newest."""
_REMEMBERED = 128
"""Models a process keeps in memory, those used last."""
_NEWEST = (ModelVersion.made_at.desc(), ModelVersion.model_id.desc())
_LATEST = (ModelUse.at.desc(), ModelUse.use_id.desc())


class Refitted(Protocol):
    """What training hands over: the model, whether held-out calls say it is better, and why it is used or not."""

    @property
    def model(self) -> LikelihoodModel:
        """The fitted model; `training` holds its figures."""

    @property
    def better(self) -> bool:
        """Whether it may be taken into use."""

    @property
    def reason(self) -> str:
        """A sentence for people."""


@dataclass(frozen=True, kw_only=True)
class InUse:
    """The model that scores now. `model_id` is None for the shipped prior, `since` where nothing was ever switched.

    `readable` is False where another release of this program wrote the version: the prior scores in its place.
    """

    model: LikelihoodModel
    model_id: str | None
    since: datetime | None = None
    readable: bool = True


@dataclass(frozen=True, kw_only=True)
class Switch:
    """What happened: which version scores from now on, which one did before (ids; None: the shipped prior)."""

    model_id: str | None
    version: str
    before_id: str | None
    before: str
    changed: bool


class _Memory:
    """Models by account and id; None marks one that cannot be read. Safe between threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._models: OrderedDict[tuple[str, str], LikelihoodModel | None] = OrderedDict()
        self._lock = threading.Lock()

    def model(self, session: AccountSession, model_id: str) -> LikelihoodModel | None:
        """The model, read from the database where it is not known yet."""
        key = (session.account_id, model_id)
        with self._lock:
            if key in self._models:
                self._models.move_to_end(key)
                return self._models[key]
        text = session.scalar(select(ModelVersion.model).where(ModelVersion.model_id == model_id))
        model = _read(text)
        with self._lock:
            self._models[key] = model
            while len(self._models) > self._most:
                self._models.popitem(last=False)
        return model


_memory = _Memory(_REMEMBERED)


def _read(text: str | None) -> LikelihoodModel | None:
    try:
        return None if text is None else LikelihoodModel.loads(text)
    except ModelFileError:
        return None


def in_use(session: AccountSession) -> InUse:
    """The model that scores this account's calls, and since when."""
    row = session.execute(select(ModelUse.model_id, ModelUse.at).order_by(*_LATEST).limit(1)).one_or_none()
    if row is None or row.model_id is None:
        return InUse(model=prior(), model_id=None, since=row.at if row else None)
    model = _memory.model(session, row.model_id)
    return InUse(model=model or prior(), model_id=row.model_id, since=row.at, readable=model is not None)


def model_in_use(session: AccountSession) -> LikelihoodModel:
    """The model that scores this account's calls: the shipped prior until one was learnt. One query."""
    return in_use(session).model


def model_at(session: AccountSession, at: datetime) -> LikelihoodModel:
    """The model that scored this account's calls at `at`: the shipped prior before the first switch. One query."""
    used = select(ModelUse.model_id).where(ModelUse.at <= at).order_by(*_LATEST).limit(1)
    model_id = session.scalar(used)
    return (_memory.model(session, model_id) if model_id is not None else None) or prior()


def model_of_version(session: AccountSession, version: str | None) -> LikelihoodModel:
    """The model that scored a call, by the version the call keeps; the one in use where that version is gone."""
    if version is None or version == prior().version:
        return prior()
    model_id = session.scalar(select(ModelVersion.model_id).where(ModelVersion.version == version))
    found = _memory.model(session, model_id) if model_id else None
    return found or model_in_use(session)


def version_name(session: AccountSession, at: datetime) -> str:
    """The name of a version made at `at`: the day (UTC), and which of that day it is where it is not the first."""
    day = f"{at:%Y-%m-%d}"
    taken = set(session.scalars(select(ModelVersion.version).where(ModelVersion.version.startswith(day))))
    count = 1
    while (name := day if count == 1 else f"{day}.{count}") in taken:
        count += 1
    return name


def keep(session: AccountSession, refit: Refitted, *, at: datetime, by: str) -> ModelVersion:
    """Keeps a refit beside the versions there are; `by`: what made it (`nightly`, `command`). Nothing is switched.

    Where the name it was fitted under was taken meanwhile it gets the next one.
    """
    _one_at_a_time(session)
    model = refit.model
    if session.scalar(select(ModelVersion.model_id).where(ModelVersion.version == model.version)) is not None:
        model = replace(model, version=version_name(session, at))
    row = ModelVersion(
        model_id=new_id(at),
        version=model.version,
        made_at=at,
        made_by=by,
        better=refit.better,
        reason=clean(refit.reason, REASON_LIMIT) or "",
        figures=dict(model.training),
        model=model.dumps(),
    )
    session.add(row)
    session.flush()
    _forget_unused(session)
    return row


def use(
    session: AccountSession, model_id: str | None, *, at: datetime, user_id: str | None, reason: str | None
) -> Switch:
    """From `at` on this version scores the account's calls; None: the shipped prior. Calls scored before stay so.

    `user_id`: who decided, None for training. Raises NotFound for a version this account does not have, Conflict for
    one that another release of this program wrote and this one cannot read.
    """
    _one_at_a_time(session)
    before = in_use(session)
    version = prior().version if model_id is None else _usable(session, model_id)
    changed = before.model_id != model_id
    if changed:
        # The latest row counts: switches have one order, whatever two machines' clocks say.
        late = before.since is not None and at <= before.since
        moment = before.since + timedelta(microseconds=1) if late and before.since else at
        text = clean(reason, REASON_LIMIT) or ""
        session.add(ModelUse(use_id=new_id(moment), at=moment, model_id=model_id, user_id=user_id, reason=text))
        session.flush()
    return Switch(
        model_id=model_id,
        version=version,
        before_id=before.model_id,
        before=_name(session, before.model_id) or "",
        changed=changed,
    )


def step_back(session: AccountSession, *, at: datetime, user_id: str | None) -> Switch:
    """Returns to the version that scored before the one in use; again, to the one before that.

    Raises Conflict where the shipped prior scores and nothing came before it.
    """
    _one_at_a_time(session)
    earlier = previous(session)
    if earlier is None:
        raise Conflict("the shipped model is in use and none was before it")
    return use(session, earlier.model_id, at=at, user_id=user_id, reason="one step back")


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """The version that scored before the one in use; `model_id` is None for the shipped prior."""

    model_id: str | None
    version: str


def previous(session: AccountSession) -> Earlier | None:
    """Where a step back leads, or None."""
    way = way_here(session.scalars(select(ModelUse.model_id).order_by(ModelUse.at, ModelUse.use_id)).all())
    if len(way) < 2:
        return None
    return Earlier(model_id=way[-2], version=_name(session, way[-2]) or "")


def way_here(uses: Sequence[str | None]) -> tuple[str | None, ...]:
    """The versions that led to the one in use, from the shipped prior (None) on; `uses` are all switches, oldest first.

    A switch to the version that came before takes the last one back instead of adding to the way.
    """
    way: list[str | None] = [None]
    for model_id in uses:
        if len(way) > 1 and way[-2] == model_id:
            way.pop()
        elif way[-1] != model_id:
            way.append(model_id)
    return tuple(way)


def versions(session: AccountSession) -> Sequence[ModelVersion]:
    """The newest versions, SHOWN of them, and those that were ever put to use, however old; the newest first.

    The texts of the models are not loaded.
    """
    ids = [*session.scalars(_newest()), *session.scalars(_used())]
    return session.scalars(
        select(ModelVersion)
        .options(defer(ModelVersion.model, raiseload=True))
        .where(ModelVersion.model_id.in_(ids))
        .order_by(*_NEWEST)
    ).all()


def switches(session: AccountSession, most: int) -> Sequence[ModelUse]:
    """The latest switches, the newest first."""
    return session.scalars(select(ModelUse).order_by(*_LATEST).limit(most)).all()


def _newest() -> Select[str]:
    return select(ModelVersion.model_id).order_by(*_NEWEST).limit(SHOWN)


def _used() -> Select[str | None]:
    return select(ModelUse.model_id).where(ModelUse.model_id.is_not(None)).distinct()


def _forget_unused(session: AccountSession) -> None:
    """Drops old versions that never scored a call: one comes every night, and most are no better."""
    newest, used = session.scalars(_newest()).all(), session.scalars(_used()).all()
    session.execute(
        delete(ModelVersion)
        .where(ModelVersion.model_id.not_in([*newest, *used]))
        .execution_options(synchronize_session=False)
    )


def _usable(session: AccountSession, model_id: str) -> str:
    """The version's name. Raises NotFound, Conflict."""
    version = _name(session, model_id) if is_id(model_id) else None
    if version is None:
        raise NotFound(f"there is no model {shown(model_id)}")
    if _memory.model(session, model_id) is None:
        raise Conflict(f"version {version} was made by another release of Ringtrace and cannot be read by this one")
    return version


def _name(session: AccountSession, model_id: str | None) -> str | None:
    if model_id is None:
        return prior().version
    return session.scalar(select(ModelVersion.version).where(ModelVersion.model_id == model_id))


def _one_at_a_time(session: AccountSession) -> None:
    """Holds the account against every other change of its models until the transaction ends.

    On SQLite the writing transaction itself is that lock.
    """
    session.scalar(select(Account.account_id).with_for_update(key_share=True))
