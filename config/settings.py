"""Settings: environment variables, checked once at the start.

    environment ──> Settings (frozen) ──> settings.get()

Without DATABASE_URL the hub runs *embedded*: SQLite, its own Redis and its own keys under
VAR_DIR. With DATABASE_URL it runs in *production*, where secrets must come from outside.
A wrong or missing setting stops the start with one line that names it.
"""

import base64
import binascii
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cryptography.fernet import Fernet
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config.lazy import Lazy

_WEB_SCHEMES = ("http", "https")


class SettingsError(Exception):
    """A setting is wrong or missing. The message is one line that names it."""


class Settings(BaseSettings):
    """All settings. The variable is the field's name in capitals.

    An empty variable counts as not set (`env_ignore_empty`), since Procfiles and compose files pass
    empty ones. docs/operations.md repeats the descriptions; a test compares the two.
    """

    # frozen: a setting that changed after the start would hold in one module and not in another
    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore")

    var_dir: Path = Field(
        Path("var"), description="folder of the database, the embedded Redis, keys and logs"
    )
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite under VAR_DIR")
    redis_url: str = Field("", description="redis:// or unix:// URL; empty: the embedded server")
    # SECRET_KEY and FIELD_KEYS are two settings, so that signing everybody out does not touch what
    # is stored, and the other way round.
    secret_key: str = Field("", description="signs sessions; 32 characters or more")
    field_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Fernet keys for stored secrets, comma-separated, the first is current"
    )
    public_url: str = Field("", description="how citizens and WeChat reach the hub")
    wechat_api_url: str = Field("https://api.weixin.qq.com", description="WeChat's API")
    wechat_open_url: str = Field("https://open.weixin.qq.com", description="WeChat's web sign-in")
    # X-Forwarded-For is believed for this many hops. With a wrong number a client could write its
    # own address, which the throttle of sign-ins and the IP allow-list go by.
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="trusted reverse proxies in front of the hub"
    )
    timezone: str = Field("Asia/Shanghai", description="zone of local days")
    port: int = Field(8000, ge=1, le=65535, description="port of the web process")
    simulator_port: int = Field(8100, ge=1, le=65535, description="port of the simulator")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="lowest level that is logged"
    )
    log_format: Literal["json", "text"] = Field("json", description="format of a log line")
    metrics_token: str = Field(
        "", description="bearer token for /metrics; empty: only this machine may read it"
    )
    # WeChat signs the timestamp. The window limits how long a recorded callback can be replayed; it
    # must be larger than the drift between WeChat's clocks and ours.
    callback_window: int = Field(
        300, ge=30, le=86400, description="seconds a callback's timestamp may be off"
    )
    upload_scanner: str = Field(
        "", description="command that reads an upload on standard input; 0 is harmless, 1 is not"
    )
    # A name instead of a switch, so that a city can put a larger model in its place.
    sentence_encoder: str = Field(
        "keywords.language.universal_sentence_encoder:UniversalSentenceEncoder",
        pattern=r"^(off|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$",
        description="module:name of what finds rules by meaning; off: nothing, and no memory",
    )
    inbox_days: int = Field(
        1095, ge=7, le=36500, description="days a recorded message is kept (three years)"
    )
    unmatched_days: int = Field(
        90, ge=1, le=3650, description="days an unanswered question is kept after its last use"
    )
    # WeChat's limits, which older documents give as 20 and 3; therefore settings.
    # https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html
    customer_service_messages: int = Field(
        5, ge=1, le=100, description="messages allowed in 48 h after a citizen wrote"
    )
    customer_service_after_event: int = Field(
        3, ge=1, le=100, description="messages allowed in a minute after follow, scan or click"
    )
    # the limits for calls outside that wechat-platform.md 12 recommends
    wechat_connect_timeout: float = Field(3.0, gt=0, le=30, description="seconds to connect")
    wechat_read_timeout: float = Field(10.0, gt=0, le=60, description="seconds to wait for WeChat")
    # Whoever enters the address of a robot makes the hub call it; without a list, that could be any
    # machine of the city's network (OWASP ASVS 1.3.6).
    robot_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        ("https://qyapi.weixin.qq.com", "https://oapi.dingtalk.com"),
        description="where group robots may be called, comma-separated: scheme, host, port",
    )
    smtp_url: str = Field(
        "",
        description="mail server: smtp://user:password@host:587 or smtps://…; empty: no e-mail",
    )
    smtp_from: str = Field("", description="sender's address of e-mail")
    # Two channels one after the other, and the time until a killed worker is noticed, stay
    # together below the ten seconds within which somebody must know of a citizen in danger.
    notification_timeout: float = Field(
        3.0, ge=0.5, le=30, description="seconds to wait for a robot or the mail server"
    )
    notification_quotes: bool = Field(
        True, description="notifications quote the citizen's words, with numbers masked"
    )
    # Length instead of kinds of characters, as NIST SP 800-63B advises. Level 2 of GB/T 22239-2019
    # asks for expiry, history, a lock and an idle limit, without numbers; the defaults are usual in
    # graded-protection reviews.
    password_length: int = Field(12, ge=8, le=64, description="characters a password must have")
    password_days: int = Field(
        90, ge=0, le=3650, description="days until a password must be renewed; 0: never"
    )
    password_history: int = Field(
        5, ge=0, le=24, description="number of former passwords that cannot be used again"
    )
    session_idle_minutes: int = Field(
        30, ge=5, le=240, description="minutes without a request that end a session"
    )
    session_hours: int = Field(12, ge=1, le=24, description="hours after which a session ends")
    sign_in_attempts: int = Field(
        5, ge=3, le=20, description="wrong attempts before somebody has to wait"
    )
    sign_in_lock_minutes: int = Field(
        15, ge=1, le=1440, description="longest wait after wrong attempts, in minutes"
    )
    reviewer_grant_days: int = Field(
        30, ge=1, le=365, description="days in which a reviewer counts as made by who gave access"
    )
    # With exponential backoff, twelve attempts last about an hour: longer than most
    # failures of WeChat, and staff see a dead job the same day.
    job_attempts: int = Field(12, ge=1, le=100, description="attempts before a job is dead")
    # Must be longer than the slowest job, or a second worker starts it while the first still works.
    job_lease: int = Field(
        60,
        ge=5,
        le=3600,
        description="seconds after which a started job is given to another worker",
    )
    worker_threads: int = Field(8, ge=1, le=64, description="threads of one worker process")
    # PostgreSQL gives a hundred connections by default, shared by all
    # processes (docs/decisions/0004 counts them).
    database_pool: int = Field(8, ge=1, le=100, description="connections of one process")
    statement_timeout: int = Field(
        15000, ge=100, description="milliseconds one PostgreSQL statement may take"
    )
    # In WAL mode, NORMAL cannot corrupt the database, but the last commits before a power cut may
    # be missing (https://sqlite.org/pragma.html#pragma_synchronous).
    sqlite_synchronous: Literal["NORMAL", "FULL"] = Field(
        "NORMAL", description="FULL survives a power cut to the last message, and is slower"
    )

    # ---- validators: their ValueError becomes the one line that stops the start ----

    @field_validator("field_keys", "robot_origins", mode="before")
    @classmethod
    def split_keys(cls, value: object) -> object:
        """The parts of a comma-separated variable; pydantic would expect JSON."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("field_keys")
    @classmethod
    def check_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Each key must be 32 bytes in URL-safe base64 (https://github.com/fernet/spec)."""
        for key in value:
            try:
                length = len(base64.urlsafe_b64decode(key.encode()))
            except (binascii.Error, ValueError):
                length = 0
            if length != 32:
                raise ValueError("each key must be 32 bytes in URL-safe base64")
        return value

    @field_validator("secret_key")
    @classmethod
    def check_secret(cls, value: str) -> str:
        """Refuse a key that could be guessed: sessions and one-time links are signed with it."""
        if value and len(value) < 32:
            raise ValueError("must have 32 characters or more")
        return value

    @field_validator("database_url")
    @classmethod
    def check_database(cls, value: str) -> str:
        """Accept SQLite and PostgreSQL.

        `postgres://`, which hosting services hand out, becomes `postgresql+psycopg://`: SQLAlchemy
        would load psycopg2, which is not installed.
        """
        if value.startswith(("postgresql://", "postgres://")):
            return "postgresql+psycopg://" + value.split("://", 1)[1]
        if value and not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("must start with sqlite:/// or postgresql://")
        return value

    @field_validator("redis_url")
    @classmethod
    def check_redis(cls, value: str) -> str:
        """Accept the schemes that redis-py connects to."""
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @field_validator("wechat_api_url", "wechat_open_url", "public_url")
    @classmethod
    def check_url(cls, value: str) -> str:
        """The URL without a slash at its end, since paths are appended to it."""
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @field_validator("robot_origins")
    @classmethod
    def check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Accept scheme, host and port, nothing behind them."""
        for origin in value:
            parts = urlsplit(origin)
            if origin != f"{parts.scheme}://{parts.netloc}" or parts.scheme not in _WEB_SCHEMES:
                raise ValueError("each must be like https://qyapi.weixin.qq.com")
        return value

    @field_validator("smtp_url")
    @classmethod
    def check_smtp(cls, value: str) -> str:
        """Accept smtp:// (STARTTLS) and smtps:// with a host."""
        parts = urlsplit(value)
        if value and not (parts.scheme in ("smtp", "smtps") and parts.hostname):
            raise ValueError("must be like smtp://user:password@host:587")
        return value

    @field_validator("timezone")
    @classmethod
    def check_timezone(cls, value: str) -> str:
        """Accept a zone that the tz database of this machine has."""
        try:
            ZoneInfo(value)
        except (OSError, ValueError, ZoneInfoNotFoundError) as error:
            raise ValueError("is not a known time zone") from error
        return value

    @model_validator(mode="after")
    def check_production(self) -> "Settings":
        """Require secrets when servers are shared.

        Several machines would each generate their own keys and could not read each other's rows.
        """
        if self.is_embedded:
            return self
        for name in ("secret_key", "field_keys", "public_url"):
            if not getattr(self, name):
                raise ValueError(f"{name.upper()} must be set when DATABASE_URL is set")
        return self

    @model_validator(mode="after")
    def check_mail(self) -> "Settings":
        """Require a sender where there is a mail server."""
        if self.smtp_url and not self.smtp_from:
            raise ValueError("SMTP_FROM must be set when SMTP_URL is set")
        return self

    @property
    def is_embedded(self) -> bool:
        """Whether the hub runs on SQLite and generates missing keys, without any server outside."""
        return not self.database_url or self.database_url.startswith("sqlite:///")

    @property
    def effective_database_url(self) -> str:
        """DATABASE_URL, or the SQLite file under VAR_DIR."""
        return self.database_url or f"sqlite:///{self.var_dir.resolve() / 'hub.sqlite3'}"

    @property
    def effective_redis_url(self) -> str:
        """REDIS_URL, or the socket of the embedded server under VAR_DIR."""
        return self.redis_url or f"unix://{self.var_dir.resolve() / 'redis.sock'}"

    @property
    def base_url(self) -> str:
        """PUBLIC_URL, or this machine's own address; links in messages and pages start with it."""
        return self.public_url or f"http://127.0.0.1:{self.port}"


@Lazy
def get() -> Settings:
    """The settings of this process, read at the first call.

    Raises SettingsError with one line that names the first wrong setting.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        # `from None`: the original quotes values, and one of them may be a secret
        raise SettingsError(_first_error(error)) from None
    if settings.is_embedded:
        settings = _with_generated_keys(settings)
    return settings


def check_or_exit() -> None:
    """End the process with one line when a setting is wrong. Each process calls it first."""
    try:
        get()
    except SettingsError as error:
        sys.exit(str(error))


def reset() -> None:
    """Read the environment again at the next `get`. For tests that change it."""
    get.reset()


def _first_error(error: ValidationError) -> str:
    # without the input, which may be a secret
    details = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in details["loc"][:1]).upper()
    reason = details["msg"].removeprefix("Value error, ")
    return f"setting {name}: {reason}" if name else f"setting {reason}"


def _with_generated_keys(settings: Settings) -> Settings:
    """The settings with keys generated under VAR_DIR/keys, which only their owner can read."""
    missing: dict[str, object] = {}
    if not settings.secret_key:
        missing["secret_key"] = _load_or_create_key(
            settings.var_dir, "secret_key", secrets.token_urlsafe(48)
        )
    if not settings.field_keys:
        missing["field_keys"] = (
            _load_or_create_key(settings.var_dir, "field_key", Fernet.generate_key().decode()),
        )
    return settings.model_copy(update=missing)


def _load_or_create_key(folder: Path, name: str, new_key: str) -> str:
    path = folder / "keys" / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Several processes start at once. Each writes a whole file of its own; link() fails if the name
    # exists, so the first one wins and the others read its key.
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(new_key, encoding="ascii")
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    return path.read_text(encoding="ascii").strip()
