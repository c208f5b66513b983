"""Whose address a request comes from, and the region it lies in."""

import os
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from app import client_address as module
from app.client_address import client_address, region_of
from app.settings import Settings

NEW_YORK = {"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "NY"}]}
ENGLAND = {"country": {"iso_code": "GB"}, "subdivisions": [{"iso_code": "ENG"}, {"iso_code": "WSM"}]}
SINGAPORE = {"country": {"iso_code": "SG"}}
ODD = {"country": "US", "subdivisions": [{"names": {"en": "New York"}}]}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    module._say_regions_are_unknown.cache_clear()
    yield
    module._database.cache_clear()
    module._lookup.cache_clear()


def write(path: Path, *, ip_version: int = 6, **networks: dict[str, Any]) -> Path:
    """An MMDB like MaxMind's; networks by name, so that `write(p, new_york=…)` reads well."""
    places = {
        "v4": "198.51.100.0/24", "england": "192.0.2.0/24", "country": "203.0.113.0/24", "odd": "100.64.0.0/16",
        "v6": "2001:db8:1::/48",
    }  # fmt: skip
    writer = MMDBWriter(ip_version=ip_version, ipv4_compatible=ip_version == 6, database_type="GeoIP2-City")
    for name, record in networks.items():
        writer.insert_network(IPSet([places[name]]), record)
    draft = path.with_suffix(".new")
    writer.to_db_file(str(draft))
    os.replace(draft, path)  # as geoipupdate does
    return path


def settings(**given: str) -> Settings:
    return Settings.from_env({f"RINGTRACE_{name}": value for name, value in given.items()})


def asked(remote: str = "127.0.0.1", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(EnvironBuilder(headers=named, environ_base={"REMOTE_ADDR": remote}).get_environ())


def region(of: str, given: Settings) -> str | None:
    return region_of(asked(), given, ip_address(of))


def test_regions_come_from_the_owners_database(tmp_path: Path):
    path = write(tmp_path / "city.mmdb", v4=NEW_YORK, england=ENGLAND, country=SINGAPORE, odd=ODD, v6=ENGLAND)
    given = settings(GEO_DATABASE=str(path))
    assert region("198.51.100.7", given) == "US-NY"
    assert region("192.0.2.9", given) == "GB-ENG"
    assert region("2001:db8:1::5", given) == "GB-ENG"
    assert region("203.0.113.4", given) is None, "a country alone is no region"
    for unknown in ("100.64.0.1", "127.0.0.1", "10.1.2.3", "::1", "fe80::1", "2001:db8:2::1"):
        assert region(unknown, given) is None, unknown


def test_an_address_written_in_ipv6_is_the_same_address(tmp_path: Path):
    given = settings(GEO_DATABASE=str(write(tmp_path / "city.mmdb", v4=NEW_YORK)))
    request = asked("::ffff:198.51.100.7")
    assert region_of(request, given, client_address(request, given)) == "US-NY"


def test_a_database_of_old_addresses_knows_no_new_ones(tmp_path: Path):
    given = settings(GEO_DATABASE=str(write(tmp_path / "city.mmdb", ip_version=4, v4=NEW_YORK)))
    assert (region("198.51.100.7", given), region("2001:db8:1::5", given)) == ("US-NY", None)


def test_a_replaced_database_counts_from_the_next_visitor_on(tmp_path: Path):
    path = write(tmp_path / "city.mmdb", v4=NEW_YORK)
    given = settings(GEO_DATABASE=str(path))
    assert region("198.51.100.7", given) == "US-NY"
    write(path, v4=ENGLAND)
    assert region("198.51.100.7", given) == "GB-ENG"


def test_a_broken_database_is_said_once_and_the_header_steps_in(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "city.mmdb"
    path.write_bytes(b"no database")
    given = settings(GEO_DATABASE=str(path), REGION_HEADER="X-Region", TRUSTED_PROXIES="127.0.0.1")
    for last in range(3):
        assert region_of(asked(X_Region="us-ca"), given, ip_address(f"198.51.100.{last}")) == "US-CA"
    assert [r.levelname for r in caplog.records if "geo database" in r.message] == ["WARNING"]
    path.unlink()
    assert region("198.51.100.7", given) is None


def test_a_header_counts_from_trusted_proxies_only():
    given = settings(REGION_HEADER="X-Region", TRUSTED_PROXIES="10.0.0.0/8")
    assert region_of(asked("10.0.0.1", X_Region=" us-tx "), given, None) == "US-TX"
    assert region_of(asked("192.0.2.1", X_Region="US-TX"), given, None) is None
    for odd in ("US", "Texas", "US-", "US-TEXAS", "U1-TX", "US-TX, US-CA", "ÜS-TX", "<b>"):
        assert region_of(asked("10.0.0.1", X_Region=odd), given, None) is None, odd


def test_where_nothing_tells_the_log_says_so_once(caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    for _ in range(3):
        assert region("198.51.100.7", settings()) is None
    assert [r.levelname for r in caplog.records if "regions are unknown" in r.message] == ["INFO"]


def test_an_address_is_looked_up_once(tmp_path: Path):
    given = settings(GEO_DATABASE=str(write(tmp_path / "city.mmdb", v4=NEW_YORK)))
    before = module._lookup.cache_info()
    for _ in range(5):
        assert region("198.51.100.7", given) == "US-NY"
    after = module._lookup.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 4)


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_forwarded_addresses_count_up_to_the_first_stranger(remote: str, forwarded: str, address: str):
    given = settings(TRUSTED_PROXIES="10.0.0.0/8")
    assert str(client_address(asked(remote, X_Forwarded_For=forwarded), given)) == address
