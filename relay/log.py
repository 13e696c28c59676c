"""Logs that can be shown to anybody: structured, and without numbers, mailboxes, tokens or what people wrote.

`log = structlog.get_logger(__name__)`, then short events with ids: `log.info("sent", delivery=17)`. The mask is the net, not the
method: what must not be read is not logged.
"""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

#: values under these names are never shown, only how long they are
TEXTS = frozenset({"text", "body", "words", "forward", "ask", "subject", "html", "headline", "detail", "name", "note"})

#: in this order: what a pattern finds is replaced by its words
MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    # a password in an address, and a login
    (re.compile(r"(?<=://)[^/\s@:]*:[^/\s@]+@"), "…@"),
    (re.compile(r"(?i)\b(basic|bearer)\s+[\w.~+/=-]+"), r"\1 …"),
    (re.compile(r"[\w.+'-]+@(?=[\w-]+(\.[\w-]+)+)"), "…@"),
    # a mark in a path of ours: status, one-press leave, links
    (re.compile(r"(/(?:hooks/[^/\s]+/status|avmeld|k)/)[\w-]+"), r"\1…"),
    # long marks of letters and digits; a provider's message ids (SM, MM … and 32 digits) stay: they find a message there
    (re.compile(r"(?<![\w/-])(?![A-Z]{2}[0-9a-f]{32}(?![\w-]))(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,}=*(?![\w/])"), "…"),
    # numbers with a country code, and numbers of eight to fifteen digits with or without gaps
    (re.compile(r"(?<![\w.])(?:\+|00)\d[\d ()./-]{4,}(\d\d)(?!\d)"), r"…\1"),
    (re.compile(r"(?<![\w.:/+-])(?:\d ?){6,13}(\d\d)(?![\w:-]|\.\d)"), r"…\1"),
)
#: whatever a pattern finds holds one of these: most values of ours do not
_SIGNS = re.compile(r"[\d@/\s]")
#: shorter ones hold nothing but perhaps a mailbox or a login; and a provider's message id is shown as it is
_SHORTEST = 8
_GAP = re.compile(r"\s")
_MESSAGE_ID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")

#: libraries that tell too much, or nothing that we need
QUIET = {
    "aiohttp.access": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "alembic": logging.WARNING,
    "apscheduler": logging.ERROR,
    "mail.log": logging.WARNING,
}


def masked(text: str) -> str:
    """Return `text` without numbers, mailboxes, tokens and passwords."""
    if not _SIGNS.search(text) or _MESSAGE_ID.fullmatch(text) or (len(text) < _SHORTEST and "@" not in text and not _GAP.search(text)):
        return text
    for pattern, words in MASKS:
        text = pattern.sub(words, text)
    return text


def configure(level: str = "info", form: Literal["console", "json"] = "console", stream: TextIO | None = None) -> None:
    """Set logging up for this process, ours and that of every library: one line an event, on standard error."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
        _mask,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    global _lines  # noqa: PLW0603 - as all of logging, one a process
    stream = stream or sys.stderr
    _lines = stream if form == "json" else None
    handler = logging.StreamHandler(stream)
    end: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(form, stream)]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=end))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name, limit in QUIET.items():
        logging.getLogger(name).setLevel(limit)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def tell(logger: str, event: str, lines: Iterable[tuple[datetime, Mapping[str, Any]]]) -> None:
    """Log what was made to be shown to anybody, many lines at once, and without looking through them again.

    A line a message cost a fifth of all that sending one does.
    """
    if _lines is None:
        for _, shown in lines:
            structlog.get_logger(logger).info(event, **shown)
    elif logging.getLogger(logger).isEnabledFor(logging.INFO):
        _lines.write(b"".join([_line(logger, event, at, shown) for at, shown in lines]).decode())


def _line(logger: str, event: str, at: datetime, shown: Mapping[str, Any]) -> bytes:
    fields = {**shown, "event": event, "level": "info", "logger": logger, "timestamp": at.astimezone(UTC)}
    return orjson.dumps(fields, default=repr, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


#: where JSON lines go
_lines: TextIO | None = None


def _renderer(form: str, stream: TextIO) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(_json)
    return structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _json(event: EventDict, **_: Any) -> str:
    return orjson.dumps(event, default=repr).decode()


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _masked_value(key, value) for key, value in event.items()}


def _masked_value(key: str, value: Any) -> Any:
    if key.startswith("_") or value is None or isinstance(value, bool | int | float):
        return value
    if key in TEXTS:
        return f"({len(str(value))} characters)"
    if isinstance(value, str):
        return masked(str(value))
    if isinstance(value, Mapping):
        return {inner: _masked_value(str(inner), one) for inner, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked_value(key, one) for one in value]
    return masked(str(value))
