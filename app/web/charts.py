"""Charts on pages: BokehJS out of the installed package, and the policy of a page that draws with it.

BokehJS styles its shadow trees by `style` elements, which a page of ours forbids. A chart page names a nonce for them,
and `charts.js` gives it to the elements that BokehJS makes; scripts stay files of ours.
"""

import secrets
from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, Response, make_response, render_template, send_file, url_for
from flask.blueprints import BlueprintSetupState

from app.web.headers import POLICY

PATH = "/static/bokeh/bokeh.min.js"
"""Among the static files: no page's content, so it needs no sign-in and may be kept."""


def chart_page(template: str, **context: object) -> Response:
    """Renders a page that may draw charts; its template finds `style_nonce` and `bokeh_js`."""
    nonce = secrets.token_urlsafe(16)
    page = render_template(template, style_nonce=nonce, bokeh_js=_bokeh_url, **context)
    response = make_response(page)
    response.headers["Content-Security-Policy"] = chart_policy(nonce)
    return response


def chart_policy(nonce: str) -> str:
    """The policy of the staff pages, with style elements that carry this nonce."""
    return POLICY.replace("style-src 'self'", f"style-src 'self' 'nonce-{nonce}'")


def _bokeh_url() -> str:
    # Bokeh takes half a second to load; pages without a chart, and the start, need not wait for it.
    from reports.charts import BOKEH_VERSION

    return url_for("bokeh_js", v=BOKEH_VERSION)


def bokeh_js() -> Response:
    """BokehJS; its address holds the version, so that browsers may keep it."""
    from reports.charts import BOKEH_JS

    kept = int(timedelta(days=365).total_seconds())
    return send_file(BOKEH_JS, mimetype="text/javascript", max_age=kept, conditional=True)


def _add_file(state: BlueprintSetupState) -> None:
    view: Callable[[], Response] = bokeh_js
    state.app.add_url_rule(PATH, endpoint="bokeh_js", view_func=view)


def add_routes(web: Blueprint) -> None:
    """The library, beside the application's own static files."""
    web.record_once(_add_file)
