"""What is sealed can be read with the right key, for the right column, and in no other way."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st
from sqlalchemy.dialects import sqlite

from relay.model import NotReady, Unreadable
from relay.store import sealing
from relay.store.columns import Moment

FIRST, SECOND, LOOKUP = (sealing.make_key() for _ in range(3))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back(text: str) -> None:
    keys = sealing.build(FIRST, LOOKUP)
    assert keys.open(keys.seal(text, "note.text"), "note.text") == text


def test_half_a_character_comes_back_as_one_that_can_be_shown() -> None:
    """Whoever wrote it is not to be lost, and no page of ours is to break on it."""
    keys = sealing.build(FIRST, LOOKUP)
    assert keys.open(keys.seal("Hjelp \ud83d nå", "note.text"), "note.text") == "Hjelp \ufffd nå"


def test_the_same_text_is_sealed_differently_each_time_and_found_by_the_same_mark() -> None:
    keys = sealing.build(FIRST, LOOKUP)
    assert keys.seal("x", "note.text") != keys.seal("x", "note.text")
    assert keys.lookup("x") == sealing.build(SECOND, LOOKUP).lookup("x") != sealing.build(FIRST, SECOND).lookup("x")


def test_a_value_moved_to_another_column_cannot_be_read() -> None:
    keys = sealing.build(FIRST, LOOKUP)
    with pytest.raises(Unreadable, match="another key"):
        keys.open(keys.seal("x", "note.text"), "address.value")


@pytest.mark.parametrize("place", [0, 1, 13, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    keys = sealing.build(FIRST, LOOKUP)
    sealed = bytearray(keys.seal("Ayan", "note.text"))
    sealed[place] ^= 1
    with pytest.raises(Unreadable, match="another key"):
        keys.open(bytes(sealed), "note.text")


@pytest.mark.parametrize("remains", [b"", b"\x01", b"\x01" * 13])
def test_a_cut_value_is_noticed(remains: bytes) -> None:
    with pytest.raises(Unreadable, match="another key"):
        sealing.build(FIRST, LOOKUP).open(remains, "note.text")


def test_keys_change_and_old_values_stay_readable() -> None:
    old, both = sealing.build(FIRST, LOOKUP), sealing.build(f"2:{SECOND},1:{FIRST}", LOOKUP)
    assert both.open(old.seal("Ayan", "note.text"), "note.text") == "Ayan"
    new = both.seal("Ayan", "note.text")
    assert sealing.build(f"2:{SECOND}", LOOKUP).open(new, "note.text") == "Ayan"
    with pytest.raises(Unreadable, match="another key"):
        old.open(new, "note.text")


BAD = [("", LOOKUP), (FIRST, ""), ("kort", LOOKUP), (FIRST, "!"), (FIRST[:-8], LOOKUP), (f"x:{FIRST}", LOOKUP), (f"300:{FIRST}", LOOKUP)]


@pytest.mark.parametrize(("keys", "lookup"), BAD, ids=["no key", "no look-up key", "short", "no base64", "cut", "no number", "high number"])
def test_keys_that_will_not_do_are_told_and_not_shown(keys: str, lookup: str) -> None:
    with pytest.raises(NotReady, match="budstikke keys") as refused:
        sealing.build(keys, lookup)
    assert FIRST not in str(refused.value)


def test_new_keys_are_settings_that_work() -> None:
    made = dict(line.split("=", 1) for line in sealing.new_settings().splitlines())
    assert sealing.build(made["BUDSTIKKE_ENCRYPTION_KEY"], made["BUDSTIKKE_LOOKUP_KEY"]).newest == 1
    assert sealing.new_settings() != sealing.new_settings()


def test_a_keyring_does_not_print_its_keys() -> None:
    keys = sealing.build(FIRST, LOOKUP)
    assert LOOKUP not in repr(keys)
    assert repr(keys.lookup_key) not in repr(keys)


def test_times_are_aware_and_in_utc_on_the_way_in_and_out() -> None:
    moment, dialect = Moment(), sqlite.dialect()
    oslo = datetime(2026, 11, 23, 18, 0, tzinfo=timezone(timedelta(hours=1)))
    assert moment.process_bind_param(oslo, dialect) == oslo
    assert moment.process_bind_param(oslo, dialect) != oslo.replace(tzinfo=UTC)
    back = moment.process_result_value(datetime(2026, 11, 23, 17, 0), dialect)  # noqa: DTZ001 - as SQLite gives it
    assert (back, back and back.tzinfo) == (oslo, UTC)
    with pytest.raises(ValueError, match="naive"):
        moment.process_bind_param(datetime(2026, 11, 23), dialect)  # noqa: DTZ001 - that is the point
