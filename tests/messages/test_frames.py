"""The catalogues: every language says the same, with the same placeholders, in its own script and plural forms."""

from pathlib import Path

import pytest
import regex
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

import locales
from messages.alert import Review
from messages.catalogue import read
from messages.frames import FrameError, _catalogue, frame_language, frame_languages, review_state, say, say_plural
from messages.languages import fits_label, get, is_rtl
from messages.library import placeholders
from messages.segments import Coding, alphabet, units

FOLDER = Path(locales.__path__[0])
FRAMES = [path.parent.parent.name for path in sorted(FOLDER.glob("*/LC_MESSAGES/frame.po"))]
ASKED = "nb nn en se uk ar ru pl ti so fa fa-AF ps ku ckb tr am ur lt ro es fr th vi my sw"


def source(tag: str) -> str:
    return (FOLDER / tag / "LC_MESSAGES" / "frame.po").read_text(encoding="utf-8")


def catalogue(tag: str) -> Catalog:
    with (FOLDER / tag / "LC_MESSAGES" / "frame.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


CATALOGUES = {tag: catalogue(tag) for tag in FRAMES}


def entries(tag: str) -> dict[str, Message]:
    return {message.id if isinstance(message.id, str) else message.id[0]: message for message in CATALOGUES[tag] if message.id}


def forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def said(tag: str) -> dict[str, tuple[str, ...]]:
    return {msgid: forms(message) for msgid, message in entries(tag).items()}


ENGLISH = said("en")
each_frame = pytest.mark.parametrize("tag", FRAMES)


def test_the_languages_that_norway_needs_first_have_a_frame() -> None:
    assert set(ASKED.split()) <= set(FRAMES)
    assert list(frame_languages()) == FRAMES


@each_frame
def test_headers_say_language_review_and_plurals(tag: str) -> None:
    assert f'"Language: {tag}\\n"' in source(tag)
    assert regex.search(r'"X-Review: (draft|reviewed)\\n"', source(tag))
    assert '"Plural-Forms: nplurals=' in source(tag)
    assert get(tag).tag == tag


@each_frame
def test_every_entry_is_there_and_none_is_empty_fuzzy_or_left_over(tag: str) -> None:
    assert list(said(tag)) == list(ENGLISH)
    assert [msgid for msgid, texts in said(tag).items() if not all(texts)] == []
    assert [msgid for msgid, message in entries(tag).items() if message.fuzzy] == []
    assert not CATALOGUES[tag].obsolete


@each_frame
def test_placeholders_are_equal_in_every_plural_form(tag: str) -> None:
    wanted = {msgid: placeholders(texts[0]) for msgid, texts in ENGLISH.items()}
    wrong = [(msgid, text) for msgid, texts in said(tag).items() for text in texts if placeholders(text) != wanted[msgid]]
    assert wrong == []


def plural_index(tag: str, number: int) -> int:
    """Ask the catalogue itself, through gettext: which form does it choose for `number`?"""
    texts = said(tag)["notice.count_unlikely"]
    return texts.index(texts_for(tag, number))


def texts_for(tag: str, number: int) -> str:
    return _catalogue(tag).texts.ngettext("notice.count_unlikely", "notice.count_unlikely", number)


@each_frame
def test_plural_forms_are_complete(tag: str) -> None:
    plural = [message for message in entries(tag).values() if not isinstance(message.id, str)]
    assert len(plural) == 3
    assert {len(forms(message)) for message in plural} == {CATALOGUES[tag].num_plurals}


@each_frame
def test_plural_forms_part_numbers_as_cldr_does(tag: str) -> None:
    locale = get(tag).locale
    assert locale is not None
    rule = Locale.parse(locale, sep="-").plural_form
    used: dict[str, set[str]] = {}
    for number in (*range(121), 1000, 1001, 10_000, 1_000_000):
        used.setdefault(rule(number), set()).add(texts_for(tag, number))
    # numbers of one CLDR kind share one form; which kinds may share a form is the language's own business
    assert all(len(texts) == 1 for texts in used.values()), used


@each_frame
def test_texts_are_lines_without_marks_of_pages(tag: str) -> None:
    texts = [text for texts in said(tag).values() for text in texts]
    assert [text for text in texts if text != text.strip() or "\n" in text] == []
    assert [text for text in texts if regex.search(r"[\u202a-\u202e\u2066-\u2069\ufeff\u200b]", text)] == []
    assert [text for text in texts if "http" in text] == []


@each_frame
def test_texts_are_in_the_script_of_the_language(tag: str) -> None:
    assert fits_label(" ".join(text for texts in said(tag).values() for text in texts), tag)


FIRST_STRONG = regex.compile(r"\{\w+\}|\p{L}")


@pytest.mark.parametrize("tag", [tag for tag in FRAMES if is_rtl(tag)])
def test_lines_of_right_to_left_frames_begin_with_a_word_of_their_own(tag: str) -> None:
    # phones lay a line out by its first strong letter: a Latin name there turns the whole line around
    def turned(text: str) -> bool:
        first = FIRST_STRONG.search(text)
        return first is None or regex.match(r"\p{Script=Arab}|\p{Script=Syrc}", first[0]) is None

    assert [(msgid, text) for msgid, texts in said(tag).items() for text in texts if turned(text)] == []


@each_frame
def test_buttons_fit(tag: str) -> None:
    titles = {msgid: texts[0] for msgid, texts in said(tag).items() if msgid.startswith("button.")}
    assert len(titles) == 4
    assert {msgid: title for msgid, title in titles.items() if len(title) > 20} == {}


@each_frame
def test_answers_are_three_different_words_without_digits(tag: str) -> None:
    words = [say(tag, f"legend.{name}") for name in ("read", "will_pass", "cannot")]
    assert len({word.casefold() for word in words}) == 3
    assert not any(regex.search(r"\d", word) for word in words)


@each_frame
def test_fixed_words_stay(tag: str) -> None:
    danger = say(tag, "notice.danger", contact="X")
    assert all(number in danger for number in ("110", "112", "113"))
    assert all("START" in say(tag, f"notice.{name}", municipality="X") for name in ("stopped", "paused"))
    assert "STOP" in say(tag, "notice.started", municipality="X")


@each_frame
def test_exercise_marks_are_words(tag: str) -> None:
    for msgid in ("mark.exercise", "mark.test"):
        assert regex.fullmatch(r"[\p{L}\p{M}\u200c]+([ -][\p{L}\p{M}\u200c]+)*", say(tag, msgid)), say(tag, msgid)


def words_in(text: str, tag: str) -> int:
    """Count words; where none are parted by spaces, four letters as a reader sees them are about one."""
    if get(tag).script in ("Thai", "Mymr", "Khmr"):
        return len(regex.findall(r"(?=\p{L})\X", text)) // 4
    return len(regex.findall(r"\p{L}[\p{L}\p{M}'’\u200c-]*", text))


@each_frame
@pytest.mark.parametrize("msgid", ["whatsapp.wake", "whatsapp.forward", "whatsapp.ask"])
def test_whatsapp_templates_can_be_approved(tag: str, msgid: str) -> None:
    text = said(tag)[msgid][0]
    values = regex.findall(r"\{\w+\}", text)
    assert not text.startswith("{"), "no value first"
    assert not regex.search(r"\}[\s\p{P}]*$", text), "no value last"
    assert not regex.search(r"\}[\s\p{P}]*\{", text), "no value beside another"
    assert words_in(regex.sub(r"\{\w+\}", "", text), tag) >= 2 * len(values) + 1, "Meta wants more words than that around the values"


def own_units(tag: str, *msgids: str) -> int:
    text = "\n".join(regex.sub(r"\{\w+\}", "", said(tag)[msgid][0]) for msgid in msgids)
    whole = alphabet("".join(text for texts in said(tag).values() for text in texts))
    return units(text, Coding.UCS2 if whole is Coding.UCS2 else Coding.GSM7)


@each_frame
def test_the_forward_frame_takes_no_more_than_forty_units(tag: str) -> None:
    usual = own_units(tag, "forward.sender", "forward.place", "forward.since", "forward.next_news", "forward.number")
    ending = own_units(tag, "forward.sender", "forward.place", "forward.since_until", "forward.number")
    assert (usual <= 40, ending <= 40) == (True, True), (usual, ending)


NOTICES = [msgid for msgid in ENGLISH if msgid.startswith("notice.")]
SAMPLE = {"municipality": "Sørvik", "contact": "Kari Nordmann", "danger_number": "112", "phone": "91234567", "count": "40", "number": "12"}


@each_frame
def test_answers_of_the_house_are_two_parts_at_most(tag: str) -> None:
    long = {}
    for msgid in NOTICES:
        for text in said(tag)[msgid]:
            filled = regex.sub(r"\{(\w+)\}", lambda match: SAMPLE.get(match[1], "12"), text)
            room = 306 if alphabet(filled) is Coding.GSM7 else 134
            if units(filled, alphabet(filled)) > (201 if msgid == "notice.danger" and room == 134 else room):
                long[msgid] = units(filled, alphabet(filled))
    assert long == {}


def test_a_language_without_a_frame_speaks_norwegian() -> None:
    assert frame_language("mfz") == "nb"
    assert frame_language("xx") == "nb"
    assert frame_language("prs") == "fa-AF"
    assert say("mfz", "legend.read") == "lest"
    assert say_plural("xx", "notice.count_unlikely", 1) == "Mente du 1 person? Send tallet en gang til."


def test_plural_forms_are_chosen() -> None:
    assert say_plural("en", "notice.count_unlikely", 1) == "Did you mean 1 person? Please send the number once more."
    assert say_plural("en", "notice.count_unlikely", 12_000) == "Did you mean 12 000 people? Please send the number once more."


def test_errors_are_said() -> None:
    with pytest.raises(FrameError, match=r"no entry 'ask\.nothing'"):
        say("nb", "ask.nothing")
    with pytest.raises(FrameError, match="'number'"):
        say("nb", "ask.question", time="07.00")


def test_a_broken_catalogue_is_refused_by_name() -> None:
    with pytest.raises(FrameError, match=r"locales/xx/LC_MESSAGES/frame\.po cannot be read"):
        read("xx", "frame", b'msgid "a')


def test_a_fuzzy_entry_is_not_used() -> None:
    raw = b'msgid ""\nmsgstr "X-Review: reviewed\\n"\n\n#, fuzzy\nmsgid "legend.read"\nmsgstr "?"\n'
    found = read("xx", "frame", raw)
    assert found.texts.gettext("legend.read") == "legend.read"
    assert found.review is Review.REVIEWED


def test_values_are_never_read_as_placeholders() -> None:
    assert say("en", "forward.place", place="{number} {") == "Where: {number} {"


@each_frame
def test_review_is_as_the_header_says(tag: str) -> None:
    declared = regex.search(r'"X-Review: (\w+)\\n"', source(tag))
    assert declared is not None
    assert review_state(tag) is Review[declared[1].upper()]
