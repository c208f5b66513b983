"""The demo's website: what stands on its pages, and the ways to arrive that its controls offer."""

import secrets
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of the website: its path below /demo, its name in the menu and its title."""

    path: str
    menu: str
    title: str
    template: str


PAGES: tuple[Page, ...] = (
    Page(path="/", menu="Home", title="Plumbing and heating in Westchester", template="home"),
    Page(path="/services", menu="Services", title="What we do", template="services"),
    Page(path="/emergency", menu="Emergency", title="Burst pipe? Call us, day or night", template="emergency"),
    Page(path="/pricing", menu="Pricing", title="What it costs", template="pricing"),
    Page(path="/contact", menu="Contact", title="Talk to us", template="contact"),
)


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A way to arrive: what it is called, and the path with the tags it brings."""

    label: str
    path: str


def arrivals() -> list[Arrival]:
    """The ways to arrive, with a click id nobody had before."""
    click = secrets.token_hex(12)
    ad = f"utm_source=google&utm_medium=cpc&utm_campaign=emergency_plumber&utm_term=plumber&gclid=Cj0KCQ{click}"
    letter = "utm_source=newsletter&utm_medium=email&utm_campaign=fall_boiler_check"
    social = f"utm_source=facebook&utm_medium=paid_social&utm_campaign=new_homeowners&fbclid=IwAR{click}"
    return [
        Arrival(label="Google Ads click", path=f"/emergency?{ad}"),
        Arrival(label="Newsletter", path=f"/services?{letter}"),
        Arrival(label="Facebook ad", path=f"/services?{social}"),
        Arrival(label="Google search", path="/?utm_source=google&utm_medium=organic"),
        Arrival(label="Directly", path="/"),
    ]
