"""The WSGI entry: `granian --interface wsgi wsgi:app`, or whatever server you prefer."""

from app.backup.keeper import start_backups
from app.factory import create_app, warm_up
from app.jobs import start_jobs
from app.outage.start import start_outage
from app.telling.deliver import start_deliveries

app = create_app()
warm_up()
start_outage(app)
start_jobs(app)
start_deliveries(app)
start_backups(app)
