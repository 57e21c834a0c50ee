"""Settings: right ones are taken, wrong ones stop the start with one line."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from config import settings

PRODUCTION = {
    "DATABASE_URL": "postgresql://hub@db/hub",
    "SECRET_KEY": "s" * 40,
    "FIELD_KEYS": Fernet.generate_key().decode(),
    "PUBLIC_URL": "https://hub.example/",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    settings.reset()
    return monkeypatch


@pytest.fixture(autouse=True)
def _reset_settings() -> object:
    yield
    settings.reset()


def test_nothing_set_gives_an_embedded_hub_with_keys_of_its_own(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = settings.get()
    settings.reset()

    assert first.effective_database_url == f"sqlite:///{tmp_path}/hub.sqlite3"
    assert first.effective_redis_url == f"unix://{tmp_path}/redis.sock"
    assert len(first.secret_key) >= 32
    assert settings.get() == first, "the second start finds the keys of the first"
    assert (tmp_path / "keys" / "field_key").stat().st_mode & 0o077 == 0


def test_processes_that_start_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from config import settings; print(settings.get().secret_key)",
    ]
    started = [
        subprocess.Popen(command, env={"VAR_DIR": str(tmp_path)}, stdout=subprocess.PIPE)
        for _ in range(6)
    ]

    keys = {process.communicate()[0] for process in started}

    assert len(keys) == 1
    assert keys != {b""}


def test_production_takes_what_it_is_given(environment: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        environment.setenv(name, value)

    given = settings.get()

    assert given.effective_database_url == "postgresql+psycopg://hub@db/hub"
    assert given.base_url == "https://hub.example"


@pytest.mark.parametrize("missing", ["SECRET_KEY", "FIELD_KEYS", "PUBLIC_URL"])
def test_production_without_a_secret_does_not_start(
    environment: pytest.MonkeyPatch, missing: str
) -> None:
    for name, value in PRODUCTION.items():
        environment.setenv(name, value)
    environment.delenv(missing)

    with pytest.raises(settings.SettingsError, match=missing):
        settings.get()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://x"),
        ("REDIS_URL", "localhost:6379"),
        ("PORT", "http"),
        ("PORT", "70000"),
        ("TIMEZONE", "Asia/Huayin"),
        ("FIELD_KEYS", "short"),
        ("SECRET_KEY", "short"),
        ("WECHAT_API_URL", "api.weixin.qq.com"),
        ("LOG_LEVEL", "LOUD"),
        ("TRUSTED_PROXIES", "-1"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)

    with pytest.raises(settings.SettingsError) as refusal:
        settings.get()

    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ROBOT_ORIGINS", "qyapi.weixin.qq.com", "must be like https"),
        ("ROBOT_ORIGINS", "https://a.cn/path", "must be like https"),
        ("ROBOT_ORIGINS", "https://a.cn,ftp://b.cn", "must be like https"),
        ("SMTP_URL", "mail.example.cn", "must be like smtp"),
        ("SMTP_URL", "smtp://", "must be like smtp"),
        ("SMTP_URL", "smtp://mail.example.cn", "SMTP_FROM must be set"),
    ],
)
def test_wrong_addresses_of_robots_and_mail_stop_the_start(
    environment: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(settings.SettingsError, match=said):
        settings.get()


def test_robots_have_origins_and_may_be_others(environment: pytest.MonkeyPatch) -> None:
    assert settings.get().robot_origins[0] == "https://qyapi.weixin.qq.com"
    environment.setenv("ROBOT_ORIGINS", "http://127.0.0.1:8100, https://robots.example.cn")
    settings.reset()
    assert settings.get().robot_origins == (
        "http://127.0.0.1:8100",
        "https://robots.example.cn",
    )
