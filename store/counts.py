"""The table of visitors counted by day, and the mark that a day has to be counted again."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, String, delete, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import Base, Id, OfAccount, points_to
from store.sites import Site


class CountedDay(OfAccount, Base):
    """A local day of a site that is over, counted once, its hours by the clock of `time_zone`.

    `counts` is a day as `reports.rules.counts` reads it; it holds while there are no more than these `visits` and
    `assignments` of the day. A day without a row is counted from the visits themselves. `closed`: visits of the day
    were removed since; it is never counted again, whatever the site's clock.
    """

    __tablename__ = "counted_days"
    site_id: Mapped[str] = mapped_column(Id, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    time_zone: Mapped[str] = mapped_column(String(64))
    counted_at: Mapped[datetime]
    visits: Mapped[int]
    assignments: Mapped[int]
    counts: Mapped[dict[str, Any]] = mapped_column(JSON)
    closed: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    __table_args__ = (points_to("sites", "site_id"),)


def hold_counts(session: Session, site_id: str) -> None:
    """Whoever counts past days of the site, or forgets them, waits until this transaction ends."""
    # Pages go on meanwhile: what points to a site holds its key only.
    session.execute(select(Site.site_id).where(Site.site_id == site_id).with_for_update(key_share=True))


def forget_days(session: Session, site_id: str, days: Iterable[date]) -> None:
    """These local days of the site are counted again, because their visits or assignments changed.

    For whoever writes into the past; within the transaction that does, after its writes are flushed.
    """
    gone = sorted(set(days))
    if not gone:
        return
    hold_counts(session, site_id)
    session.execute(
        delete(CountedDay)
        .where(CountedDay.site_id == site_id, CountedDay.day.in_(gone), CountedDay.closed.is_(False))
        .execution_options(synchronize_session=False)
    )
