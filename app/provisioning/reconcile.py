"""Do both sides agree? What can be put right is put right; what people must know is told.

Our numbers against the provider's, purchases that hang, webhooks that point elsewhere, rests that are over, prices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.accounts import numbers as owned
from app.provisioning.fallback import destinations, remove_fallback, write_fallback
from app.provisioning.keep import numbers_here
from app.provisioning.purchase import NotSold, Price, Purchased, find_again, price_of
from app.provisioning.shop import Shop, Transaction
from core.phone import country_of
from numberpool.guard import call_count, calls_without_views
from numberpool.in_use import ACTIVE, QUARANTINED, RELEASED
from numberpool.provider import Doubtful, Failed, Held, Prices, Refused, Released, kind_of
from numberpool.provisioning import hanging
from numberpool.rules.quarantine import BEARABLE, WEEK, Activate, Prolong, quarantine_verdict
from numberpool.states import By
from store.sites import TrackingNumber

POSTPONED = timedelta(days=7)
"""How much longer a number rests that people still call."""


@dataclass(kw_only=True)
class Reconciled:
    """What a look at both sides found and did; every list holds numbers (E.164).

    People must know: `missing` (ours, but not at the provider any more), `diverted` (an application or trunk takes its
    calls), `unconfigured` (its webhooks could not be set), `unclear` (a purchase whose end is still not known).
    """

    missing: list[str] = field(default_factory=list)
    diverted: list[str] = field(default_factory=list)
    unconfigured: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    still_paid: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)
    activated: list[str] = field(default_factory=list)
    prolonged: list[str] = field(default_factory=list)
    priced: list[str] = field(default_factory=list)
    problem: str | None = None

    @property
    def alarming(self) -> bool:
        """Whether somebody should look at it."""
        return bool(self.missing or self.diverted or self.unconfigured or self.unclear or self.problem)

    def sentence(self) -> str:
        """All of it in one line for people."""
        said = [
            f"{len(numbers)} {words}"
            for words, numbers in (
                ("missing at the provider", self.missing),
                ("diverted by an application or a trunk", self.diverted),
                ("with webhooks that could not be set", self.unconfigured),
                ("with a purchase that is unclear", self.unclear),
                ("at the provider and not known here", self.unknown),
                ("released here and still paid for", self.still_paid),
                ("pointed here again", self.repaired),
                ("found to be bought", self.found),
                ("not bought after all", self.closed),
                ("given back", self.released),
                ("resting longer", self.postponed),
                ("out of quarantine", self.activated),
                ("in quarantine for longer", self.prolonged),
                ("with a new price", self.priced),
            )
            if numbers
        ]
        said += [self.problem] if self.problem else []
        return "; ".join(said) or "both sides agree"


def reconcile(shop: Shop) -> Reconciled:
    """One look at both sides of an account, each repair in a transaction of its own."""
    done = Reconciled()
    end_quarantines(shop.transaction, shop.settings.quarantine_days, by=shop.by, at=shop.now(), done=done)
    _settle_hanging(shop, done)
    listed = shop.provider.list_numbers()
    if isinstance(listed, Refused | Doubtful):
        done.problem = listed.reason
        return done
    theirs = {held.number: held for held in listed}
    with shop.transaction() as (_, session):
        here = numbers_here(session)
        fallbacks = destinations(session, shop.provider.name)
    for number, destination in fallbacks.items():
        write_fallback(shop.settings, number, destination)
    ours = {n: row for n, row in here.items() if row.provider == shop.provider.name and row.status != RELEASED}
    due = {n for n, row in ours.items() if row.release_at is not None and row.release_at <= shop.now()}
    done.missing += sorted(ours.keys() - theirs.keys() - due)
    done.unknown += sorted(theirs.keys() - here.keys())
    done.still_paid += sorted(n for n in theirs.keys() & here.keys() if here[n].status == RELEASED)
    for number in sorted(ours.keys() & theirs.keys()):
        _repair(shop, ours[number], theirs[number], done)
    _refresh_prices(shop, [ours[number] for number in sorted(ours.keys() & theirs.keys())], done)
    for number in sorted(due):
        _give_back(shop, ours[number], done)
    return done


def end_quarantines(transaction: Transaction, days: int, *, by: By, at: datetime, done: Reconciled) -> None:
    """Shows the numbers whose quarantine is over to visitors, or keeps them longer (`days`) where they are called."""
    with transaction() as (work, session):
        waiting = [
            row
            for row in numbers_here(session).values()
            if row.status == QUARANTINED and row.quarantined_until is not None and row.quarantined_until <= at
        ]
        calls = calls_without_views(session, [row.number for row in waiting], at - WEEK)
        for row in waiting:
            heard = calls.get(row.number, ())
            verdict = quarantine_verdict(until=row.quarantined_until or at, calls=heard, at=at, days=days)
            if isinstance(verdict, Activate):
                fields = {"status": ACTIVE}
                owned.change_number(work, session, row.number, fields, at, by=by, reason=verdict.reason)
                done.activated.append(row.number)
            elif isinstance(verdict, Prolong):
                owned.change_number(work, session, row.number, {}, at, by=by, reason=verdict.reason)
                row.quarantined_until = verdict.until
                done.prolonged.append(row.number)


def _settle_hanging(shop: Shop, done: Reconciled) -> None:
    """Finds out what became of purchases that nobody waits for any more."""
    with shop.transaction() as (_, session):
        open_ones = hanging(session, shop.now())
    for purchase in open_ones:
        outcome = find_again(shop, purchase)
        if isinstance(outcome, Purchased):
            done.found.append(purchase.number)
        elif isinstance(outcome, NotSold):
            done.closed.append(purchase.number)
        else:
            done.unclear.append(purchase.number)


def _repair(shop: Shop, row: TrackingNumber, held: Held, done: Reconciled) -> None:
    """Points a number's webhooks to us where they point elsewhere, and keeps how the provider calls it."""
    if held.elsewhere:
        done.diverted.append(row.number)
        return
    wanted = shop.webhooks(row.number)
    if held.webhooks != wanted:
        now = shop.provider.configure(held.sid, webhooks=wanted)
        if isinstance(now, Held):
            done.repaired.append(row.number)
        else:
            done.unconfigured.append(row.number)
    if row.provider_sid != held.sid:
        with shop.transaction() as (_, session):
            session.get_one(TrackingNumber, (session.account_id, row.number)).provider_sid = held.sid
        row.provider_sid = held.sid


def _refresh_prices(shop: Shop, rows: Sequence[TrackingNumber], done: Reconciled) -> None:
    """Keeps what each number costs now; a price that cannot be had stays what it was."""
    by_country: dict[str, Prices | Failed] = {}
    news: dict[str, Price] = {}
    for row in rows:
        country = country_of(row.number) or "US"
        if country not in by_country:
            by_country[country] = shop.provider.prices(country)
        price = price_of(by_country[country], kind_of(row.number))
        if price is not None and (price.minor, price.currency) != (row.monthly_price_minor, row.price_currency):
            news[row.number] = price
    if not news:
        return
    with shop.transaction() as (_, session):
        for number, price in news.items():
            row = session.get_one(TrackingNumber, (session.account_id, number))
            row.monthly_price_minor, row.price_currency = price.minor, price.currency
    done.priced += sorted(news)


def _give_back(shop: Shop, row: TrackingNumber, done: Reconciled) -> None:
    """Gives a number back whose rest is over, unless people still call it or it was called off meanwhile."""
    at = shop.now()
    with shop.transaction() as (work, session):
        now = session.get_one(TrackingNumber, (session.account_id, row.number))
        if now.release_at is None or now.release_at > at or now.provider_sid is None:
            return
        calls = call_count(session, row.number, at - WEEK)
        if calls > BEARABLE:
            said = f"{calls} calls in the last 7 days, so it rests {POSTPONED.days} more days"
            owned.change_number(work, session, row.number, {}, at, by=shop.by, reason=said)
            now.release_at = at + POSTPONED
            done.postponed.append(row.number)
            return
        sid = now.provider_sid
    gone = shop.provider.release(sid)
    if not isinstance(gone, Released):
        done.unclear.append(row.number)
        return
    with shop.transaction() as (work, session):
        said = "given back to the provider after its rest"
        owned.release_number(work, session, row.number, at, by=shop.by, reason=said).provider_sid = None
    remove_fallback(shop.settings, row.number)
    done.released.append(row.number)
