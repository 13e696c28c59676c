"""The table of municipalities, and finding one in it."""

from collections import Counter

import pytest

from messages.alert import Area, Point
from relay.model import BadInput, NotFound
from relay.places import find, table
from relay.routing import How, inside


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("4601", "4601"),
        ("Bergen", "4601"),
        ("  bergen ", "4601"),
        ("TROMSØ", "5501"),
        ("Porsángu", "5622"),
        ("Oslove", "0301"),
        ("Kárášjohka", "5610"),
        ("Nord-Aurdal", "3451"),
        ("Herøy (Nordland)", "1818"),
        ("1515", "1515"),
    ],
)
def test_a_municipality_is_found_by_number_and_by_any_of_its_names(said: str, number: str) -> None:
    assert find(said).number == number


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ("Herøy", BadInput, "say 1515 (Møre og Romsdal) or 1818 (Nordland)"),
        ("våler", BadInput, "3114"),
        ("1201", NotFound, "Numbers from before 2020 and 2024"),
        ("460", NotFound, "No municipality has the number 460"),
        ("Trondhjem", NotFound, "Did you mean Trondheim"),
        ("Atlantis", NotFound, "No municipality is called Atlantis."),
        ("", NotFound, "«»"),
    ],
)
def test_what_is_not_found_says_what_to_do(said: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        find(said)
    assert words in str(caught.value)


def test_there_are_357_in_15_counties_each_on_the_map_of_norway() -> None:
    assert len(table()) == 357
    assert len(Counter(row.county for row in table().values())) == 15
    assert all(number.isdigit() and len(number) == 4 for number in table())
    for number, row in table().items():
        point = row.place.point
        assert point is not None, number
        assert 57.9 < point.latitude < 71.3
        assert 4.4 < point.longitude < 31.2


@pytest.mark.parametrize(
    ("number", "roughly"),
    [
        ("0301", Point(59.95, 10.75)),
        ("4601", Point(60.39, 5.32)),
        ("5001", Point(63.4, 10.4)),
        ("1580", Point(62.6, 6.4)),
        ("5605", Point(69.7, 29.9)),
    ],
)
def test_the_points_are_where_the_places_are(number: str, roughly: Point) -> None:
    point = table()[number].place.point
    assert point
    assert abs(point.latitude - roughly.latitude) < 0.35
    assert abs(point.longitude - roughly.longitude) < 0.7


def test_an_alert_for_a_number_finds_its_place() -> None:
    assert inside([Area(municipalities=("5501",))], find("Tromsø")).how is How.MUNICIPALITY
