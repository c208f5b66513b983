"""The rule tester: what live traffic would make of a landing, and why. Reads only; nothing is kept."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.visitor_agent import read_agent
from attribution.arrive import Sources, load_sources
from attribution.rules.landing import Landing, read_landing
from attribution.rules.query import Finding
from attribution.rules.reference import RULES_VERSION
from attribution.rules.settle import stand_in, without_own_source
from attribution.rules.sources import SourceRule, fits, in_order
from store.sessions import AccountSession
from store.sites import Site


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One source that the landing asked.

    It goes by its `preset`, or by a rule where that is None. `fits`: whether the landing does; `has_numbers`: whether
    the source has an active number.
    """

    source_id: str
    slug: str
    preset: str | None
    fits: bool
    has_numbers: bool


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a landing comes to.

    `source` … `channel`, `click_ids`, `findings`: as the landing is read. `utm`: the owner's words as they came.
    `preset`: which preset it fits; `referrer_host`: lower-case, None without one. `bot`, `device`: by the user agent.

    `tracking_source`: the slug of the site's source that gets the visit (None where none fits and nobody stands in);
    without a site, the preset. `fitted`: the slug of the first source that fits, None where none does. `asked`: the
    online sources in the order they were asked, up to the one that fits. `stepped_in`: the slug of the `catch_all`
    that took the visit over, with `stepped_in_because` `no_numbers` (the one that fits has none) or `nothing_fits`;
    both None where nobody had to.

    `keeps`: an own page, a payment or sign-in return: the visit goes on with what was there before. `returning_keeps`:
    a visitor who is known keeps their last source here (that, or a direct return); `tracking_source` is then what a
    new visitor gets. `rules_version`: the rules that said all this.
    """

    source: str | None
    medium: str | None
    campaign: str | None
    term: str | None
    content: str | None
    utm: Mapping[str, str]
    channel: str
    preset: str
    referrer_host: str | None
    click_ids: Mapping[str, str]
    findings: tuple[Finding, ...]
    bot: bool
    device: str
    tracking_source: str | None
    fitted: str | None
    asked: tuple[Asked, ...]
    stepped_in: str | None
    stepped_in_because: str | None
    keeps: bool
    returning_keeps: bool
    rules_version: str


def classify(
    session: AccountSession,
    site: Site | None,
    *,
    url: str,
    referrer: str | None,
    user_agent: str | None,
    sources: Sources | None = None,
) -> Reading:
    """Reads a landing by the very rules that live traffic meets. Takes any text and never raises.

    `site` gives its domains and its sources; without one, only the landing's own host counts as own and the preset
    stands for the source. A bot's landing is read like a person's. `sources`: those of `load_sources`, where the
    caller reads many landings of one site; loaded here (one query) where it is None.
    """
    landing = read_landing(url, referrer, own_hosts=site.domains if site else ())
    if site is None:
        chosen = _Chosen(tracking_source=landing.preset)
    else:
        chosen = _choose(landing, load_sources(session, site.site_id) if sources is None else sources)
    agent = read_agent(user_agent) if user_agent and user_agent.strip() else None
    return Reading(
        source=landing.source,
        medium=landing.medium,
        campaign=landing.campaign,
        term=landing.term,
        content=landing.content,
        utm=landing.utm,
        channel=landing.channel,
        preset=landing.preset,
        referrer_host=landing.referrer_host,
        click_ids=landing.click_ids,
        findings=landing.findings,
        bot=agent.bot if agent else False,
        device=agent.device if agent else "other",
        tracking_source=chosen.tracking_source,
        fitted=chosen.fitted,
        asked=chosen.asked,
        stepped_in=chosen.stepped_in,
        stepped_in_because=chosen.because,
        keeps=landing.keeps,
        returning_keeps=without_own_source(landing),
        rules_version=RULES_VERSION,
    )


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """How a site's sources answered a landing; the fields are those of `Reading`."""

    tracking_source: str | None
    fitted: str | None = None
    asked: tuple[Asked, ...] = ()
    stepped_in: str | None = None
    because: str | None = None


def _choose(landing: Landing, sources: Sources) -> _Chosen:
    """Asks the sources one after the other, as `pick_source` and `settle` do, and keeps what they said."""
    asked: list[Asked] = []
    fitted: SourceRule | None = None
    for source in in_order(sources.rules):
        fitted = source if fits(source, landing) else None
        asked.append(
            Asked(
                source_id=source.id,
                slug=source.slug,
                preset=source.preset,
                fits=fitted is not None,
                has_numbers=source.id in sources.with_numbers,
            )
        )
        if fitted is not None:
            break
    settled = stand_in(fitted, sources.rules, sources.with_numbers)
    spare = settled if settled is not fitted else None
    because = None if spare is None else "no_numbers" if fitted is not None else "nothing_fits"
    return _Chosen(
        tracking_source=settled.slug if settled else None,
        fitted=fitted.slug if fitted else None,
        asked=tuple(asked),
        stepped_in=spare.slug if spare else None,
        because=because,
    )
