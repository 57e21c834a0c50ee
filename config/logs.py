"""Logs: one event a line, with the ids of request, job and account, and without secrets.

    2026-… warning  callback.refused  reason=signature  account=wx…  request=6f…

`bind_request` and `bound_context` add ids to every later line of the same request or job. Values
are redacted by their name (`token=…`), and tokens and openids inside addresses.
"""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config import settings

_SECRET_NAMES = re.compile(
    r"secret|token|password|passwd|aes_?key|authorization|cookie|signature", re.IGNORECASE
)
# The query parameters of WeChat's API, callback and web sign-in that are secret or name a person.
# An exception of an HTTP library quotes the whole address.
_SECRET_IN_URL = re.compile(
    r"((?:access_token|secret|appsecret|code|signature|msg_signature|component_access_token|"
    r"ticket|openid)=)[^&\s\"']+",
    re.IGNORECASE,
)
# one-time links, wherever an address with one is quoted: whoever reads the log could use it
_SECRET_IN_PATH = re.compile(r"(/links/)[^/\s\"'?#\\]+")
_REDACTED = "***"


def redact(logger: WrappedLogger, method: str, event_dict: EventDict) -> EventDict:
    """A structlog processor that replaces secrets in the values of an event by `***`."""
    for name, value in event_dict.items():
        if name != "event" and _SECRET_NAMES.search(name) and value is not None:
            event_dict[name] = _REDACTED
        elif isinstance(value, str):
            without_query = _SECRET_IN_URL.sub(rf"\1{_REDACTED}", value)
            event_dict[name] = _SECRET_IN_PATH.sub(rf"\1{_REDACTED}", without_query)
    return event_dict


def get_logger(name: str) -> Any:
    """The logger of a module. Call it with an event (`noun.what_happened`) and keyword values."""
    return structlog.get_logger(name, room=name)


@contextmanager
def bound_context(**ids: object) -> Iterator[None]:
    """Add ids to every line that is logged inside the block."""
    with structlog.contextvars.bound_contextvars(**ids):
        yield


def request_id() -> str:
    """The id of the current request, or an empty text."""
    return str(structlog.contextvars.get_contextvars().get("request", ""))


def bind_request(**ids: object) -> None:
    """Add ids to every line from here on, and remove those of the thread's previous request."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**ids)


def configure() -> None:
    """Send our lines and those of libraries to standard error, in the form of LOG_FORMAT.

    Called once by each process. Replaces the handlers of the root logger.
    """
    current = settings.get()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # before `redact`: a stack trace may quote an address with a token
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if current.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelName(current.log_level)
        ),
        # a cached logger would ignore a later `configure` and the capturing of tests
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    # one handler for ours and for libraries, or a line would appear twice
    root.handlers[:] = [handler]
    root.setLevel(current.log_level)
    # urllib3 logs paths with their tokens at DEBUG, the others every migration and tick at INFO
    for noisy in ("urllib3", "alembic", "apscheduler"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
