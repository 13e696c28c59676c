"""What a reader gets: two bodies that are never mixed, in a stated order, within their budget, and never an unmarked exercise."""

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from messages.alert import Act, Area, Kind, Review, Severity, Urgency, Variant
from messages.form import Copy, Medium, Part
from messages.frames import Facts, frame_languages, say
from messages.languages import get
from messages.library import template
from messages.render import UnmarkedExerciseError, count_question, remind, render, sealed
from messages.segments import Coding, alphabet, count
from messages.voice import RenderError
from tests.messages.night import SENT, alert, facts, water

SMS, WHATSAPP, EMAIL = Medium.SMS, Medium.WHATSAPP, Medium.EMAIL
LANGUAGES = [tag for tag in frame_languages() if tag in template("boil_water").texts]
each_language = pytest.mark.parametrize("tag", LANGUAGES)

FORWARD_NB = """Sørvik: KOK VANNET
Kok det i 3 minutter før du drikker, lager mat eller pusser tenner.
Sted: Sentrum, Strand
Fra man. 23.11 kl. 18.00
Nytt kl. 22.00
Nr. 12"""
ASK_NB = """Til deg, ikke videresend: kan du gi videre nr. 12 (vann) før kl. 07.00?
Svar:
1 lest
2 gir videre
4 kan ikke
Spørsmål: Kari Nordmann 91234567
Fare: 112"""


def test_the_two_bodies_in_norwegian() -> None:
    forward, ask = render(alert(), water(), facts(), SMS)
    assert (forward.part, forward.text, forward.dropped) == (Part.FORWARD, FORWARD_NB, ())
    assert (ask.part, ask.text, ask.dropped) == (Part.ASK, ASK_NB, ())
    assert count(forward.text).segments == count(ask.text).segments == 1


@each_language
@pytest.mark.parametrize("kind", list(Kind))
def test_both_bodies_are_within_their_budget_in_every_language(tag: str, kind: Kind) -> None:
    for copy in render(alert(kind=kind), water(tag, review=Review.DRAFT), facts(tag), SMS):
        parts = {(Part.FORWARD, Coding.UCS2): 3}.get((copy.part, alphabet(copy.text)), 2)
        # the mark of an exercise comes on top
        assert count(copy.text).segments <= parts + (kind is not Kind.ACTUAL), copy.text
        assert not set(copy.dropped) & {"contact", "time", "place", "missing", "next-news", "over-budget"}, (copy.dropped, copy.text)


def test_an_exercise_says_all_that_the_real_message_would_say() -> None:
    for tag in LANGUAGES:
        real, exercise = (render(alert(kind=kind), water(tag), facts(tag), SMS) for kind in (Kind.ACTUAL, Kind.EXERCISE))
        mark = say(tag, "mark.exercise")
        assert [f"{mark}\n{copy.text}\n{mark}" for copy in real] == [copy.text for copy in exercise]


@each_language
def test_update_withdrawal_and_end_are_within_their_budget(tag: str) -> None:
    for act in (Act.UPDATE, Act.WITHDRAW, Act.OVER):
        for told in (True, False):
            for copy in render(alert(act=act, replaces=11), water(tag, forward="", headline="X"), facts(tag, had_passed_on=told), SMS):
                assert "over-budget" not in copy.dropped, copy.text


def shown(copy: Copy) -> str:
    return f"{copy.subject}\n{copy.text}"


@each_language
@pytest.mark.parametrize("medium", list(Medium))
@pytest.mark.parametrize("kind", [Kind.EXERCISE, Kind.TEST])
def test_an_exercise_says_so_first_and_last_everywhere(tag: str, medium: Medium, kind: Kind) -> None:
    told = facts(tag, link="https://sorvik.example/s/1")
    for act in Act:
        exercise = alert(kind=kind, act=act, replaces=11)
        copies = [*render(exercise, water(tag), told, medium), remind(exercise, water(tag), told, medium)]
        for copy in [*copies, count_question(exercise, water(tag), told, medium)]:
            mark = say("nb" if copy.part is Part.WAKE and not get(tag).whatsapp else tag, f"mark.{kind.value.lower()}")
            for text in (copy.text, copy.subject) if medium is EMAIL else (copy.text,):
                assert text.startswith(mark)
                assert text.endswith(mark)
            if copy.template:
                assert copy.template.name.endswith(f"_{kind.value.lower()}")
            if medium is EMAIL:
                assert copy.html.count(f">{mark}<") == 2


def test_an_exercise_without_its_mark_never_leaves() -> None:
    bare = Copy(medium=SMS, part=Part.ASK, language="nb", text="ØVELSE Kan du?")
    with pytest.raises(UnmarkedExerciseError, match="ask in nb is not marked as EXERCISE"):
        sealed(Kind.EXERCISE, bare, facts())
    letter = Copy(medium=EMAIL, part=Part.LETTER, language="nb", text="ØVELSE a ØVELSE", subject="a")
    with pytest.raises(UnmarkedExerciseError):
        sealed(Kind.EXERCISE, letter, facts())
    assert sealed(Kind.ACTUAL, bare, facts()) is bare
    assert sealed(Kind.EXERCISE, replace(bare, text="ØVELSE Kan du? ØVELSE"), facts()).text == "ØVELSE Kan du? ØVELSE"


@each_language
@pytest.mark.parametrize("medium", [SMS, WHATSAPP])
def test_nothing_of_the_ask_is_in_the_forward(tag: str, medium: Medium) -> None:
    told = facts(tag, link="https://sorvik.example/s/1", contact_hours="08-22", legend=6)
    forward = render(alert(), water(tag, ask="Ta med nøkkelen."), told, medium)[0]
    foreign = ["91234567", "Kari", "https:", "61", "62", "64", "112", "nøkkelen", "08-22"]
    foreign += [say(tag, msgid) for msgid in ("ask.to_you", "ask.answer", "legend.will_pass", "legend.cannot", "ask.leave_first")]
    assert [word for word in foreign if word in forward.text] == []
    assert forward.buttons == ()


@each_language
def test_an_sms_has_no_link_and_no_isolates(tag: str) -> None:
    told = facts(tag, link="https://sorvik.example/s/1", unsubscribe_url="https://sorvik.example/u", two_way=False)
    for copy in render(alert(), water(tag), told, SMS):
        assert "http" not in copy.text
        assert not set(copy.text) & set("\u2066\u2067\u2068\u2069")


def test_answer_digits_stand_first_on_lines_of_their_own() -> None:
    for legend, digits in ((0, ("1", "2", "4")), (6, ("61", "62", "64")), (7, ("71", "72", "74"))):
        text = render(alert(), water(), facts(legend=legend), SMS)[1].text
        assert [line.split()[0] for line in text.splitlines()[2:5]] == list(digits)


def test_a_one_way_sender_prints_no_digits() -> None:
    number = render(alert(), water(), facts(two_way=False, reply_to="59440000"), SMS)[1]
    assert "Svar på SMS til 59440000: lest / gir videre / kan ikke" in number.text
    call = render(alert(), water(), facts(two_way=False), SMS)[1]
    assert "Kan ikke besvares. Ring Kari Nordmann 91234567" in call.text
    assert call.text.count("91234567") == 1
    nobody = render(alert(), water(), facts(two_way=False, contact_name="", contact_phone=""), SMS)[1]
    for copy in (number, call, nobody):
        assert not any(line[:1].isdigit() for line in copy.text.splitlines())
    told = render(alert(act=Act.WITHDRAW, replaces=11), water(), facts(two_way=False, had_passed_on=True), SMS)[1]
    assert "Svar 3" not in told.text
    letter = render(alert(), water(), facts(two_way=False, link="https://sorvik.example/s/1"), EMAIL)[0]
    assert "https://sorvik.example/s/1" in letter.text
    assert "1, 2" not in letter.text


def test_the_norwegian_words_stand_beside_a_frame_that_nobody_has_reviewed() -> None:
    text = render(alert(act_by_at=None), water("ar"), facts("ar", contact_name="", contact_phone=""), SMS)[1].text
    read = say("ar", "legend.read")
    assert f"1 {read}/lest" in text or f"1 {read}\n" in text
    letter = render(alert(), water("ar"), facts("ar"), EMAIL)[0]
    assert f"1 {read}/lest" in letter.text
    assert "/lest" not in render(alert(), water("en"), facts("en"), EMAIL)[0].text


def test_a_text_that_is_not_in_the_readers_language_says_why() -> None:
    forward = render(alert(), water("nb"), facts("so", missing=True), SMS)[0]
    assert forward.language == "nb"
    sender = say("so", "forward.sender", municipality="Sørvik")
    assert forward.text.splitlines()[:2] == [f"{sender} KOK VANNET", say("so", "missing.no_text")]
    own = render(alert(), water("so"), facts("so", missing=True), SMS)[0]
    assert say("so", "missing.no_text") not in own.text


def test_a_draft_says_that_it_is_one() -> None:
    line = say("en", "translation.draft")
    assert line in render(alert(), water("en", review=Review.DRAFT), facts("en"), SMS)[0].text
    assert line not in render(alert(), water("en"), facts("en"), SMS)[0].text
    # the Norwegian text is the original, not a translation
    assert say("nb", "translation.draft") not in render(alert(), water("nb", review=Review.DRAFT), facts(), SMS)[0].text


def test_an_update_names_what_it_replaces() -> None:
    text = render(alert(act=Act.UPDATE, replaces=11), water(), facts(), SMS)[0].text
    assert text.startswith("Sørvik: OPPDATERT: KOK VANNET\n")
    assert text.endswith("\nNr. 12, erstatter nr. 11")


def test_withdrawn_and_over_are_opposite_texts() -> None:
    empty = water(headline="", forward="", place="")
    wrong = render(alert(act=Act.WITHDRAW, replaces=11), empty, facts(), SMS)
    over = render(alert(act=Act.OVER, replaces=11), empty, facts(), SMS)
    assert "var feil" in wrong[0].text
    assert "Si på samme sted" in wrong[0].text
    assert "ikke gi videre nr. 11" in wrong[1].text
    assert "FAREN ER OVER" in over[0].text
    assert "feil" not in over[0].text + over[1].text
    assert "kl." not in wrong[0].text


def test_who_had_passed_it_on_sets_it_right_in_the_same_place() -> None:
    for act, word in ((Act.WITHDRAW, "var feil"), (Act.OVER, "er over")):
        ask = render(alert(act=act, replaces=11), water(), facts(had_passed_on=True, legend=6), SMS)[1]
        assert f"si på samme sted at nr. 11 {word}" in ask.text
        assert "Svar 63 når det er gjort" in ask.text


def test_a_withdrawal_of_nothing_is_refused() -> None:
    with pytest.raises(RenderError, match=r"no\. 12 is a WITHDRAW and does not say of which alert"):
        render(alert(act=Act.WITHDRAW), water(), facts(), SMS)


GRAVE = {"severity": Severity.EXTREME, "urgency": Urgency.IMMEDIATE}


def test_whoever_is_in_the_area_leaves_first() -> None:
    landslide = Variant(language="nb", headline="GÅ UT NÅ", forward="Gå til høyden.", topic="skred")
    for kind in Kind:  # exercises rehearse it
        ask = render(alert(kind=kind, **GRAVE), landslide, facts(), SMS)[1]
        first = next(line for line in ask.text.splitlines() if line not in ("ØVELSE", "TEST"))
        assert first == "Er du i området? Kom deg ut først. Gå aldri inn for å varsle andre."
    # the template knows better: the water is dangerous, not the area
    assert "Gå aldri inn" not in render(alert(**GRAVE), water(), facts(), SMS)[1].text
    told = replace(landslide, extra={"leave_first": "yes"})
    assert "Gå aldri inn" in render(alert(), told, facts(), SMS)[1].text
    assert "Gå aldri inn" in remind(alert(**GRAVE), landslide, facts(), SMS).text


def test_what_does_not_fit_goes_slot_by_slot_in_order() -> None:
    dropped = []
    for length in range(60, 400, 20):
        long = water("uk", forward="Кип'ятіть. " + "я" * length, review=Review.DRAFT)
        copy = render(alert(expires_at=SENT.replace(day=24)), long, facts("uk"), SMS)[0]
        dropped.append(copy.dropped)
        assert copy.text.endswith("12")
        assert "я" * length in copy.text, "a sentence is never cut"
        assert long.headline in copy.text
    assert dropped[0] == ()
    within = [names for names in dropped if "over-budget" not in names]
    assert within[-1] == ("translation-draft", "next-news", "place", "time")
    counts = [len(names) for names in within]
    assert counts == sorted(counts)


def test_what_costs_another_part_anyway_fills_it() -> None:
    long = water("uk", forward="я" * 180, review=Review.DRAFT)
    copy = render(alert(expires_at=SENT.replace(day=24)), long, facts("uk"), SMS)[0]
    assert count(copy.text).segments == 4
    assert copy.dropped[-1] == "over-budget"
    assert "time" not in copy.dropped


def test_why_the_text_is_in_another_language_is_never_dropped() -> None:
    long = water("nb", forward="Dette er viktig. " * 9)
    for language in frame_languages():
        if language not in ("nb", "nn", "en"):
            copy = render(alert(), long, facts(language, missing=True), SMS)[0]
            assert say(language, "missing.no_text") in copy.text


def test_a_slot_that_still_has_room_comes_back() -> None:
    # dropping the small ones first was not enough; once the big one is gone they fit again
    long = water("uk", forward="я" * 100, review=Review.DRAFT, place="я" * 100)
    assert render(alert(), long, facts("uk"), SMS)[0].dropped == ("place",)


def test_over_budget_is_sent_whole() -> None:
    ask = render(alert(), water("ar", ask="ا" * 300), facts("ar"), SMS)[1]
    assert "ا" * 300 in ask.text
    assert ask.dropped[-1] == "over-budget"
    assert "112" in ask.text
    assert "12" in ask.text


def test_times_say_the_day_only_where_it_is_another() -> None:
    until = render(alert(expires_at=SENT.replace(day=25, hour=11)), water(), facts(), SMS)[0]
    assert "Fra man. 23.11 kl. 18.00 til ons. 25.11 kl. 12.00" in until.text
    ends = render(alert(onset_at=None, expires_at=SENT.replace(hour=22)), water(), facts(), SMS)[0]
    assert "Til man. 23.11 kl. 23.00" in ends.text
    late = render(alert(act_by_at=SENT.replace(day=25)), water(), facts(), SMS)[1]
    assert "før ons. 25.11 kl. 18.00?" in late.text
    never = render(alert(act_by_at=None), water(topic=""), facts(), SMS)[1]
    assert "kan du gi videre nr. 12?" in never.text
    bare = render(alert(onset_at=None, next_news_at=None), water(), facts(), SMS)[0]
    assert "kl." not in bare.text


def test_times_say_the_year_only_where_it_is_another() -> None:
    times = {"sent_at": SENT.replace(day=31, month=12), "onset_at": SENT.replace(day=31, month=12)}
    new_year = SENT.replace(year=2027, month=1, day=1)
    heard, asked = render(alert(**times, expires_at=new_year, next_news_at=new_year, act_by_at=new_year), water(), facts(), SMS)
    assert "Fra tor. 31.12 kl. 18.00 til fre. 1.1.2027 kl. 18.00" in heard.text
    assert "fre. 1.1.2027" in heard.text.partition("Nytt")[2]
    assert "før fre. 1.1.2027 kl. 18.00?" in asked.text


def test_the_place_is_the_variants_or_the_areas() -> None:
    areas = (Area(description="Strand"), Area(), Area(description="Vik"))
    assert "Sted: Strand, Vik" in render(alert(areas=areas), water(place=""), facts(), SMS)[0].text
    assert "Sted:" not in render(alert(), water(place=""), facts(), SMS)[0].text


def test_a_draft_has_no_number_yet() -> None:
    assert render(alert(number=0), water(), facts(), SMS)[0].text.endswith("Nr. -")


def test_names_from_registers_cannot_add_lines() -> None:
    ask = render(alert(), water(), facts(contact_name="Kari\n1 lest", municipality="Sør\nvik"), SMS)
    assert "Sør vik: KOK" in ask[0].text
    assert "Kari 1 lest 91234567" in ask[1].text


def test_deputies_and_reminders() -> None:
    deputy = render(alert(), water(), facts(deputy=True), SMS)[1]
    assert deputy.text.startswith("Til deg som stedfortreder, ikke videresend.")
    reminder = remind(alert(), water(), facts(), SMS)
    assert reminder.part is Part.REMINDER
    assert "Har du fått nr. 12 (vann)?" in reminder.text
    assert "2 gir videre" in reminder.text
    mail = remind(alert(), water(), facts(), EMAIL)
    assert mail.subject == "Sørvik: kan du gi videre nr. 12 (vann)?"
    assert remind(alert(), water(), facts(), WHATSAPP).buttons[1].payload == "12.2"


def test_the_count_is_asked_with_an_example() -> None:
    assert count_question(alert(), water(), facts(), SMS).text.endswith("for eksempel 40")
    assert count_question(alert(), water(), facts(legend=6), SMS).text.endswith("for eksempel 63 40")
    assert count_question(alert(), water(), facts(two_way=False), SMS).text.endswith("Si fra til Kari Nordmann 91234567")
    assert count_question(alert(), water(), facts(), EMAIL).subject.startswith("Sørvik: omtrent hvor mange")


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=80)


@given(headline=WORDS, forward=WORDS, ask=WORDS, topic=WORDS, name=WORDS, kind=st.sampled_from(Kind), tag=st.sampled_from(LANGUAGES))
@settings(max_examples=150, deadline=None)
def test_any_text_can_be_rendered_and_nothing_of_it_is_lost(
    *, headline: str, forward: str, ask: str, topic: str, name: str, kind: Kind, tag: str
) -> None:
    told = Variant(language="nb", headline=headline, forward=forward, ask=ask, topic=topic)
    reader = Facts(language=tag, municipality="Sørvik", contact_name=name, missing=True)
    for medium in Medium:
        copies = render(alert(kind=kind), told, reader, medium)
        assert all(copy.text for copy in copies)
    bubbles = render(alert(kind=kind), told, reader, WHATSAPP)
    assert " ".join(headline.split()) in bubbles[0].text
    assert forward.strip() in bubbles[0].text
    assert ask.strip() in bubbles[1].text
