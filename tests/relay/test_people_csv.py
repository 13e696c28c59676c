"""People from a spreadsheet: what is taken, what is refused, and the sentence that says so."""

from datetime import date, time

import pytest
from hypothesis import given, strategies as st

from messages.form import Medium
from relay.model import BadInput, Hours
from relay.people_csv import Kind, Row, read
from relay.people_csv.columns import BY_HEADING, HEADINGS, Column
from relay.people_csv.sheet import MOST_BYTES, MOST_ROWS

TODAY = date(2026, 11, 23)
FIRST = "navn;språk;mobil;avtale;18+ bekreftet"
SELAM = "Selam Tekle;ti;41000001;2026-02-02;ja"


def import_of(*lines: str, encoding: str = "utf-8") -> tuple[tuple[Row, ...], list[str], list[str]]:
    found = read("\n".join(lines).encode(encoding), today=TODAY)
    return found.rows, [str(error) for error in found.errors], [str(note) for note in found.notes]


def cell(heading: str, value: str) -> tuple[Row | None, list[str]]:
    """Read Selam with one more column, or with another value in one of hers."""
    columns = dict(zip(FIRST.split(";"), SELAM.split(";"), strict=True)) | {heading: value}
    rows, errors, _ = import_of(";".join(columns), ";".join(columns.values()))
    return (rows[0] if rows else None), errors


# --- the file as a whole ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_spreadsheet_programs_write_is_read(encoding: str, separator: str, end: str) -> None:
    lines = ["Navn;Språk;Mobil;E-post", "Åse Ærø;norsk bokmål|en;410 00 001;ase@example.no"]
    text = end.join(lines).replace(";", separator).replace("norsk bokmål", "bokmål")
    found = read(text.encode(encoding), today=TODAY)
    assert not found.errors
    [row] = found.rows
    assert (row.name, row.languages, row.number) == ("Åse Ærø", ("nb", "en"), 2)
    assert row.ways == ((Medium.SMS, "+4741000001"), (Medium.EMAIL, "ase@example.no"))


@pytest.mark.parametrize("first", ["sep=;", "SEP=;\r"])
def test_the_line_that_names_the_separator_is_no_row(first: str) -> None:
    rows, errors, _ = import_of(first, FIRST, SELAM)
    assert not errors
    assert rows[0].number == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "These are missing: navn, språk, mobil, whatsapp, e-post"),
        (b"\xff\xfe", "These are missing"),
        (b"navn;mobil\nA;41000001", "These are missing: språk."),
        ("navn;språk\nA;ti".encode(), "These are missing: mobil, whatsapp, e-post."),
        ("navn;name;språk;mobil".encode(), "«navn» and «name» mean the same"),
        (b"PK\x03\x04rest of a workbook", "This is a workbook"),
        (b"\xd0\xcf\x11\xe0rest", "This is a workbook"),
        (b"navn;spr\x81k", "not a text file"),
        (b"navn;\0", "not a text file"),
        ('navn;språk;mobil\n"Selam;ti;41000001\n'.encode(), "quotation mark"),
    ],
)
def test_a_file_that_is_none_is_refused_with_what_to_do(data: bytes, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(data, today=TODAY)
    assert words in str(caught.value)


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(BadInput, match="at most 10,485,760"):
        read(b";" * (MOST_BYTES + 1), today=TODAY)
    with pytest.raises(BadInput, match="has 20,001 people"):
        read("\n".join([FIRST, *[SELAM] * (MOST_ROWS + 1)]).encode(), today=TODAY)


def test_headings_are_known_in_both_languages_and_strange_ones_are_named() -> None:
    assert len(BY_HEADING) == len(Column) + sum(map(len, HEADINGS.values()))
    found = read(b"Name,Languages,Mobile,Shoe size\nSelam,ti,41000001,38", today=TODAY)
    assert found.ignored == ("Shoe size",)
    assert found.rows[0].name == "Selam"


def test_empty_rows_are_passed_over_and_counted() -> None:
    rows, errors, _ = import_of(FIRST, ";;;;", SELAM, "", "Tesfay;ti;;;")
    assert [row.number for row in rows] == [3]
    assert errors == ["Row 5 (Tesfay): no mobile, WhatsApp or e-mail: fill in at least one."]


# --- one cell -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "value", "field", "taken"),
    [
        ("navn", "  Selam   Tekle ", "name", "Selam Tekle"),
        ("navn", "=HYPERLINK(1)", "name", "=HYPERLINK(1)"),
        ("navn", "زهرا رحیمی", "name", "زهرا رحیمی"),
        ("navn", "علی\u200cرضا", "name", "علی\u200cرضا"),
        ("språk", "ti", "languages", ("ti",)),
        ("språk", "Tigrinja | engelsk | TI", "languages", ("ti", "en")),
        ("språk", "prs, ps", "languages", ("fa-AF", "ps")),
        ("språk", "ትግርኛ", "languages", ("ti",)),
        ("språk", "kurdisk (sorani)/arabisk", "languages", ("ckb", "ar")),
        ("gruppe", "Dari/farsi | Sentrum, nord", "groups", ("Dari/farsi", "Sentrum, nord")),
        ("mobil", "+47 410 00 001", "ways", ((Medium.SMS, "+4741000001"),)),
        ("mobil", "004741000001", "ways", ((Medium.SMS, "+4741000001"),)),
        ("mobil", "4741000001", "ways", ((Medium.SMS, "+4741000001"),)),
        ("mobil", "+46 70 123 45 67", "ways", ((Medium.SMS, "+46701234567"),)),
        ("mobil", "+1 212 555 2368", "ways", ((Medium.SMS, "+12125552368"),)),
        ("whatsapp", "ja", "ways", ((Medium.SMS, "+4741000001"), (Medium.WHATSAPP, "+4741000001"))),
        ("whatsapp", "+48 601 234 567", "ways", ((Medium.SMS, "+4741000001"), (Medium.WHATSAPP, "+48601234567"))),
        ("e-post", "Selam.T+b@Eksempel.NO", "ways", ((Medium.SMS, "+4741000001"), (Medium.EMAIL, "Selam.T+b@eksempel.no"))),
        ("e-post", "s@blåbær.no", "ways", ((Medium.SMS, "+4741000001"), (Medium.EMAIL, "s@xn--blbr-roah.no"))),
        ("språk", "Farsi, kurmanji", "languages", ("fa", "ku")),
        ("avtale", "02.02.2026", "agreed_on", date(2026, 2, 2)),
        ("avtale", "2.2.2026", "agreed_on", date(2026, 2, 2)),
        ("avtale til", "2027-01-31", "agreed_until", date(2027, 1, 31)),
        ("18+ bekreftet", "JA", "adult_confirmed_on", TODAY),
        ("18+ bekreftet", "1", "adult_confirmed_on", TODAY),
        ("18+ bekreftet", "2026-02-02", "adult_confirmed_on", date(2026, 2, 2)),
        ("18+ bekreftet", "nei", "adult_confirmed_on", None),
        ("stilling", "Ansatt", "kind", Kind.EMPLOYEE),
        ("stilling", "volunteer", "kind", Kind.VOLUNTEER),
        ("arbeidstid", "8-16", "kind", Kind.EMPLOYEE),
        ("arbeidstid", "08.00–15.30", "working", Hours(time(8), time(15, 30))),
        ("arbeidstid", "0800-1600", "working", Hours(time(8), time(16))),
        ("stille tid", "21:00 - 07:00", "quiet", Hours(time(21), time(7))),
        ("stille tid", "22-24", "quiet", Hours(time(22), time(0))),
        ("stille tid", "ingen", "quiet", Hours(time(0), time(0))),
        ("pause", "ja", "paused", True),
        ("pause", "24.12.2026", "paused_until", date(2026, 12, 24)),
        ("pause", "24.12.2025", "paused", False),
    ],
)
def test_a_cell_is_taken(heading: str, value: str, field: str, taken: object) -> None:
    row, errors = cell(heading, value)
    assert errors == []
    assert row
    assert getattr(row, field) == taken


@pytest.mark.parametrize(
    ("heading", "value", "words"),
    [
        ("navn", "", "is empty"),
        ("navn", "x" * 121, "121 characters, at most 120"),
        ("navn", "Selam\u202e", "invisible signs"),
        ("språk", "", "is empty"),
        ("språk", "tigrina", "did you mean tigrinja? Write"),
        ("språk", "klingon", "is no language that we know: write"),
        ("språk", "klingonsk", "is no language that we know: write"),
        ("mobil", "55 55 55 55", "is no mobile and cannot get SMS"),
        ("mobil", "110", "is no number in use"),
        ("mobil", "4100000", "is no number in use"),
        ("mobil", "4,7410E+10", "lost its digits to the spreadsheet"),
        ("mobil", "41000001 (jobb)", "leave only the number"),
        ("mobil", "?", "is no telephone number"),
        ("whatsapp", "nei takk", "leave only the number"),
        ("e-post", "selam", "is no e-mail address"),
        ("e-post", "selam@localhost", "is no e-mail address"),
        ("e-post", "se lam@example.no", "is no e-mail address"),
        ("e-post", "a@example.no, b@example.no", "is no e-mail address"),
        ("e-post", "selam@example..no", "is no e-mail address"),
        ("e-post", "sélam@example.no", "is no e-mail address"),
        ("e-post", "@example.no", "is no e-mail address"),
        ("rekkefølge", "sms, due", "«due» is no channel"),
        ("rekkefølge", "epost, sms", "«email» has no address in this row"),
        ("avtale", "31.02.2026", "is no date"),
        ("avtale", "02.02.26", "is no date"),
        ("avtale til", "2026-01-01", "ends before it begins"),
        ("18+ bekreftet", "kanskje", "neither yes, no nor a day: write ja, nei or a day like 2026-11-23"),
        ("18+ bekreftet", "2026-11-24", "has not come yet"),
        ("stilling", "sjef", "write frivillig or ansatt"),
        ("arbeidstid", "dagtid", "are no hours"),
        ("arbeidstid", "08-25", "are no hours"),
        ("stille tid", "21:00-21:00", "begins where it ends"),
        ("stedfortreder for", "Selam Tekle", "nobody can stand by for themselves"),
        ("stedfortreder for", "Ukjent", "neither in this file nor in the register"),
        ("pause", "snart", "neither yes, no nor a day: write ja, nei or a day like 2026-11-23"),
    ],
)
def test_a_wrong_cell_is_named_with_row_column_and_what_to_do(heading: str, value: str, words: str) -> None:
    row, errors = cell(heading, value)
    [error] = errors
    name = "Selam Tekle" if heading != "navn" else value and f"{value[:39]}…" if len(value) > 40 else value.replace("\u202e", "U+202E")
    assert error.startswith(f"Row 2{f' ({name})' if name else ''}, column {heading}: ")
    assert words in error
    assert row is None or heading == "stedfortreder for"


@pytest.mark.parametrize(("said", "taken"), [("norsk", "nb"), ("Norwegian", "nb"), ("norsk bokmål", "nb"), ("norsk nynorsk", "nn")])
def test_norwegian_is_taken_as_the_commoner_of_the_two_and_says_so(said: str, taken: str) -> None:
    rows, errors, notes = import_of(FIRST, SELAM.replace(";ti;", f";ti, {said};"))
    assert not errors
    assert rows[0].languages == ("ti", taken)
    told = f"Row 2 (Selam Tekle), column språk: «{said}» is taken as bokmål; if it is not, write nynorsk."
    assert notes == ([] if said.startswith("norsk ") else [told])


# --- one row, and rows against each other -------------------------------------------------------------------------------


def test_the_order_is_the_persons_and_what_it_does_not_name_comes_after() -> None:
    rows, errors, _ = import_of("navn;språk;sms;whatsapp;e-post;rekkefølge", "A;ti;41000001;ja;a@example.no;e-post")
    assert not errors
    assert [medium for medium, _ in rows[0].ways] == [Medium.EMAIL, Medium.SMS, Medium.WHATSAPP]


def test_everything_that_is_wrong_with_a_row_is_said_at_once() -> None:
    _, errors, _ = import_of(FIRST, "Selam;klingon;55555555;i fjor;kanskje;for mye")
    assert len(errors) == 5
    assert errors[0] == "Row 2 (Selam): more cells than headings: put cells that hold a separator in quotation marks."


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("SELAM  tekle;ti;+47 41000001;;", "Row 3 (SELAM  tekle): the same person as in row 2: leave one of them out."),
        ("Selam Tekle;ti;41000002;;", None),
        ("Rahwa Habte;ti;41000001;;", None),
    ],
)
def test_the_same_person_twice_is_an_error_a_shared_telephone_a_note(more: str, words: str | None) -> None:
    rows, errors, notes = import_of(FIRST, SELAM, more)
    assert errors == ([words] if words else [])
    assert len(rows) == 2
    shared = "Row 3 (Rahwa Habte): the same sms address as in row 2; kept, if the two share it."
    assert (shared in notes) is more.startswith("Rahwa")


@pytest.mark.parametrize(
    ("deputy_of", "words"),
    [
        ("selam tekle", None),
        ("Kari i registeret", None),
        ("Yonas Haile", "stands by for somebody else"),
        ("Samuel", "is the name of 2 people in this file"),
        ("Feil Nummer", None),
    ],
)
def test_a_deputy_stands_by_for_one_person_who_is_asked_first(deputy_of: str, words: str | None) -> None:
    lines = [
        "navn;språk;mobil;stedfortreder for",
        "Selam Tekle;ti;41000001;",
        "Yonas Haile;ti;41000002;Selam Tekle",
        "Samuel;en;41000003;",
        "Samuel;ti;41000004;",
        "Feil Nummer;ti;1;",
        f"Rahwa;ti;41000005;{deputy_of}",
    ]
    found = read("\n".join(lines).encode(), today=TODAY, known=["Kari i registeret"])
    errors = [error.words for error in found.errors if error.row == 7]
    assert bool(errors) is (words is not None)
    assert all(words and words in error for error in errors)


def test_what_keeps_somebody_from_being_written_to_is_noted() -> None:
    _, errors, notes = import_of("navn;språk;mobil;stilling", "=1+1;ti;41000001;ansatt")
    assert not errors
    assert [note.split(": ", 1)[1].split(" ")[0] for note in notes] == ["without", "until", "an", "«=1+1»"]


def test_a_good_file_leaves_nothing_to_say() -> None:
    assert import_of(FIRST, SELAM)[1:] == ([], [])


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"{FIRST}\n{text}".encode("utf-8", "replace")))
def test_no_bytes_raise_anything_but_bad_input(data: bytes) -> None:
    try:
        found = read(data, today=TODAY)
    except BadInput as refusal:
        said = str(refusal)
    else:
        said = "."
        assert all(str(problem).startswith("Row ") for problem in (*found.errors, *found.notes))
        assert all(row.name and row.languages and row.ways for row in found.rows)
    assert said.endswith(".")


@given(
    st.lists(
        st.sampled_from(["", "ja", "x", "=1", "ti", "41000001", "a@example.no", "8-16", "2026-02-02", "\u202e", "Selam"]),
        min_size=15,
        max_size=16,
    )
)
def test_no_cell_in_a_wrong_place_raises(values: list[str]) -> None:
    found = read(f"{';'.join(Column)}\n{';'.join(values)}\n".encode(), today=TODAY)
    assert bool(found.rows) or bool(found.errors) or not any(value.strip() for value in values)
