"""Puts the REST API into the application."""

from flask_openapi3.openapi import OpenAPI
from flask_wtf.csrf import CSRFProtect

from app.api import (
    alarms,
    audit,
    buying,
    calls,
    classify,
    messages,
    number_history,
    numbers,
    openapi,
    providers,
    recordings,
    reports,
    retention,
    sites,
    sources,
    visitors,
    webhook_deliveries,
    webhooks,
)
from app.api.base import ApiRequest

RESOURCES = (
    sites,
    sources,
    numbers,
    number_history,
    buying,
    providers,
    calls,
    recordings,
    messages,
    visitors,
    reports,
    classify,
    alarms,
    audit,
    webhooks,
    webhook_deliveries,
    retention,
)


def register(app: OpenAPI, csrf: CSRFProtect) -> None:
    """Every resource under /api/v1 and the document that describes them. Tokens authenticate, so no CSRF check."""
    app.request_class = ApiRequest
    # A path with two slashes is no path of ours; a redirect would be an answer nobody documented.
    app.url_map.merge_slashes = False
    for resource in RESOURCES:
        csrf.exempt(resource.bp)
        app.register_api(resource.bp)
    openapi.register(app)
