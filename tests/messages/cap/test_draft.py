"""From a message to a draft: what it does, where and when, and texts that a person would be glad to get."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from messages.alert import Act, Identity, Kind, Point, Review, Severity
from messages.cap import NeverReal, draft
from messages.cap.model import DEFAULT_LIFE
from messages.cap.remarks import Remark
from tests.messages.cap.samples import AREA, INFO, alert, drafted, geocode, info, one, parameter, remarked

NORWAY = timezone(timedelta(hours=1))
SENT = datetime(2026, 11, 23, 18, tzinfo=NORWAY)
EARLIER = "<references>varsel@eksempel.no,1,2026-11-23T10:00:00+01:00</references>"
ALL_CLEAR = "<responseType>AllClear</responseType>"


def test_an_ordinary_message_becomes_a_draft_without_a_remark() -> None:
    result = drafted(alert(), number=12)
    (variant,) = result.variants
    assert (result.alert.number, result.alert.kind, result.alert.act) == (12, Kind.ACTUAL, Act.ISSUE)
    assert result.alert.identity == Identity("varsel@eksempel.no", "2.49.0.1.578.0.TEST.1", SENT)
    assert (result.alert.sent_at, result.alert.onset_at, result.alert.expires_at) == (
        SENT,
        SENT + timedelta(hours=2),
        SENT + timedelta(hours=14),
    )
    assert variant.headline == "HØY VANNSTAND, RØDT NIVÅ"
    assert variant.forward == f"{INFO['instruction']} {INFO['description']}"
    assert (variant.place, variant.topic, variant.ask) == ("Sørvik", "høy vannstand", "")
    assert variant.detail == f"{INFO['headline']}\n\n{INFO['description']}\n\n{INFO['instruction']}"
    assert (variant.review, variant.source) == (Review.REVIEWED, "cap")
    assert result.notes == ()


#: how a message begins -> what it does
ACTS = {
    ("Alert", "Monitor"): Act.ISSUE,
    ("Update", "Monitor"): Act.UPDATE,
    ("Update", "AllClear"): Act.OVER,
    ("Cancel", "None"): Act.WITHDRAW,
    ("Cancel", "AllClear"): Act.OVER,
    ("Alert", "AllClear"): Act.OVER,
    ("Ack", "None"): Act.ISSUE,
}


@pytest.mark.parametrize(("message", "act"), ACTS.items())
def test_a_message_issues_updates_withdraws_or_ends(message: tuple[str, str], act: Act) -> None:
    msg_type, response = message
    body = info().replace("<urgency>", f"<responseType>{response}</responseType><urgency>")
    result = drafted(alert(body, msgType=msg_type, extra=EARLIER))
    assert result.alert.act is act
    assert result.references == (Identity("varsel@eksempel.no", "1", datetime(2026, 11, 23, 10, tzinfo=NORWAY)),)


@pytest.mark.parametrize(
    ("changes", "doubtful"),
    [
        ({}, True),
        ({"sender": "meteorologi@met.no"}, False),
        ({"extra": EARLIER.replace("<ref", "<code>CAP-V12.NO.V1.0</code><ref")}, False),
    ],
)
def test_only_a_norwegian_cancel_surely_means_that_it_was_wrong(changes: dict[str, str], doubtful: bool) -> None:  # noqa: FBT001 - a table
    result = drafted(alert(**({"msgType": "Cancel", "extra": EARLIER} | changes)))
    assert result.alert.act is Act.WITHDRAW
    assert remarked(result, Remark.CANCEL) is doubtful


def test_when_it_is_over_what_happened_comes_before_what_to_do() -> None:
    body = info(description="Faren er over.", instruction="Rydd veien.").replace("<urgency>", f"{ALL_CLEAR}<urgency>")
    (variant,) = drafted(alert(body, msgType="Update", extra=EARLIER)).variants
    assert variant.forward == "Faren er over. Rydd veien."


def test_over_in_one_area_only_is_an_update_with_a_remark() -> None:
    over = info(headline="Over", area="<area><areaDesc>Nes</areaDesc></area>").replace("<urgency>", f"{ALL_CLEAR}<urgency>")
    result = drafted(alert(over + info(), msgType="Update", extra=EARLIER))
    assert result.alert.act is Act.UPDATE
    assert remarked(result, Remark.PARTLY_OVER)
    assert result.variants[0].headline == "HØY VANNSTAND, RØDT NIVÅ"


@pytest.mark.parametrize(
    ("status", "kind"),
    [("Actual", Kind.ACTUAL), ("Exercise", Kind.EXERCISE), ("Test", Kind.TEST), ("System", Kind.TEST), ("Draft", Kind.TEST)],
)
def test_only_what_is_actual_is_a_real_alert(status: str, kind: Kind) -> None:
    assert drafted(alert(status=status)).alert.kind is kind


@pytest.mark.parametrize(("status", "kind"), [("Exercise", Kind.EXERCISE), ("Actual", Kind.ACTUAL), ("Nonsense", Kind.TEST)])
def test_the_envelope_has_a_say_in_what_is_real(status: str, kind: Kind) -> None:
    assert draft(replace(one(alert()), carrier_status=status)).alert.kind is kind
    assert draft(replace(one(alert(status="Test")), carrier_status=status)).alert.kind is Kind.TEST


LATER = SENT + timedelta(days=9)
#: a message and the time of looking -> why it can never be real
NEVER: dict[str, tuple[bytes, datetime, NeverReal | None]] = {
    "in force": (alert(), SENT, None),
    "at its last second": (alert(), SENT + timedelta(hours=14), None),
    "expired": (alert(), SENT + timedelta(hours=14, seconds=1), NeverReal.EXPIRED),
    "no end, next day": (alert(info(expires="", onset="")), SENT + DEFAULT_LIFE, None),
    "no end, the day after": (alert(info(expires="", onset="")), SENT + DEFAULT_LIFE + timedelta(seconds=1), NeverReal.EXPIRED),
    "no end, begins later": (alert(info(expires="")), SENT + DEFAULT_LIFE + timedelta(hours=2), None),
    "no text, old": (alert("", msgType="Cancel", extra=EARLIER), LATER, NeverReal.EXPIRED),
    "one part still in force": (alert(info() + info(expires="2026-12-30T00:00:00+01:00")), LATER, None),
    "a clock that is fast": (alert(), SENT - timedelta(hours=23), None),
    "from the future": (alert(), SENT - timedelta(days=2), NeverReal.FROM_FUTURE),
    "exercise": (alert(status="Exercise"), SENT, NeverReal.EXERCISE),
    "test": (alert(status="Test"), SENT, NeverReal.TEST),
    "system": (alert(status="System"), SENT, NeverReal.SYSTEM),
    "draft": (alert(status="Draft"), SENT, NeverReal.DRAFT),
    "private": (alert(scope="Private"), SENT, NeverReal.PRIVATE),
    "restricted": (alert(scope="Restricted"), SENT, NeverReal.RESTRICTED),
    "receipt": (alert(msgType="Ack"), SENT, NeverReal.ACK),
    "error": (alert(msgType="Error"), SENT, NeverReal.ERROR),
}


@pytest.mark.parametrize(("document", "now", "why"), NEVER.values(), ids=NEVER.keys())
def test_what_can_never_be_real_says_why(document: bytes, now: datetime, why: NeverReal | None) -> None:
    found = one(document).why_never_real(now)
    assert found is why
    assert found is None or found.words.endswith(".")


def test_a_replay_may_be_old_but_nothing_else() -> None:
    assert one(alert()).why_never_real(LATER, replay=True) is None
    assert one(alert(status="Test")).why_never_real(LATER, replay=True) is NeverReal.TEST


# Times


def test_without_onset_it_begins_when_it_takes_effect_or_was_sent() -> None:
    effective = "<effective>2026-11-23T19:00:00+01:00</effective>"
    body = info(onset="").replace("<expires>", f"{effective}<expires>")
    assert drafted(alert(body)).alert.onset_at == SENT + timedelta(hours=1)
    assert drafted(alert(info(onset=""))).alert.onset_at == SENT


def test_without_an_end_one_is_assumed_and_said() -> None:
    result = drafted(alert(info(expires="")))
    assert result.alert.expires_at == SENT + timedelta(hours=2) + DEFAULT_LIFE
    assert remarked(result, Remark.END_ASSUMED)


def test_the_end_of_the_event_goes_before_an_earlier_end_of_the_message() -> None:
    later = drafted(alert(info(extra=parameter("eventEndingTime", "2026-11-25T00:00:00+00:00"))))
    assert later.alert.expires_at == datetime(2026, 11, 25, tzinfo=UTC)
    assert remarked(later, Remark.EVENT_LASTS)
    earlier = drafted(alert(info(extra=parameter("eventEndingTime", "2026-11-24T00:00:00+00:00"))))
    assert earlier.alert.expires_at == SENT + timedelta(hours=14)
    assert not remarked(earlier, Remark.EVENT_LASTS)


def test_promised_news_is_carried() -> None:
    assert drafted(alert(info(extra=parameter("NextUpdate", "2026-11-23T21:00:00+01:00")))).alert.next_news_at == SENT + timedelta(hours=3)
    assert drafted(alert(info(extra=parameter("NextUpdate", "i morgen")))).alert.next_news_at is None


# Areas


def test_municipality_numbers_are_taken_out_of_the_geocodes() -> None:
    codes = geocode("MunicipalityId", "4601;4626;4601;") + geocode("county", "46")
    (area,) = drafted(alert(info(area=f"<area><areaDesc>Kysten</areaDesc>{codes}</area>"))).alert.areas
    assert area.municipalities == ("4601", "4626")
    assert area.geocodes == (("county", "46"),)


def test_municipality_numbers_of_the_whole_info_hold_for_each_area_without_its_own() -> None:
    own = geocode("MunicipalityId", "1103")
    body = info(
        extra=parameter("MunicipalityId", "4601;4626"),
        area=f"<area><areaDesc>A</areaDesc></area><area><areaDesc>B</areaDesc>{own}</area>",
    )
    result = drafted(alert(body))
    assert [area.municipalities for area in result.alert.areas] == [("4601", "4626"), ("1103",)]
    assert "MunicipalityId" not in result.variants[0].extra


def test_borders_that_cannot_be_read_stay_with_the_area() -> None:
    shapes = "<polygon>nord for elva</polygon><circle>her</circle>"
    (area,) = drafted(alert(info(area=f"<area><areaDesc>Oslo</areaDesc>{shapes}</area>"))).alert.areas
    assert (area.unreadable, area.polygons, area.circles) == (("nord for elva", "her"), (), ())


def test_a_polygon_is_closed() -> None:
    body = info(area="<area><areaDesc>A</areaDesc><polygon>59,5 59,6 60,6</polygon></area>")
    (area,) = drafted(alert(body)).alert.areas
    assert area.polygons == ((Point(59, 5), Point(59, 6), Point(60, 6), Point(59, 5)),)


def test_translated_names_are_not_new_areas_but_new_places_are() -> None:
    english = info(
        language="en-GB", area=AREA.replace("Sørvik", "South Bay") + "<area><areaDesc>Ness</areaDesc><circle>60,5 1</circle></area>"
    )
    result = drafted(alert(info() + english))
    assert [area.description for area in result.alert.areas] == ["Sørvik", "Ness"]
    assert [variant.place for variant in result.variants] == ["Sørvik", "South Bay, Ness"]


def test_no_area_is_remarked() -> None:
    assert remarked(drafted(alert(info(area=""))), Remark.NO_AREA)


# Languages and parts


def test_languages_are_ours_and_the_sender_s_own_comes_first() -> None:
    body = "".join(info(language=tag) for tag in ("en-GB", "no", "prs", "uk-UA"))
    assert [variant.language for variant in drafted(alert(body)).variants] == ["nb", "en", "fa-AF", "uk"]
    first = drafted(alert(body), sender_languages=("uk", "ti"))
    assert [variant.language for variant in first.variants] == ["uk", "en", "nb", "fa-AF"]


def test_the_first_language_says_how_grave_it_is() -> None:
    body = info(language="en", severity="Extreme") + info(severity="Minor")
    assert drafted(alert(body)).alert.severity is Severity.MINOR


def test_a_language_that_is_not_ours_is_kept_and_remarked() -> None:
    result = drafted(alert(info(language="tlh-Latn")))
    assert result.variants[0].language == "tlh-Latn"
    assert remarked(result, Remark.LANGUAGE_UNKNOWN)


def test_a_tag_that_fits_in_no_row_is_undetermined_and_told_to_the_author() -> None:
    result = drafted(alert(info(language="cy-GB-x-hawdd-dar") + info(language="cy-GB-x-hawdd-darllen")))
    assert [one.language for one in result.variants] == ["cy-GB-x-hawdd-dar", "und"]
    assert any("cy-GB-x-hawdd-darllen" in note for note in result.notes)


@pytest.mark.parametrize("label", ["norsk bokmål", "x" * 5_000, "-"])
def test_a_language_that_is_no_tag_is_undetermined(label: str) -> None:
    assert drafted(alert(info(language=label))).variants[0].language == "und"


def test_the_same_text_for_several_areas_and_times_is_one_text() -> None:
    nes = info(area="<area><areaDesc>Nes</areaDesc></area>", onset="2026-11-23T19:00:00+01:00", expires="2026-11-25T00:00:00+01:00")
    result = drafted(alert(info() + nes))
    (variant,) = result.variants
    assert variant.place == "Sørvik, Nes"
    assert [area.description for area in result.alert.areas] == ["Sørvik", "Nes"]
    assert (result.alert.onset_at, result.alert.expires_at) == (SENT + timedelta(hours=1), datetime(2026, 11, 25, tzinfo=NORWAY))
    assert result.notes == ()


MILD = info(severity="Moderate", headline="Mild", description="Litt vann.", area="<area><areaDesc>Nes</areaDesc></area>")


def test_of_different_parts_the_gravest_is_said_and_the_others_stay_in_the_long_text() -> None:
    result = drafted(alert(MILD + info()))
    (variant,) = result.variants
    assert variant.headline == "HØY VANNSTAND, RØDT NIVÅ"
    assert variant.place == "Sørvik"
    assert variant.detail.endswith("Nes:\nMild\n\nLitt vann.\n\nHold deg unna kaier og naust.")
    assert result.alert.severity is Severity.SEVERE
    assert len(result.alert.areas) == 2
    assert remarked(result, Remark.PARTS_DIFFER)


def test_the_part_for_our_own_municipality_goes_before_a_graver_one() -> None:
    ours = MILD.replace("<areaDesc>Nes</areaDesc>", f"<areaDesc>Nes</areaDesc>{geocode('MunicipalityId', '4626')}")
    assert drafted(alert(info() + ours), municipality="4626").variants[0].headline == "MILD"
    assert drafted(alert(info() + ours), municipality="4601").variants[0].headline == "HØY VANNSTAND, RØDT NIVÅ"


def test_a_cancel_without_text_asks_for_words() -> None:
    result = drafted(alert("", msgType="Cancel", extra=EARLIER))
    assert (result.variants, result.alert.act, result.alert.expires_at) == ((), Act.WITHDRAW, SENT + DEFAULT_LIFE)
    assert remarked(result, Remark.NO_TEXT)
    assert remarked(result, Remark.END_ASSUMED)
