"""Fetches recordings from their provider and keeps them here, again and again for a day where that fails."""

import base64
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Lock
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import select

from app.regular_jobs import Around
from app.secretbox import SecretBox
from app.telephony.media import Downloads, NotFetched, Sound
from app.telephony.media_store import new_file, path_of, remove_files
from app.telephony.twilio_media import is_twilios, sound_of
from core.text import clean
from store.calls import Call
from store.provider_events import CallRecording
from store.sessions import Work
from store.sites import ProviderCredential

log = logging.getLogger("ringtrace.telephony")

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=4)
MOST_TRIES = 15
"""The waits grow from half a minute to four hours; after so many tries a day has gone by."""
AT_ONCE = 50
"""Recordings of an account that one look takes up."""
NO_CREDENTIALS = "no credentials of Twilio are kept for this account, so its recordings cannot be asked for"
WITHOUT_SPACE = "it could not be stored here"


@dataclass(frozen=True, kw_only=True)
class _Due:
    """A recording that is to be fetched."""

    recording_id: str
    address: str | None
    channels: int | None


def wait_after(tries: int) -> timedelta | None:
    """How long to wait after so many failed tries; None: no more, a day has gone by."""
    return None if tries >= MOST_TRIES else min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT)


def fetch_due(around: Around, downloads: Downloads | None = None, *, elsewhere: Mapping[str, str] | None = None) -> str:
    """Fetches the recordings of the account that are due, one after the other; says how it went.

    `elsewhere`: host of Twilio → base address that takes its place. What fails waits for its next time.
    """
    get = downloads or Downloads()
    with around.database.read() as work:
        rows = work.account(around.account_id).execute(
            select(CallRecording.recording_id, CallRecording.address, CallRecording.channels)
            .where(CallRecording.next_try_at.is_not(None), CallRecording.next_try_at <= around.at)
            .order_by(CallRecording.next_try_at, CallRecording.recording_id)
            .limit(AT_ONCE)
        )
        due = [_Due(recording_id=i, address=address, channels=channels) for i, address, channels in rows]
        credentials = _credentials(work, around) if due else None
    fetched = failed = 0
    for one in due:
        if around.should_stop():
            break
        if _fetch(around, get, one, credentials, elsewhere or {}):
            fetched += 1
        else:
            failed += 1
    return f"{fetched} fetched, {failed} failed"


def _credentials(work: Work, around: Around) -> str | None:
    """What proves to Twilio who asks, as a header's value; None where none is kept that our keys open."""
    row = work.account(around.account_id).get(ProviderCredential, (around.account_id, "twilio"))
    token = SecretBox(around.settings).open(row.token) if row is not None else None
    if row is None or not token:
        return None
    return "Basic " + base64.b64encode(f"{row.account_sid}:{token}".encode()).decode()


def _fetch(around: Around, get: Downloads, one: _Due, credentials: str | None, elsewhere: Mapping[str, str]) -> bool:
    """Fetches and stores one recording, no transaction open meanwhile; whether that went well."""
    try:
        with new_file(around.settings, around.account_id, one.recording_id) as half:
            url, headers = _request(one, credentials, elsewhere)
            sound = get.get(url, half.file, headers=headers, should_stop=around.should_stop)
            half.keep(path_of(around.settings, around.account_id, one.recording_id, sound.media_type))
    except NotFetched as error:
        if around.should_stop():
            return False  # nobody failed; it is due as before
        _failed(around, one.recording_id, str(error))
        return False
    except OSError as error:
        log.exception("a recording could not be stored")
        _failed(around, one.recording_id, f"{WITHOUT_SPACE} ({error.strerror or type(error).__name__})")
        return False
    return _stored(around, one.recording_id, sound)


def _request(one: _Due, credentials: str | None, elsewhere: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """What to ask, and how to prove who asks. Raises NotFetched where nothing can be asked."""
    if one.address is None:
        raise NotFetched("the provider told no address")
    if not is_twilios(one.address):
        return one.address, {}
    if credentials is None:
        raise NotFetched(NO_CREDENTIALS)
    url = urlsplit(sound_of(one.address, one.channels))
    if (base := elsewhere.get(url.hostname or "")) is not None:
        there = urlsplit(base)
        url = url._replace(scheme=there.scheme, netloc=there.netloc, path=there.path.rstrip("/") + url.path)
    return urlunsplit(url), {"Authorization": credentials}


def _stored(around: Around, recording_id: str, sound: Sound) -> bool:
    """Writes down that it is here, with its call as changed, so that open pages show it."""
    with around.database.write() as work:
        row = _held(work, around.account_id, recording_id)
        if row is None or row.deleted_at is not None:
            # Erased while it was fetched: nothing of it may stay.
            remove_files(around.settings, around.account_id, recording_id)
            return False
        row.stored_at, row.media_type, row.size_bytes = around.at, sound.media_type, sound.size_bytes
        row.next_try_at = row.problem = None
        call = work.account(around.account_id).get(Call, (around.account_id, row.call_id), with_for_update=True)
        if call is not None:
            call.updated_at = max(around.at, call.updated_at)
    return True


def _failed(around: Around, recording_id: str, why: str) -> None:
    """Writes down why, and when it is tried again."""
    with around.database.write() as work:
        row = _held(work, around.account_id, recording_id)
        if row is None or row.next_try_at is None:
            return
        row.tries += 1
        wait = wait_after(row.tries)
        row.next_try_at = around.at + wait if wait is not None else None
        row.problem = clean(why if wait is not None else f"given up after a day of trying: {why}", 300)
    log.info("recording %s was not fetched: %s", recording_id, why)


def _held(work: Work, account_id: str, recording_id: str) -> CallRecording | None:
    return work.account(account_id).get(CallRecording, (account_id, recording_id), with_for_update=True)


class Fetching:
    """Fetches in a thread of its own, so that nothing else waits for other people's servers; an account at a time.

    `ends` tells whether the server is to stop.
    """

    def __init__(self, ends: Callable[[], bool] = lambda: False, fetch: Callable[[Around], str] = fetch_due) -> None:
        self._ends, self._fetch = ends, fetch
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: set[str] = set()
        self._lock = Lock()

    def look(self, around: Around) -> None:
        """Fetches what is due, soon; an account that waits for its turn already is not put into the line twice."""
        with self._lock:
            if self._ends() or around.account_id in self._waiting:
                return
            self._waiting.add(around.account_id)
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="ringtrace-recordings")
            self._thread.submit(self._do, replace(around, should_stop=self._ends))

    def stop(self) -> None:
        """Ends what runs, within seconds: a sound that is half there is fetched again later."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def _do(self, around: Around) -> None:
        try:
            if not self._ends():
                said = self._fetch(around)
                log.debug("recordings of account %s: %s", around.account_id, said)
        except Exception:
            log.exception("recordings of account %s could not be fetched", around.account_id)
        finally:
            with self._lock:
                self._waiting.discard(around.account_id)
