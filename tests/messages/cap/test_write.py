"""Our alerts as CAP: what a Budstikke writes another reads back whole, and any other reader understands the rest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from lxml import etree

from messages.alert import Act, Alert, Area, Certainty, Circle, Identity, Kind, Point, Review, Severity, Urgency, Variant
from messages.cap import CapUnwritable, FlagKind, MsgType, ResponseType, Status, draft, read, times, write
from messages.languages import all_languages
from tests.messages.cap.corpus import oasis
from tests.messages.cap.samples import CAP, one

SENT = datetime(2026, 11, 23, 18, tzinfo=timezone(timedelta(hours=1)))
SENDER = "beredskap@sorvik.kommune.no"
EARLIER = Identity(SENDER, "11", SENT - timedelta(hours=3))
ALERT = Alert(
    number=12,
    kind=Kind.ACTUAL,
    event="Vann",
    areas=(Area(description="Sentrum", municipalities=("4601",)),),
    sent_at=SENT,
    onset_at=SENT,
    expires_at=SENT + timedelta(days=2),
    identity=Identity(SENDER, "12", SENT),
)
WATER = Variant(language="nb", headline="KOK VANNET", forward="Kok vannet i 3 minutter.", ask="Si det på norskkurset.", source="cap")


def written(alert: Alert = ALERT, *variants: Variant, references: tuple[Identity, ...] = ()) -> bytes:
    return write(
        alert, variants or (WATER,), sender=SENDER, identifier="12", sent=SENT, references=references, sender_name="Sørvik kommune"
    )


# What XML carries and no cleaning changes: no control characters but line ends, and no spaces at the ends of names.
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=40)
LINES = st.lists(WORDS, max_size=4).map("\n".join)
NAMES = WORDS.map(lambda text: " ".join(text.split())).filter(bool)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.builds(datetime.fromtimestamp, st.integers(946_684_800, 4_102_444_800), ZONES)
POINTS = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))
RINGS = st.lists(POINTS, min_size=3, max_size=6).map(lambda points: (*points, points[0]))
PAIRS = st.tuples(NAMES.filter(lambda name: name != "MunicipalityId"), WORDS)
AREAS = st.builds(
    Area,
    description=st.just("") | NAMES,
    municipalities=st.lists(st.from_regex(r"[0-9]{4}", fullmatch=True), unique=True, max_size=3).map(tuple),
    polygons=st.lists(RINGS, max_size=2).map(tuple),
    unreadable=st.lists(st.sampled_from(["nord for elva", "59,5 60,6 x"]), unique=True, max_size=2).map(tuple),
    circles=st.lists(st.builds(Circle, POINTS, st.floats(0, 20_000)), max_size=2).map(tuple),
    geocodes=st.lists(PAIRS, max_size=2).map(tuple),
)
TOKENS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters=",<&\ufffe\uffff"), min_size=1, max_size=20)
IDENTITIES = st.builds(Identity, TOKENS, TOKENS, MOMENTS)
EXTRA = st.dictionaries(
    NAMES.filter(lambda name: not name.startswith(("budstikke:", "cap:")) and name != "MunicipalityId"), WORDS, max_size=3
)
VARIANTS = st.lists(
    st.builds(
        Variant,
        language=st.sampled_from([language.tag for language in all_languages()]),
        headline=WORDS,
        forward=LINES,
        ask=LINES,
        topic=WORDS,
        place=WORDS,
        detail=LINES,
        review=st.sampled_from(Review),
        source=st.just("cap"),
        extra=EXTRA,
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda variant: variant.language,
)
ALERTS = st.builds(
    Alert,
    number=st.integers(0, 9_999),
    kind=st.sampled_from(Kind),
    act=st.sampled_from(Act),
    severity=st.sampled_from(Severity),
    urgency=st.sampled_from(Urgency),
    certainty=st.sampled_from(Certainty),
    event=NAMES,
    areas=st.lists(AREAS, max_size=3, unique_by=repr).map(tuple),
    sent_at=MOMENTS,
    onset_at=st.none() | MOMENTS,
    expires_at=st.none() | MOMENTS,
    next_news_at=st.none() | MOMENTS,
    act_by_at=st.none() | MOMENTS,
)
ORACLE = oasis()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(ALERTS, VARIANTS, IDENTITIES, st.lists(IDENTITIES, min_size=1, max_size=3).map(tuple))
def test_what_we_write_we_read(alert: Alert, variants: list[Variant], identity: Identity, references: tuple[Identity, ...]) -> None:
    alert = replace(alert, identity=replace(identity, sent=alert.sent_at))
    document = write(alert, variants, sender=identity.sender, identifier=identity.identifier, sent=alert.sent_at, references=references)
    result = draft(one(document), number=alert.number, sender_languages=[variant.language for variant in variants])
    assert result.alert == alert
    assert result.variants == tuple(variants)
    assert result.references == references
    assert ORACLE is None or ORACLE.validate(etree.fromstring(document)), ORACLE.error_log


#: our act -> CAP's type and response, and back
ACTS = {
    Act.ISSUE: (MsgType.ALERT, ()),
    Act.UPDATE: (MsgType.UPDATE, ()),
    Act.OVER: (MsgType.UPDATE, (ResponseType.ALL_CLEAR,)),
    Act.WITHDRAW: (MsgType.CANCEL, (ResponseType.NONE,)),
}


@pytest.mark.parametrize(("act", "cap"), ACTS.items())
def test_acts_are_written_as_met_norway_writes_them(act: Act, cap: tuple[MsgType, tuple[ResponseType, ...]]) -> None:
    message = one(written(replace(ALERT, act=act), references=(EARLIER,)))
    assert (message.msg_type, message.infos[0].responses) == cap
    assert message.references == (EARLIER,)
    assert draft(message).notes == ()


@pytest.mark.parametrize(
    ("kind", "status", "note"),
    [(Kind.ACTUAL, Status.ACTUAL, ""), (Kind.EXERCISE, Status.EXERCISE, "Exercise"), (Kind.TEST, Status.TEST, "Test")],
)
def test_an_exercise_is_marked_as_cap_wants_it(kind: Kind, status: Status, note: str) -> None:
    message = one(written(replace(ALERT, kind=kind)))
    assert (message.status, message.note) == (status, note)


def test_any_reader_of_cap_finds_the_message_but_not_the_ask() -> None:
    variant = replace(WATER, extra={"cap:web": "https://sorvik.kommune.no", "cap:contact": "12 34 56 78"})
    (found,) = one(written(ALERT, variant)).infos
    assert (found.headline, found.description, found.event) == ("KOK VANNET", "Kok vannet i 3 minutter.", "Vann")
    assert (found.sender_name, found.web, found.contact) == ("Sørvik kommune", "https://sorvik.kommune.no", "12 34 56 78")
    assert "norskkurset" not in f"{found.description}{found.instruction}{found.headline}"


def test_the_long_text_is_the_description() -> None:
    (found,) = one(written(ALERT, replace(WATER, detail="Alt om vannet."))).infos
    assert found.description == "Alt om vannet."


def test_an_alert_without_event_borrows_the_headline() -> None:
    assert one(written(replace(ALERT, event=""))).infos[0].event == "KOK VANNET"


def test_a_withdrawal_may_have_no_text() -> None:
    document = write(replace(ALERT, act=Act.WITHDRAW), (), sender=SENDER, identifier="12", sent=SENT, references=(EARLIER,))
    assert one(document).infos == ()


def test_what_xml_cannot_carry_is_left_out() -> None:
    assert one(written(ALERT, replace(WATER, forward="a\x00b\x0bc\ud800d\ufffee"))).infos[0].description == "abcde"


def test_control_characters_of_others_do_not_reach_our_texts() -> None:
    document = written(ALERT, replace(WATER, forward="Kok\x85 vannet\tnå\nalle"))
    assert draft(one(document)).variants[0].forward == "Kok vannetnå\nalle"


def test_our_words_in_names_of_others_are_not_written_twice() -> None:
    document = written(ALERT, replace(WATER, extra={"budstikke:forward": "falskt", "MunicipalityId": "0301", "farge": "gul"}))
    assert draft(one(document)).variants[0].forward == "Kok vannet i 3 minutter."
    assert draft(one(document)).variants[0].extra == {"farge": "gul"}
    assert b"0301" not in document


@pytest.mark.parametrize(
    ("sender", "identifier"), [("", "1"), ("Sørvik kommune", "1"), (SENDER, "1,2"), (SENDER, "a<b"), (SENDER, "a&b"), (SENDER, "")]
)
def test_a_name_that_cap_forbids_is_refused(sender: str, identifier: str) -> None:
    with pytest.raises(CapUnwritable, match="must not be empty"):
        write(ALERT, (WATER,), sender=sender, identifier=identifier, sent=SENT)


@pytest.mark.parametrize("act", [Act.UPDATE, Act.OVER, Act.WITHDRAW])
def test_what_follows_nothing_is_refused(act: Act) -> None:
    with pytest.raises(CapUnwritable, match="must refer"):
        written(replace(ALERT, act=act))


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(CapUnwritable, match="offset"):
        write(ALERT, (WATER,), sender=SENDER, identifier="1", sent=SENT.replace(tzinfo=None))


#: a time, and how CAP writes it
TIMES = [
    (SENT, "2026-11-23T18:00:00+01:00"),
    (SENT.astimezone(UTC), "2026-11-23T17:00:00-00:00"),
    (SENT.replace(microsecond=999_999), "2026-11-23T18:00:00+01:00"),
    (SENT.astimezone(timezone(timedelta(minutes=42, seconds=30))), "2026-11-23T17:00:00-00:00"),
]


@pytest.mark.parametrize(("moment", "text"), TIMES)
def test_times_are_written_as_cap_wants_them(moment: datetime, text: str) -> None:
    assert times.write(moment) == text


@pytest.mark.parametrize("text", [None, "", "i morgen", "2026-02-30T00:00:00+01:00", "2026-11-23T18:00:00", "1600-01-01T00:00:00+00:00"])
def test_a_parameter_that_holds_no_time_holds_none(text: str | None) -> None:
    assert times.maybe(text) is None


def test_nothing_of_ours_is_odd() -> None:
    assert one(written()).flags == ()
    endless = one(written(replace(ALERT, onset_at=None, expires_at=None)))
    assert {flag.kind for flag in endless.flags} == {FlagKind.NO_EXPIRES}
    assert draft(endless).alert.onset_at is draft(endless).alert.expires_at is None


def test_the_document_is_utf_8_in_the_namespace_of_cap_1_2() -> None:
    assert written().startswith(f"<?xml version='1.0' encoding='UTF-8'?>\n<alert xmlns=\"{CAP}\">".encode())
    assert read(written()).alerts
