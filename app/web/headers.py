"""Security headers of every answer: what a staff page may load (only ours), and that nobody keeps or frames it.

The demo's pages are a visitor's: they run the script as any website does.
"""

from flask import Flask, Response, request

from app.engine_room import engine_room
from app.http_errors import MACHINE_PATHS

POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ]
)
MACHINE_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""An answer to a machine is no page: opened as one it loads nothing."""
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
ASSETS = ("/static/", "/bootstrap/static/")
HSTS = "max-age=31536000; includeSubDomains"


def add_headers(response: Response) -> Response:
    """Adds the headers; what a view set itself stays."""
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    if engine_room().settings.https:
        headers.setdefault("Strict-Transport-Security", HSTS)
    if request.path.startswith("/demo/"):
        return response
    # The script is for other sites' pages and says so itself; nothing else of ours is.
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if request.path.startswith(MACHINE_PATHS):
        headers.setdefault("Content-Security-Policy", MACHINE_POLICY)
        if request.path.startswith(("/api/v1/", "/webhooks/", "/health", "/metrics")):
            headers.setdefault("Cache-Control", "no-store")
        return response
    headers.setdefault("Content-Security-Policy", POLICY)
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", PERMISSIONS)
    if not request.path.startswith(ASSETS):
        headers["Cache-Control"] = "no-store"
    elif "v" in request.args and response.status_code == 200:
        headers["Cache-Control"] = "public, max-age=31536000, immutable"  # a changed file has another address
    return response


def register_headers(app: Flask) -> None:
    """Every answer passes here, errors too."""
    app.after_request(add_headers)
