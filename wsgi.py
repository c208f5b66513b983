"""The WSGI entry: `granian --interface wsgi wsgi:app`, or whatever server you prefer."""

from app.factory import create_app, warm_up
from app.jobs import start_jobs

app = create_app()
warm_up()
start_jobs(app)
