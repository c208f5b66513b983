"""`/sources`: the tracking sources of an account's sites."""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.accounts.sites import get_site
from app.api.auth import noted, reading, writing
from app.api.base import Answer, Body, ById, Name, Phone, Reference, Text, api_blueprint
from app.api.paging import Page, PageQuery, page_of
from app.engine_room import engine_room
from app.provisioning.fallback import follow_source
from attribution.rules.sources import PRESETS, RULE_FIELDS, RULE_OPS
from core.time import format_time
from numberpool import sources
from numberpool.rules.allocation import DEFAULT_POLICY, POLICIES
from store.sites import TrackingSource

bp = api_blueprint("sources")

Kind = Literal["online", "offline"]
Preset = Annotated[str, Field(max_length=30, json_schema_extra={"enum": list(PRESETS)})]
Rule = Annotated[
    dict[str, Any],
    Field(
        description='`{"all"|"any": [{"field", "op", "value"}, …]}` with field one of '
        f"{', '.join(RULE_FIELDS)} and op one of {', '.join(RULE_OPS)}.",
    ),
]
Policy = Annotated[
    str,
    Field(
        max_length=20,
        description="Which of the pool's numbers a new visitor gets.",
        json_schema_extra={"enum": list(POLICIES)},
    ),
]
Notice = Annotated[
    Text,
    Field(
        max_length=sources.NOTICE_LIMIT,
        description="What callers hear before their call is recorded; needed where `recorded` is true.",
    ),
]
Position = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class NewSource(Body):
    """A source to be made: an online one with a preset or a rule, an offline one with neither."""

    site: Reference
    name: Name
    kind: Kind
    destination: Phone
    preset: Preset | None = None
    rule: Rule | None = None
    position: Position | None = None
    catch_all: bool = False
    target: Phone | None = None
    allocation: Policy = DEFAULT_POLICY
    recorded: bool = Field(default=False, description="Whether its calls are recorded, after `notice` was heard.")
    notice: Notice | None = None


class SourceChange(Body):
    """Fields of a source to be changed; `site` and `kind` may be repeated but not changed."""

    # The defaults below are never used: only what was sent is changed.
    site: Reference = Field(default_factory=str)
    name: Name = Field(default_factory=str)
    kind: Kind = Field(default_factory=lambda: "online")
    destination: Phone = Field(default_factory=str)
    preset: Preset | None = Field(default_factory=lambda: None)
    rule: Rule | None = Field(default_factory=lambda: None)
    position: Position = Field(default_factory=int)
    catch_all: bool = Field(default_factory=bool)
    allocation: Policy = Field(default_factory=lambda: DEFAULT_POLICY)
    target: Phone | None = Field(default_factory=lambda: None)
    recorded: bool = Field(default_factory=bool)
    notice: Notice | None = Field(default_factory=lambda: None)


class SourceAnswer(Answer):
    """A tracking source."""

    id: str
    slug: str
    site: str
    name: str
    kind: Kind
    preset: str | None
    rule: dict[str, Any] | None
    position: int
    catch_all: bool
    target: str | None
    destination: str
    allocation: str
    recorded: bool
    notice: str | None
    created_at: str


class SourcePage(Page):
    """A page of sources."""

    items: list[SourceAnswer]


class SourceQuery(PageQuery):
    """Which sources."""

    site: str | None = Field(default=None, description="Only those of this site.")


def rendered(source: TrackingSource) -> dict[str, Any]:
    """A source as the outside sees it."""
    return SourceAnswer(
        id=source.source_id,
        slug=source.slug,
        site=source.site_id,
        name=source.name,
        kind=source.kind,
        preset=source.preset,
        rule=source.rule,
        position=source.position,
        catch_all=source.catch_all,
        target=source.target,
        destination=source.destination,
        allocation=source.allocation,
        recorded=source.recorded,
        notice=source.notice,
        created_at=format_time(source.created_at),
    ).json_ready()


@bp.post("/sources", responses={201: SourceAnswer})
def create_source(body: NewSource) -> tuple[dict[str, Any], int]:
    """Makes a tracking source."""
    fields = {name: value for name, value in body.given().items() if name != "position" or value is not None}
    with writing() as (_, session):
        made = sources.create_source(session, fields, engine_room().now())
        noted(session, "source.add", made.source_id, name=made.name)
        return rendered(made), 201


@bp.get("/sources", responses={200: SourcePage})
def list_sources(query: SourceQuery) -> dict[str, Any]:
    """The tracking sources of the account, newest first."""
    with reading() as session:
        site_id = get_site(session, query.site).site_id if query.site is not None else None
        rows = sources.list_sources(session, site_id=site_id, after=query.after(), limit=query.limit + 1)
        return page_of(rows, query.limit, lambda s: (s.created_at, s.source_id), rendered)


@bp.get("/sources/<string:id>", responses={200: SourceAnswer})
def get_source(path: ById) -> dict[str, Any]:
    """One tracking source."""
    with reading() as session:
        return rendered(sources.get_source(session, path.id))


@bp.patch("/sources/<string:id>", responses={200: SourceAnswer})
def change_source(path: ById, body: SourceChange) -> dict[str, Any]:
    """Changes the fields that are sent."""
    with writing() as (_, session):
        changed = sources.change_source(session, path.id, body.given())
        noted(session, "source.change", changed.source_id, fields=sorted(body.model_fields_set))
        follow_source(engine_room().settings, session, changed.source_id)
        return rendered(changed)


@bp.delete("/sources/<string:id>", responses={204: None})
def delete_source(path: ById) -> tuple[str, int]:
    """Deletes a source that has no numbers left; its history stays."""
    with writing() as (_, session):
        sources.delete_source(session, path.id, engine_room().now())
        noted(session, "source.delete", path.id)
    return "", 204
