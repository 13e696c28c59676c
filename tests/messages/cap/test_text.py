"""Other people's texts: cleaned, cut into whole sentences, and never cut inside one."""

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from messages.cap import text

#: as it came -> on one line
CLEAN = {
    "  Vær \n forsiktig.\t": "Vær forsiktig.",
    "A<br />B": "A B",
    "<p>Gå <b>inn</b>.</p><p>Nå.</p>": "Gå inn. Nå.",
    "5 < 7 og 8 > 6": "5 < 7 og 8 > 6",
    "vind <Bft 8 og bølger >Bft 6": "vind <Bft 8 og bølger >Bft 6",
    "Se <A href='https://a.no'>her</A>": "Se her",
    "R&amp;D &#39;x&#39; &amp;quot;y&amp;quot;": "R&D 'x' \"y\"",
    "a\u202eb\u2066c\u200bd\ufeffe": "abcde",
    "a\x00b\x07c\x85d": "abc d",
    "می‌خواهم": "می‌خواهم",
    "👨‍👩‍👧": "👨‍👩‍👧",
}


@pytest.mark.parametrize(("raw", "clean"), CLEAN.items())
def test_a_text_is_cleaned(raw: str, clean: str) -> None:
    assert text.clean(raw) == clean


#: a text -> its sentences
SENTENCES = {
    "": [],
    "Elva stiger. Gå opp!": ["Elva stiger.", "Gå opp!"],
    "Elva stiger": ["Elva stiger."],
    "elva stiger": ["Elva stiger."],
    "Kommer du? Ja. «Nå.» Bra.": ["Kommer du?", "Ja.", "«Nå.»", "Bra."],
    "Møt kl. 18.00 ved ca. 5 m. Ta med vann.": ["Møt kl. 18.00 ved ca. 5 m. Ta med vann."],
    "Møt kl. 18.00 ved skolen. Ta med vann.": ["Møt kl. 18.00 ved skolen.", "Ta med vann."],
    "Den 3. mai er det flom. Den 4. Mai også.": ["Den 3. mai er det flom.", "Den 4. Mai også."],
    "Bruk f.eks. Nettbuss. Ring dr. Berg.": ["Bruk f.eks. Nettbuss.", "Ring dr. Berg."],
    "Nivået er 3.5 meter. Det øker.": ["Nivået er 3.5 meter.", "Det øker."],
    "Linjen er\nbrukket her. Ny.": ["Linjen er brukket her.", "Ny."],
    "Første\n\nandre": ["Første.", "Andre."],
    "Gjør dette:\n* Gå inn\n* Lukk vinduer": ["Gjør dette:", "Gå inn.", "Lukk vinduer."],
    "هل تسمع؟ نعم. اذهب": ["هل تسمع؟", "نعم.", "اذهب."],
    "ውሃ አፍሉ። አትጠጡ።": ["ውሃ አፍሉ።", "አትጠጡ።"],
    "पानी उबालें। बाहर न जाएं": ["पानी उबालें।", "बाहर न जाएं"],
    "น้ำท่วม อพยพ": ["น้ำท่วม อพยพ"],
    "WAIT...WHAT...GO. NOW.": ["WAIT...WHAT...GO.", "NOW."],
}


@pytest.mark.parametrize(("words", "sentences"), SENTENCES.items())
def test_a_text_is_cut_into_whole_sentences(words: str, sentences: list[str]) -> None:
    assert text.sentences(words) == sentences


def test_of_an_endless_text_only_the_beginning_is_spoken() -> None:
    found = text.sentences("Elva stiger nå. " * 100_000)
    assert set(found) == {"Elva stiger nå."}
    assert len(found) < 1_000


def test_the_long_text_keeps_paragraphs_and_joins_wrapped_lines() -> None:
    assert text.clean_lines("Elva\nstiger.\r\n\r\n* Gå  opp\n* Ring") == "Elva stiger.\nGå opp\nRing"


@pytest.mark.parametrize("words", ["", " - ", "N/A", "Not Applicable.", "None", "Ingen"])
def test_saying_nothing_is_recognised(words: str) -> None:
    assert text.is_nothing(words)


#: a text -> whether it names a page
LINKS = {
    "Se https://met.no/x": True,
    "Se www.varsom.no.": True,
    "Se varsom.no/flom": True,
    "Se Varsom.no.": True,
    "Skriv til post@met.no": False,
    "Kl. 18.00 er det flom.": False,
    "Stopp.Nord er stengt": False,
    "Kok alt vann.De som er syke ringer.": False,
    "Se HTTPS://A.NO": True,
}


@pytest.mark.parametrize(("words", "linked"), LINKS.items())
def test_links_are_seen(words: str, linked: bool) -> None:  # noqa: FBT001 - a table's second column
    assert text.has_url(words) is linked


def short(said: str) -> bool:
    return len(said) <= 60


def test_whole_sentences_are_taken_while_they_fit_and_none_twice() -> None:
    steps = [f"{number}: Dette er en setning." for number in range(9)]
    assert text.fit([["Gå inn.", "Gå inn."], steps], short) == "Gå inn. 0: Dette er en setning. 1: Dette er en setning."


def test_a_part_ends_where_a_sentence_does_not_fit_so_that_no_exception_is_lost() -> None:
    exception = "Dette gjelder ikke " + "deg " * 60 + "."
    assert text.fit([["Gå ut.", exception, "Ta med hunden."], ["Elva stiger."]], short) == "Gå ut. Elva stiger."


def test_a_part_ends_at_a_link() -> None:
    assert text.fit([["Gå ut.", "Les mer på www.a.no.", "Der står alt."], ["Elva stiger."]], short) == "Gå ut. Elva stiger."


def test_where_nothing_fits_the_shortest_is_said_whole() -> None:
    longest, long = "a " * 200 + ".", "b " * 150 + "."
    assert text.fit([[longest], [long]], short) == long
    assert text.fit([["Se www.a.no."]], short) == ""
    assert text.fit([], short) == ""


#: a text and its language -> whether an SMS has room for it and its frame
ROOMS = [
    ("a" * 201, "nb", True),
    ("a" * 202, "nb", False),
    ("–" + "a" * 200, "nb", True),  # a dash is replaced for SMS
    ("é" * 201, "fr", True),
    ("ê" * 136, "fr", True),
    ("ê" * 137, "fr", False),
    ("ውሃ" * 68, "ti", True),
    ("ውሃ" * 69, "ti", False),
]


@pytest.mark.parametrize(("words", "language", "room"), ROOMS)
def test_the_room_is_counted_as_sms_count_it(words: str, language: str, room: bool) -> None:  # noqa: FBT001 - a table's last column
    assert text.fits_sms(words, language) is room


@pytest.mark.parametrize(("words", "language", "capitals"), [("gå inn", "nb", "GÅ INN"), ("ılık iç", "tr", "ILIK İÇ"), ("ውሃ", "ti", "ውሃ")])
def test_capitals_are_those_of_the_language(words: str, language: str, capitals: str) -> None:
    assert text.capitals(words, language) == capitals


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(st.text(max_size=400))
def test_no_text_is_cut_inside_a_sentence(words: str) -> None:
    sentences = text.sentences(words)
    said = text.fit([sentences], short)
    assert not said or said in " ".join(dict.fromkeys(sentences))
    assert not text.clean(words) or sentences
