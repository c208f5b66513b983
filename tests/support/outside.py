"""Servers that were not written here: a mock that reads Twilio's OpenAPI documents, and an emulator of Twilio.

`tests/support/install-node-tools.sh` installs them. Without them the tests skip, with CI=true they fail.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.support.serving import free_port, wait_until

TOOLS = Path(__file__).resolve().parents[2] / ".venv" / "node"
SID = "AC" + "0123456789abcdef" * 2
TOKEN = "a-token-of-the-emulator"
API, PRICING = "api.twilio.com", "pricing.twilio.com"
UP_SECONDS = 60


@dataclass(frozen=True)
class Outside:
    """A running server, and whose credentials it takes."""

    url: str
    sid: str = SID
    token: str = TOKEN

    def ask(self, method: str, path: str, **more: object) -> requests.Response:
        """A plain request with the credentials, past our client."""
        return requests.request(method, f"{self.url}{path}", auth=(self.sid, self.token), timeout=30, **more)  # type: ignore[arg-type]

    def held(self) -> list[dict[str, object]]:
        """The numbers of the account, as the server itself tells."""
        answer = self.ask("GET", f"/2010-04-01/Accounts/{self.sid}/IncomingPhoneNumbers.json?PageSize=1000")
        return list(answer.json()["incoming_phone_numbers"])

    def clear(self) -> None:
        """Gives every number back."""
        for number in self.held():
            self.ask("DELETE", f"/2010-04-01/Accounts/{self.sid}/IncomingPhoneNumbers/{number['sid']}.json")


def require_tools() -> None:
    """Skips, or with CI=true fails, where the tools are not installed."""
    if (TOOLS / ".installed").exists():
        return
    said = "the outside references of the Twilio client are not installed (sh tests/support/install-node-tools.sh)"
    if os.environ.get("CI") == "true":
        pytest.fail(said)
    pytest.skip(said)


@contextmanager
def running(script: str, arguments: list[str], url: str, alive: str) -> Iterator[str]:
    """A Node script that serves at `url`, up once `alive` answers anything; ended with everything it started."""
    require_tools()
    node = shutil.which("node", path=str(TOOLS)) or "node"
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [node, str(TOOLS / "node_modules" / script), *arguments],
            cwd=TOOLS,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until(lambda: _answers(process, url + alive), UP_SECONDS, f"{script} did not come up")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    assert process.poll() is None, "the server ended at once"
    try:
        requests.get(url, timeout=5)
    except requests.RequestException:
        return False
    return True


@contextmanager
def prism(document: str) -> Iterator[str]:
    """Prism over one of Twilio's documents; a request that does not fit the document is refused with 422."""
    port = free_port()
    arguments = ["mock", "--multiprocess=false", "-h", "127.0.0.1", "-p", str(port)]
    path = TOOLS / "twilio" / f"{document}.json"
    with running("@stoplight/prism-cli/dist/index.js", [*arguments, str(path)], f"http://127.0.0.1:{port}", "/") as url:
        yield url


@contextmanager
def emulator() -> Iterator[Outside]:
    """The emulator, with one account that has no numbers yet."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder) / "seed.json"
        account = {"sid": SID, "auth_token": TOKEN, "friendly_name": "Tests"}
        seed.write_text(json.dumps({"twilio": {"account": account}}))
        arguments = ["start", "--service", "twilio", "--port", str(port), "--seed", str(seed)]
        with running("emulate/dist/index.js", arguments, f"http://127.0.0.1:{port}", "/") as url:
            yield Outside(url)
