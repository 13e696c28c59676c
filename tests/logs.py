"""What is logged while a test looks, as the program would log it."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from relay import log


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Yield where every line goes, as JSON and from debug on; afterwards logging is as before."""
    before = logging.getLogger().handlers[:], logging.getLogger().level
    stream = io.StringIO()
    log.configure("debug", "json", stream)
    try:
        yield stream
    finally:
        log.configure()
        structlog.reset_defaults()
        logging.basicConfig(handlers=before[0], level=before[1], force=True)
