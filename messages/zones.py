"""Time zones by the names that the register has for them."""

import logging
from functools import lru_cache
from zoneinfo import ZoneInfo

#: where all municipalities are, unless the register says otherwise
DEFAULT = "Europe/Oslo"

log = logging.getLogger(__name__)


@lru_cache(maxsize=128)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone. A name that this machine does not know reads as DEFAULT, with a line in the log: no message waits for it."""
    try:
        return ZoneInfo(name)
    # what it raises depends on the name: none such, none at all, a folder of zones
    except (LookupError, ValueError, OSError):
        log.warning("this machine knows no such time zone, and takes %s instead: %r", DEFAULT, name[:40])
        return ZoneInfo(DEFAULT)
