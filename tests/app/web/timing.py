"""Whether the time of an answer tells who is a user here: `python -m tests.app.web.timing --tries 300`.

Wrong tries for addresses that are users' and for addresses that are nobody's take turns, with the real password hash,
against the production server. Prints the difference of the means with its 95 % interval; the figure to hold is 10 ms.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

import requests

from tests.app.web.staff import TOKEN
from tests.support.databases import migrated_sqlite
from tests.support.office import Office
from tests.support.serving import ServeProcess

TRIES_EACH = 9
"""Per address: the tenth would be the last that is evaluated."""


def seconds(url: str, email: str, number: int) -> float:
    """How long one wrong try takes, from a browser and an address of its own."""
    http = requests.Session()
    address = {"X-Forwarded-For": f"198.51.{number // 250 % 250}.{number % 250 + 1}"}
    found = TOKEN.search(http.get(f"{url}/sign-in", timeout=60).text)
    assert found
    data = {"csrf_token": found.group(1), "email": email, "password": "wrong password"}
    begin = time.perf_counter()
    answer = http.post(f"{url}/sign-in", data=data, headers=address, timeout=60)
    spent = time.perf_counter() - begin
    assert answer.status_code == 401, answer.status_code
    return spent


def measure(tries: int) -> dict[str, float]:
    """Milliseconds: the means, the medians and the difference of the means with its interval."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{migrated_sqlite(folder)}"
        more = {"RINGTRACE_INSTANCE_DIR": str(folder / "instance"), "RINGTRACE_TRUSTED_PROXIES": "127.0.0.1"}
        server = ServeProcess(url, **more).wait(60)
        try:
            users = [Office.open(server.url, url).email for _ in range(-(-tries // TRIES_EACH))]
            nobody = [f"{n:032x}@example.com" for n in range(len(users))]
            found: dict[bool, list[float]] = {True: [], False: []}
            for n in range(tries):
                turns = [True, False]
                random.shuffle(turns)
                for known in turns:
                    email = (users if known else nobody)[n // TRIES_EACH]
                    found[known].append(seconds(server.url, email, 2 * n + known) * 1000)
        finally:
            server.stop()
    differences = [a - b for a, b in zip(found[True], found[False], strict=True)]
    return {
        "tries_each": tries,
        "known_mean_ms": statistics.fmean(found[True]),
        "unknown_mean_ms": statistics.fmean(found[False]),
        "known_median_ms": statistics.median(found[True]),
        "unknown_median_ms": statistics.median(found[False]),
        "difference_ms": statistics.fmean(differences),
        "interval_ms": 1.96 * statistics.stdev(differences) / len(differences) ** 0.5,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Whether the time of an answer tells who is a user here.")
    parser.add_argument("--tries", type=int, default=300, help="of each kind (300)")
    print(json.dumps({k: round(v, 2) for k, v in measure(parser.parse_args().tries).items()}, indent=1))
