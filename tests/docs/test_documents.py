import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import requests

from app.cli import main
from app.settings import PREFIX, Settings, SettingsError
from tests.support.office import Office
from tests.support.serving import Served

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text()
SETTINGS = (PROJECT / "docs" / "settings.md").read_text()
DOCUMENTS = README + "".join(path.read_text() for path in (PROJECT / "docs").glob("*.md"))


class _Asked(dict[str, str]):
    """An environment that remembers which settings were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return default


def _rows() -> dict[str, list[str]]:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in SETTINGS.splitlines() if line.startswith("| ")
    ]
    return {row[0].strip("`"): row[1:] for row in rows if row[0].startswith(f"`{PREFIX}")}


def test_every_setting_is_documented_and_no_other():
    asked = _Asked()
    Settings.from_env(asked)
    assert set(_rows()) == asked.names


def test_what_is_said_to_be_allowed_is_what_the_error_says():
    given = dict.fromkeys(_rows(), "\x01?")
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(given)
    plain = {name: " ".join(cells).replace("`", "") for name, cells in _rows().items()}
    for problem in caught.value.problems:
        name = problem.partition(":")[0]
        allowed = problem.rpartition("allowed is ")[2]
        for word in re.findall(r"[A-Za-z0-9]{4,}", allowed.partition(", such as")[0]):
            assert word in plain[name], f"{name}: {allowed}"


def test_the_defaults_are_the_documented_ones(tmp_path: Path):
    settings = Settings.from_env({f"{PREFIX}INSTANCE_DIR": str(tmp_path)})
    for name, (default, *_) in _rows().items():
        value = getattr(settings, name.removeprefix(PREFIX).lower(), None)
        if isinstance(value, bool):
            assert default == ("on" if value else "off")
        elif isinstance(value, int | float):
            assert default == str(value), name
        elif value is None or value == ():
            assert default == "none" or name.endswith(("INSTANCE_DIR", "SECRET_KEY")), name


def _commands(group: click.Group, before: str = "ringtrace") -> list[str]:
    found = []
    for name, command in group.commands.items():
        whole = f"{before} {name}"
        found += _commands(command, whole) if isinstance(command, click.Group) else [whole]
    return found


def test_every_command_is_in_the_documents():
    for command in _commands(main):
        assert command in DOCUMENTS, command


def test_every_resource_of_the_api_is_in_the_readme(lite_server: Served):
    document = requests.get(f"{lite_server.url}/api/openapi.json", timeout=30).json()
    listed = set(re.findall(r"`(/[^`]*)`", README))
    for path in document["paths"]:
        resource = path.removeprefix("/api/v1")
        assert any(resource == known or resource.startswith(f"{known}/") for known in listed), path
    for known in listed:
        if re.fullmatch(r"/[a-z/{}]+", known) and not known.startswith(("/api", "/health")):
            assert any(path.startswith(f"/api/v1{known}") for path in document["paths"]), known


def test_the_curl_examples_work(lite_office: Office):
    examples = [line.strip() for line in README.splitlines() if line.strip().startswith("curl ")]
    assert len(examples) == 3
    # Run from the last to the first: the report needs the site that the last one makes.
    for example in reversed(examples):
        spoken = example.replace("$RINGTRACE", lite_office.url).replace("$TOKEN", lite_office.token)
        words = shlex.split(spoken)
        url = next(word for word in words if word.startswith("http"))
        headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
        data = words[words.index("-d") + 1] if "-d" in words else None
        answer = requests.request("POST" if data else "GET", url, data=data, headers=headers, timeout=30)
        assert answer.ok, (example, answer.text)


def test_links_between_documents_lead_somewhere():
    for document in (PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_files_the_readme_names_are_there():
    for path in re.findall(r"`([a-z]+(?:/[a-z_]+)+\.py)`", README):
        assert (PROJECT / path).exists(), path
