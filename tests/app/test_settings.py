from datetime import time
from pathlib import Path

import pytest

from app.settings import Settings, SettingsError


def _read(**given: str) -> Settings:
    return Settings.from_env({f"RINGTRACE_{name}": value for name, value in given.items()})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://x/y"),
        ("DATABASE_URL", "sqlite://"),
        ("SECRET_KEY", "short"),
        ("PREVIOUS_SECRET_KEYS", "long enough for a key,short"),
        ("PUBLIC_BASE_URL", "ftp://example.com"),
        ("PUBLIC_BASE_URL", "https://example.com/?a=1"),
        ("PUBLIC_BASE_URL", "https://example.com:99999"),
        ("GEO_DATABASE", "/nowhere/at/all.mmdb"),
        ("REGION_HEADER", "X Region"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
        ("API_CALLS_PER_MINUTE", "0"),
        ("NEW_VISITORS_PER_MINUTE", "many"),
        ("CANDIDATE_DAYS", "-1"),
        ("TRAIN_AT", "24:00"),
        ("TRAIN_AT", "half past three"),
        ("TRAIN_AT", "03:30:10"),
        ("TRAIN_AT", "03:30+02:00"),
        ("TRAIN_AT", "0330"),
        ("LOG_LEVEL", "LOUD"),
        ("DEMO", "maybe"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: str):
    with pytest.raises(SettingsError) as caught:
        _read(**{name: value})
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"RINGTRACE_{name}: ")
    assert "allowed is" in caught.value.problems[0]


def test_all_problems_are_told_at_once():
    with pytest.raises(SettingsError) as caught:
        _read(DATABASE_URL="nothing", CANDIDATE_DAYS="x", DEMO="x", LOG_LEVEL="2")
    assert len(caught.value.problems) == 4


def test_what_may_hold_a_secret_is_not_repeated():
    with pytest.raises(SettingsError) as caught:
        _read(DATABASE_URL="postgres://u:hunter2@h/d", SECRET_KEY="hunter2", PREVIOUS_SECRET_KEYS="hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("text", "on"), [("on", True), ("1", True), ("TRUE", True), ("off", False), ("no", False)])
def test_the_demo_switch(text: str, on: bool):
    assert _read(DEMO=text).demo is on
    assert _read().demo is False


@pytest.mark.parametrize(
    ("text", "at"), [("", time(3, 30)), ("23:59", time(23, 59)), ("4:05", time(4, 5)), ("off", None), ("OFF", None)]
)
def test_when_models_are_trained(text: str, at: time | None):
    assert _read(TRAIN_AT=text).train_at == at


def test_an_empty_value_is_none(tmp_path: Path):
    settings = _read(SECRET_KEY="", DEMO=" ", INSTANCE_DIR=str(tmp_path))
    assert settings.secret_key is None
    assert settings.demo is False
    assert settings.database_url == f"sqlite:///{tmp_path / 'ringtrace.db'}"


def test_a_kept_key_is_read(tmp_path: Path):
    (tmp_path / "secret-key").write_text("a key that an earlier start kept\n")
    assert _read(INSTANCE_DIR=str(tmp_path)).secret_key == "a key that an earlier start kept"
