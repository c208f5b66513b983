"""The WSGI entry: `granian --interface wsgi wsgi:app`, or whatever server you prefer."""

from app.factory import create_app, warm_up

app = create_app()
warm_up()
