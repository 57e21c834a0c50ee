"""Logs: one event a line, with the ids of request, job and account, and never a secret.

    2026-… warning  callback.refused  reason=signature  account=wx…  request=6f…

`bind` adds ids to every later line of the same request or job. Values whose names speak of
secrets are blanked, and so is what looks like a token inside an address.
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
_SECRET_IN_URL = re.compile(
    r"((?:access_token|secret|appsecret|code|signature|msg_signature|component_access_token|"
    r"ticket|openid)=)[^&\s\"']+",
    re.IGNORECASE,
)
_REDACTED = "***"


def redact(logger: WrappedLogger, method: str, event_dict: EventDict) -> EventDict:
    """Blank secrets by the name of the value, and tokens inside addresses."""
    for name, value in event_dict.items():
        if name != "event" and _SECRET_NAMES.search(name) and value is not None:
            event_dict[name] = _REDACTED
        elif isinstance(value, str):
            event_dict[name] = _SECRET_IN_URL.sub(rf"\1{_REDACTED}", value)
    return event_dict


def get_logger(name: str) -> Any:
    """The logger of a module; call it with an event name and facts."""
    return structlog.get_logger(name, room=name)


@contextmanager
def bound_context(**ids: object) -> Iterator[None]:
    """Put ids on every line written inside."""
    with structlog.contextvars.bound_contextvars(**ids):
        yield


def request_id() -> str:
    """The id of the request under way, or an empty text."""
    return str(structlog.contextvars.get_contextvars().get("request", ""))


def bind_request(**ids: object) -> None:
    """Put ids on every line from here on, and take those of the last request off."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**ids)


def configure() -> None:
    """Send our lines and those of libraries to standard error, in one shape. Edges call it once."""
    current = settings.get()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
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
    root.handlers[:] = [handler]
    root.setLevel(current.log_level)
    for noisy in ("urllib3", "alembic", "apscheduler"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
