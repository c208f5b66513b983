"""`/classify`: the rule tester, for one landing or a list of them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, RootModel, Tag, ValidationError
from sqlalchemy import select

from app.api.auth import reading
from app.api.base import Answer, Body, api_blueprint
from app.http_errors import invalid_fields
from app.rule_tester import Reading, classify
from attribution.arrive import Sources, load_sources
from core.errors import InvalidInput
from core.ids import is_id
from store.sessions import AccountSession
from store.sites import Site

MAX_LANDINGS = 500
"""Landings of one request; as many as a list of the API has at most."""
MAX_TEXT = 16_384
"""Characters of an address, a referrer or a user agent."""

bp = api_blueprint("classify", takes_lists=True)


class LandingToClassify(Body):
    """A page view: its address, where it came from, and the browser. With `site`, that site's domains and sources."""

    site: str | None = None
    url: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    referrer: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    user_agent: Annotated[str, Field(max_length=MAX_TEXT)] | None = None


_Landings = Annotated[list[LandingToClassify], Field(max_length=MAX_LANDINGS)]


class ClassifyBody(
    RootModel[
        Annotated[
            Annotated[LandingToClassify, Tag("one")] | Annotated[_Landings, Tag("many")],
            Discriminator(lambda value: "many" if isinstance(value, list) else "one"),
        ]
    ]
):
    """One landing, or a list of them."""

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> "ClassifyBody":
        """The body, checked. Raises InvalidInput with the fields of one landing; in a list, the index stands first."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            problems = {_path(place): problem for place, problem in invalid_fields(error).items()}
            raise InvalidInput(problems) from None

    def landings(self) -> Sequence[LandingToClassify]:
        """The landings, one or many."""
        return self.root if isinstance(self.root, list) else [self.root]


def _path(place: str) -> str:
    """`many.3.url` as `url.3`, `one.url` as `url`: the field first, then where in the list."""
    _, _, inside = place.partition(".")
    index, _, field = inside.partition(".")
    if not index.isdigit():
        return inside or "items"
    return f"{field or 'items'}.{index}"


class FindingAnswer(Answer):
    """Something odd about a landing: its `kind`, and what else there is to say about it."""

    model_config = ConfigDict(extra="allow")
    kind: str


class ReadingAnswer(Answer):
    """How a landing is read. `tracking_source` is a source's slug with a site, a preset without."""

    source: str | None
    medium: str | None
    campaign: str | None
    term: str | None
    content: str | None
    channel: str
    tracking_source: str | None
    click_ids: dict[str, str]
    bot: bool
    device: Literal["phone", "tablet", "desktop", "other"]
    findings: list[FindingAnswer]
    preset: str
    keeps: bool
    rules_version: str


class ReadingList(Answer):
    """How each landing of a list is read, in the order sent."""

    items: list[ReadingAnswer]


class ClassifyAnswer(RootModel[ReadingAnswer | ReadingList]):
    """One reading for one landing, `items` for a list."""


def rendered(read: Reading) -> dict[str, Any]:
    """A reading as the outside sees it."""
    return {
        "source": read.source,
        "medium": read.medium,
        "campaign": read.campaign,
        "term": read.term,
        "content": read.content,
        "channel": read.channel,
        "tracking_source": read.tracking_source,
        "click_ids": dict(read.click_ids),
        "bot": read.bot,
        "device": read.device,
        "findings": [{**found.detail, "kind": found.kind} for found in read.findings],
        "preset": read.preset,
        "keeps": read.keeps,
        "rules_version": read.rules_version,
    }


@bp.post("/classify", responses={200: ClassifyAnswer})
def classify_landings(body: ClassifyBody) -> dict[str, Any]:
    """Reads landings by the very rules that live traffic meets; keeps nothing."""
    asked = body.landings()
    with reading() as session:
        sites = _sites(session, asked, many=isinstance(body.root, list))
        sources: dict[str, Sources] = {id_: load_sources(session, id_) for id_ in sites}
        read = [
            rendered(
                classify(
                    session,
                    sites[landing.site] if landing.site is not None else None,
                    url=landing.url,
                    referrer=landing.referrer,
                    user_agent=landing.user_agent,
                    sources=sources[landing.site] if landing.site is not None else None,
                )
            )
            for landing in asked
        ]
    return {"items": read} if isinstance(body.root, list) else read[0]


def _sites(session: AccountSession, asked: Sequence[LandingToClassify], *, many: bool) -> dict[str, Site]:
    """The sites that landings name, by id, in one query. Raises InvalidInput where one is not of this account."""
    named = {landing.site for landing in asked if landing.site is not None}
    ids = sorted(id_ for id_ in named if is_id(id_))
    rows = session.scalars(select(Site).where(Site.site_id.in_(ids))) if ids else ()
    found = {row.site_id: row for row in rows}
    for index, landing in enumerate(asked):
        if landing.site is not None and landing.site not in found:
            where = f"site.{index}" if many else "site"
            raise InvalidInput({where: "there is no such site; a site's id is allowed"})
    return found
