"""A member of staff with a browser that runs no scripts."""

import re
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.support.office import PASSWORD, Office

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Staff:
    """Uses the pages over HTTP, with cookies and form tokens as a browser would."""

    url: str
    email: str
    http: requests.Session = field(default_factory=requests.Session)

    @classmethod
    def of(cls, office: Office) -> "Staff":
        """The owner of that office, signed in."""
        staff = cls(office.url, office.email)
        answer = staff.enter()
        assert answer.status_code == 302, answer.text
        return staff

    def token(self, path: str = "/sign-in") -> str:
        """A form token of this browser's, as a page holds it."""
        found = TOKEN.search(self.get(path).text)
        assert found, f"no form on {path}"
        return found.group(1)

    def enter(self, password: str = PASSWORD, email: str | None = None, path: str = "/sign-in") -> requests.Response:
        """Fills in the door's form."""
        data = {"csrf_token": self.token(), "email": email or self.email, "password": password}
        return self.http.post(f"{self.url}{path}", data=data, allow_redirects=False, timeout=30)

    def get(self, path: str, **more: Any) -> requests.Response:
        """Opens a page."""
        return self.http.get(f"{self.url}{path}", timeout=30, **more)

    def post(self, path: str, data: dict[str, str] | None = None, **more: Any) -> requests.Response:
        """Sends a form with this browser's token."""
        data = {"csrf_token": self.token("/accuracy"), **(data or {})}
        return self.http.post(f"{self.url}{path}", data=data, timeout=30, **more)
