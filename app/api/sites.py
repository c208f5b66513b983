"""`/sites`: the websites of an account."""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.accounts import sites
from app.api.auth import noted, reading, writing
from app.api.base import Answer, Body, ById, Name, Phone, Text, api_blueprint
from app.api.paging import Page, PageQuery, page_of
from app.engine_room import engine_room
from core.time import format_time
from store.sites import Site

bp = api_blueprint("sites")

Consent = Literal["full", "source", "none"]
Host = Annotated[Text, Field(max_length=300, description="A host without scheme, port or path.")]
Domains = Annotated[list[Host], Field(min_length=1, max_length=100)]
Numbers = Annotated[list[Phone], Field(max_length=100)]
Network = Annotated[Text, Field(max_length=60)]
Networks = Annotated[list[Network], Field(max_length=500)]
Code = Annotated[Text, Field(min_length=1, max_length=100)]
VisitorsPerNumber = Annotated[int, Field(ge=1, le=1000)]
Target = Annotated[float, Field(ge=0, le=1)]
SureFrom = Annotated[
    float, Field(ge=0, le=1, allow_inf_nan=False, description="From this likelihood on a match is called sure.")
]
LikelyFrom = Annotated[
    float,
    Field(
        ge=0, le=1, allow_inf_nan=False, description="From this likelihood on it is called likely; up to `sure_from`."
    ),
]


class NewSite(Body):
    """A site to be made; what is left out gets a default."""

    name: Name
    domains: Domains
    numbers: Numbers = Field(default_factory=list)
    time_zone: Code = "UTC"
    country: Code = "US"
    currency: Code = "USD"
    consent_default: Consent = "full"
    exclude_networks: Networks = Field(default_factory=list)
    visitors_per_number: VisitorsPerNumber = 20
    likelihood_target: Target = 0.9
    sure_from: SureFrom = 0.9
    likely_from: LikelyFrom = 0.6


class SiteChange(Body):
    """Fields of a site to be changed."""

    # The defaults below are never used: only what was sent is changed.
    name: Name = Field(default_factory=str)
    domains: Domains = Field(default_factory=list)
    numbers: Numbers = Field(default_factory=list)
    time_zone: Code = Field(default_factory=str)
    country: Code = Field(default_factory=str)
    currency: Code = Field(default_factory=str)
    consent_default: Consent = Field(default_factory=lambda: "full")
    exclude_networks: Networks = Field(default_factory=list)
    visitors_per_number: VisitorsPerNumber = Field(default_factory=int)
    likelihood_target: Target = Field(default_factory=float)
    sure_from: SureFrom = Field(default_factory=float)
    likely_from: LikelyFrom = Field(default_factory=float)


class SiteAnswer(Answer):
    """A site; `key` is what its script tag names."""

    id: str
    key: str
    name: str
    domains: list[str]
    numbers: list[str]
    time_zone: str
    country: str
    currency: str
    consent_default: Consent
    exclude_networks: list[str]
    visitors_per_number: int
    likelihood_target: float
    sure_from: float
    likely_from: float
    created_at: str


class SitePage(Page):
    """A page of sites."""

    items: list[SiteAnswer]


def rendered(site: Site) -> dict[str, Any]:
    """A site as the outside sees it."""
    return SiteAnswer(
        id=site.site_id,
        key=site.key,
        name=site.name,
        domains=site.domains,
        numbers=site.numbers,
        time_zone=site.time_zone,
        country=site.country,
        currency=site.currency,
        consent_default=site.consent_default,
        exclude_networks=site.exclude_networks,
        visitors_per_number=site.visitors_per_number,
        likelihood_target=site.likelihood_target,
        sure_from=site.sure_from,
        likely_from=site.likely_from,
        created_at=format_time(site.created_at),
    ).json_ready()


@bp.post("/sites", responses={201: SiteAnswer})
def create_site(body: NewSite) -> tuple[dict[str, Any], int]:
    """Makes a site."""
    with writing() as (work, session):
        site = sites.create_site(work, session, body.given(), engine_room().now())
        noted(session, "site.add", site.site_id, name=site.name)
        return rendered(site), 201


@bp.get("/sites", responses={200: SitePage})
def list_sites(query: PageQuery) -> dict[str, Any]:
    """The sites of the account, newest first."""
    with reading() as session:
        rows = sites.list_sites(session, after=query.after(), limit=query.limit + 1)
        return page_of(rows, query.limit, lambda s: (s.created_at, s.site_id), rendered)


@bp.get("/sites/<string:id>", responses={200: SiteAnswer})
def get_site(path: ById) -> dict[str, Any]:
    """One site."""
    with reading() as session:
        return rendered(sites.get_site(session, path.id))


@bp.patch("/sites/<string:id>", responses={200: SiteAnswer})
def change_site(path: ById, body: SiteChange) -> dict[str, Any]:
    """Changes the fields that are sent."""
    with writing() as (_, session):
        site = sites.change_site(session, path.id, body.given())
        noted(session, "site.change", site.site_id, fields=sorted(body.model_fields_set))
        return rendered(site)
