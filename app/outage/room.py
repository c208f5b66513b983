"""What one process holds for outages: its patience, the files of numbers, the spool."""

from sqlalchemy import event

from app.outage.keeper import Keeper
from app.outage.numbers import NumberFiles
from app.outage.patience import Patience
from app.outage.reach import Watch
from app.outage.spool import Spool
from app.secretbox import SecretBox
from app.settings import Settings
from store.sessions import Database


class Outage:
    """Built with the application; only a process that serves starts the `keeper`."""

    def __init__(self, settings: Settings, database: Database, secrets: SecretBox) -> None:
        # One watch for each database of a process, however many rooms are built over it.
        self.watch = database.reach if isinstance(database.reach, Watch) else Watch(database.engine)
        database.reach = self.watch
        self.patience = Patience(self.watch)
        event.listen(database.engine, "engine_disposed", lambda _: self.patience.rest())
        self.files = NumberFiles(settings.outage, secrets)
        self.spool = Spool(settings.outage / "spool")
        self.keeper = Keeper(database, self.files)
