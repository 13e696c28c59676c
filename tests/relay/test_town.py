"""The town of the demo: who lives there, and that it stays the same town in any size."""

from collections import Counter
from datetime import UTC, datetime

import phonenumbers
import pytest

from channels.sandbox.people import CHARACTERS, Person as Emulated
from messages.alert import Alert, Gravity, Kind
from messages.cap import draft, read
from messages.form import Medium
from messages.library import template
from relay.model import BadInput, LeftOut, PersonClass
from relay.places import find
from relay.routing import DEFAULT_POLICY, How, inside, plan_class
from relay.town import Person, demo_alert, town

LANGUAGES = ["nb", "en", "uk", "ar", "ru", "pl", "ti", "so", "fa-AF", "ps", "ckb", "tr"]
BUDVIK = town()


def test_budvik_has_sixty_people_in_twelve_groups() -> None:
    assert len(BUDVIK.people) == 60
    assert [group.language for group in BUDVIK.groups] == LANGUAGES
    assert [group.name for group in BUDVIK.groups][6] == "Tigrinja"
    assert all(1 <= group.quorum <= 5 for group in BUDVIK.groups)
    assert len({person.name for person in BUDVIK.people}) == 60


def test_the_same_seed_makes_the_same_town_and_another_one_other_people() -> None:
    assert town(60, 1) == BUDVIK
    assert {person.name for person in town(60, 2).people} != {person.name for person in BUDVIK.people}
    assert [person.character for person in town(60, 2).people] == [person.character for person in BUDVIK.people]


@pytest.mark.parametrize("people", [1, 7, 12, 59, 60, 61, 600, 2000])
def test_a_town_of_another_size_keeps_its_shares(people: int) -> None:
    other = town(people)
    assert len(other.people) == people
    counts = Counter(person.groups[0] for person in other.people)
    for language, at_home in Counter(person.groups[0] for person in BUDVIK.people).items():
        assert abs(counts[language] - at_home * people / 60) < 1
    keys = {person.key: person for person in other.people}
    for person in other.people:
        if person.deputy_of:
            assert keys[person.deputy_of].groups == person.groups
            assert keys[person.deputy_of].deputy_of is None


@pytest.mark.parametrize("people", [0, -3, 100_001])
def test_a_town_of_no_size_is_refused(people: int) -> None:
    with pytest.raises(BadInput, match="between 1 and 100000"):
        town(people)


def test_every_number_is_a_mobile_and_every_mailbox_is_nobodys() -> None:
    for person in town(2000).people:
        for way in person.ways:
            if way.medium is Medium.EMAIL:
                local, domain = way.value.split("@")
                assert domain.endswith(".test")
                assert local.isascii()
                assert local == local.strip(".").lower()
            else:
                number = phonenumbers.parse(way.value)
                assert phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE


def test_the_emulator_knows_every_character_and_takes_every_phone() -> None:
    assert {person.character for person in BUDVIK.people} <= set(CHARACTERS)
    phones = BUDVIK.phones()
    assert len(phones) == 58  # one has no address, and two share a telephone
    for phone in phones:
        Emulated(number=phone.number, mail=phone.mail, character=phone.character, language=phone.language, reaches=phone.reaches)


def as_class(person: Person) -> PersonClass:
    return PersonClass(
        groups=tuple(enumerate(person.groups)),
        languages=person.languages,
        media=tuple(way.medium for way in person.ways),
        has_address=bool(person.ways),
        agreed_on=person.agreed_on,
        agreed_until=person.agreed_until,
        adult_confirmed=person.adult_confirmed,
        paused=person.paused,
        quiet=person.quiet,
        working=person.working,
        is_deputy=person.deputy_of is not None,
    )


def test_the_demo_shows_what_it_should() -> None:
    people = BUDVIK.people
    now = datetime(2026, 11, 23, 17, tzinfo=UTC)
    alert = Alert(number=1, kind=Kind.ACTUAL, sent_at=now)
    plans = [plan_class(alert, as_class(person), DEFAULT_POLICY, BUDVIK.place, LANGUAGES, now) for person in people]
    left_out = Counter(plan.left_out for plan in plans if plan.left_out)
    assert left_out == {LeftOut.PAUSED: 1, LeftOut.AGREEMENT_ENDED: 1, LeftOut.AGE_NOT_CONFIRMED: 1, LeftOut.NO_ADDRESS: 1}
    assert sum(person.deputy_of is not None for person in people) == 2
    assert sum(person.working is not None for person in people) == 2
    assert sum(len(person.groups) > 1 for person in people) == 1
    assert sum(len(person.ways) == 1 for person in people) > 20
    firsts = Counter(person.ways[0].medium for person in people if person.ways)
    assert min(firsts[medium] for medium in Medium) >= 5
    shared = Counter(way.value for person in people for way in person.ways if way.medium is Medium.SMS)
    assert sorted(shared.values())[-2:] == [1, 2]
    assert {"switched_off", "unknown", "asker", "worrier", "unable", "silent", "leaver"} <= {person.character for person in people}


def test_the_demos_alert_is_one_of_our_own_and_grave() -> None:
    now = datetime(2026, 11, 23, 17, tzinfo=UTC)
    [cap] = read(demo_alert(now)).alerts
    made = draft(cap, municipality="9901")
    assert made.alert.gravity is Gravity.LIFE
    assert inside(made.alert.areas, BUDVIK.place).how is How.MUNICIPALITY
    assert not inside(made.alert.areas, find("Bergen"))
    times = [now, made.alert.act_by_at, made.alert.next_news_at, made.alert.expires_at]
    assert times == sorted(time for time in times if time)
    assert {variant.language for variant in made.variants} == set(LANGUAGES) & set(template("boil-water").languages())
    assert all("Budvik sentrum" in variant.place and "{" not in variant.detail for variant in made.variants)
    assert demo_alert(now) == demo_alert(now)
