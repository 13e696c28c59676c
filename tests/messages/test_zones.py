"""A zone by its name: one that this machine does not know stops nothing."""

from datetime import UTC, datetime

import pytest

from messages.languages import when
from messages.zones import DEFAULT, zone_of


def test_a_zone_is_what_it_is_called() -> None:
    assert zone_of("Europe/Kyiv").key == "Europe/Kyiv"


@pytest.mark.parametrize("name", ["Europe/Nowhere", "Europe", "", "../Oslo", "/etc/localtime", "a\0b", "\udc00", "x" * 300])
def test_a_name_that_is_none_reads_as_the_houses_own(name: str, caplog: pytest.LogCaptureFixture) -> None:
    zone_of.cache_clear()
    assert zone_of(name).key == DEFAULT
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert when(datetime(2026, 11, 23, 17, tzinfo=UTC), "nb", name) == "man. 23.11 kl. 18.00"
