import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from app.demo.start import hosts_of
from app.serve import check_port
from core.errors import Conflict
from tests.support.serving import free_port, wait_until

COMMAND = Path(sys.executable).with_name("ringtrace")


@dataclass
class Demo:
    """`ringtrace demo` as a process group of its own, in an instance folder of its own."""

    folder: Path
    port: int = field(default_factory=free_port)

    def start(self, **more: str) -> "Demo":
        clean = {k: v for k, v in os.environ.items() if not k.startswith("RINGTRACE_")}
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [str(COMMAND), "demo", "--port", str(self.port)],
            env={**clean, "RINGTRACE_INSTANCE_DIR": str(self.folder / "instance"), **more},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def _read(self) -> None:
        with self.process.stdout as stream:
            for line in stream:
                self.said.append(line)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def text(self) -> str:
        return "".join(self.said)

    def told(self, what: str) -> str:
        return re.search(rf"{what}\s+(\S+)", self.text).group(1)

    def up(self, seconds: float = 60) -> float:
        """Seconds until `/health` answered."""
        wait_until(self._answers, seconds, f"the demo did not come up: {self.text}")
        return time.monotonic() - self.begun

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.text
        try:
            return requests.get(f"{self.url}/health", timeout=1).ok
        except requests.RequestException:
            return False

    def stop(self, sign: int = signal.SIGINT) -> float:
        """As Ctrl-C, to the whole group; seconds until all of it was gone."""
        begun = time.monotonic()
        os.killpg(self.process.pid, sign)
        self.process.wait(15)
        wait_until(lambda: not self._anybody(), 10, "a process of the demo is left")
        self.reader.join(5)
        return time.monotonic() - begun

    def _anybody(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    made = Demo(tmp_path)
    yield made
    if hasattr(made, "process") and made._anybody():
        os.killpg(made.process.pid, signal.SIGKILL)
        made.process.wait()


def _cpu_seconds(pid: int) -> float:
    """What a process and its ended children used of the processor: unlike the clock, true on a busy machine."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(n) for n in parts[11:15]) / os.sysconf("SC_CLK_TCK")


def _signs_in(url: str, password: str) -> bool:
    browser = requests.Session()
    form = browser.get(f"{url}/sign-in", timeout=10).text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form).group(1)
    sent = {"csrf_token": token, "email": "demo@example.com", "password": password}
    return browser.post(f"{url}/sign-in", data=sent, timeout=20, allow_redirects=False).status_code == 302


def test_the_first_start_tells_secrets_that_work_and_the_second_keeps_all(demo: Demo):
    demo.start().up()
    assert _cpu_seconds(demo.process.pid) < 10
    password, token = demo.told("password"), demo.told("API token")
    assert demo.told("Staff pages") == f"{demo.url}/"
    assert requests.get(demo.told("Demo website"), timeout=10).ok
    headers = {"Authorization": f"Bearer {token}"}
    calls = requests.get(f"{demo.url}/api/v1/calls?limit=500", headers=headers, timeout=10).json()["items"]
    assert len(calls) > 20
    assert _signs_in(demo.url, password)
    key = demo.folder / "instance" / "secret-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert key.read_text().strip() not in demo.text
    assert demo.stop() < 10
    assert "Traceback" not in demo.text

    demo.start().up()
    assert _cpu_seconds(demo.process.pid) < 5
    again = requests.get(f"{demo.url}/api/v1/calls?limit=500", headers=headers, timeout=10).json()["items"]
    assert [c["id"] for c in again] == [c["id"] for c in calls]
    assert _signs_in(demo.url, password)
    assert demo.stop(signal.SIGTERM) < 10
    assert token not in demo.text
    assert password not in demo.text
    assert "ringtrace user password demo@example.com" in demo.text


def test_killed_while_it_loads_the_next_start_is_a_first_start(demo: Demo):
    demo.start()
    database = demo.folder / "instance" / "ringtrace.db-wal"
    wait_until(database.exists, 30, "no database was begun")
    os.killpg(demo.process.pid, signal.SIGKILL)
    demo.process.wait()
    assert "password" not in demo.text
    demo.start().up()
    assert demo.told("password")
    assert demo.stop() < 10


def test_a_taken_port_is_one_clear_line(demo: Demo):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", demo.port))
        taken.listen()
        demo.start()
        assert demo.process.wait(30) == 1
        demo.reader.join(5)
        assert len(demo.said) == 1, demo.text
        assert f"127.0.0.1:{demo.port}" in demo.text
        with pytest.raises(Conflict):
            check_port("127.0.0.1", demo.port)
    assert not (demo.folder / "instance").exists(), "nothing is made where it cannot serve"


@pytest.mark.parametrize(
    ("host", "base", "among"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", ["127.0.0.1", "localhost"]),
        ("192.168.1.5", "http://192.168.1.5:8000", ["127.0.0.1", "localhost", "192.168.1.5"]),
        ("127.0.0.1", "https://demo.example.com/x", ["127.0.0.1", "localhost", "demo.example.com"]),
        ("::1", "http://[::1]:8000", ["127.0.0.1", "localhost", "::1"]),
    ],
)
def test_where_its_pages_may_be_opened(host: str, base: str, among: list[str]):
    assert hosts_of(host, base) == among
