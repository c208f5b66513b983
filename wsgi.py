"""The WSGI entry: `granian --interface wsgi wsgi:app`, or whatever server you prefer."""

from app.factory import create_app

app = create_app()
