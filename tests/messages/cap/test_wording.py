"""The words of a draft: the source's own, in whole sentences, short enough for an SMS and nothing lost in the long text."""

import pytest

from messages.alert import Review
from messages.cap.remarks import Remark
from tests.messages.cap.samples import alert, drafted, info, parameter, remarked

#: a text -> whether the authority that published it stands for it in that language
PUBLISHED = [
    (info(language="en"), Review.REVIEWED),
    (info(language=""), Review.DRAFT),
    (info(language="ti"), Review.DRAFT),
    (info(extra=parameter("budstikke:review", "DRAFT")), Review.DRAFT),
    (info(language="ti", extra=parameter("budstikke:review", "REVIEWED")), Review.REVIEWED),
    (info(extra=parameter("budstikke:review", "approved")), Review.DRAFT),
]


@pytest.mark.parametrize(("body", "review"), PUBLISHED)
def test_what_an_authority_has_published_is_no_draft_of_ours(body: str, review: Review) -> None:
    assert drafted(alert(body)).variants[0].review is review


RISES = "Sjøen stiger to meter over det vanlige."
STAY_AWAY = "Hold deg unna kaier og naust."
#: what changes in the message -> headline and short text
WORDS = {
    "time and place leave the headline": ({}, "HØY VANNSTAND, RØDT NIVÅ", f"{STAY_AWAY} {RISES}"),
    "no headline": ({"headline": ""}, "HØY VANNSTAND", f"{STAY_AWAY} {RISES}"),
    "its time in UTC": (
        {"headline": "Høy vannstand, Sørvik, fra 23. november kl. 19:00 UTC til tysdag 07.00 UTC"},
        "HØY VANNSTAND",
        f"{STAY_AWAY} {RISES}",
    ),
    "its time to the second": (
        {"headline": "Høy vannstand, 2026-11-23T20:00:00+01:00"},
        "HØY VANNSTAND",
        f"{STAY_AWAY} {RISES}",
    ),
    "another hour is no time of the alert": ({"headline": "Evakuer, 18.00"}, "EVAKUER, 18.00", f"{STAY_AWAY} {RISES}"),
    "what to do before an hour": (
        {"headline": "Evakuer før 20.00, Budvik sentrum"},
        "EVAKUER FØR 20.00, BUDVIK SENTRUM",
        f"{STAY_AWAY} {RISES}",
    ),
    "a decimal is no hour": (
        {"headline": "Vannstand 2.50 meter over normalt, kyststrøk"},
        "HØY VANNSTAND",
        f"Vannstand 2.50 meter over normalt, kyststrøk. {STAY_AWAY} {RISES}",
    ),
    "a long headline is a sentence": (
        {"headline": "svært høy vannstand langs hele kysten av Vestlandet"},
        "HØY VANNSTAND",
        "Svært høy vannstand langs hele kysten av Vestlandet. Hold deg unna kaier og naust. Sjøen stiger to meter over det vanlige.",
    ),
    "all names are long": (
        {
            "event": "Svært høy vannstand langs hele kysten i vest",
            "headline": "Svært høy vannstand langs hele kysten av Vestlandet i kveld",
        },
        "SVÆRT HØY VANNSTAND LANGS HELE KYSTEN I VEST",
        f"Svært høy vannstand langs hele kysten av Vestlandet i kveld. {STAY_AWAY} {RISES}",
    ),
    "nothing to advise": ({"instruction": "Not Applicable"}, "HØY VANNSTAND, RØDT NIVÅ", "Sjøen stiger to meter over det vanlige."),
    "the headline again": ({"description": "Høy vannstand, rødt nivå."}, "HØY VANNSTAND, RØDT NIVÅ", "Hold deg unna kaier og naust."),
    "only a link": ({"description": "Se https://a.no.", "instruction": ""}, "HØY VANNSTAND, RØDT NIVÅ", ""),
    "markup": (
        {"instruction": "Gå &lt;b&gt;inn&lt;/b&gt;&lt;br/&gt;nå"},
        "HØY VANNSTAND, RØDT NIVÅ",
        "Gå inn. Nå. Sjøen stiger to meter over det vanlige.",
    ),
}


@pytest.mark.parametrize(("changes", "headline", "forward"), WORDS.values(), ids=WORDS.keys())
def test_the_words_are_the_source_s_in_whole_sentences(changes: dict[str, str], headline: str, forward: str) -> None:
    (variant,) = drafted(alert(info(**changes))).variants
    assert (variant.headline, variant.forward) == (headline, forward)


def test_consequences_are_said_last() -> None:
    (variant,) = drafted(alert(info(extra=parameter("consequences", "Veier kan bli stengt. ")))).variants
    assert variant.forward.endswith("over det vanlige. Veier kan bli stengt.")
    assert variant.detail.endswith("\n\nVeier kan bli stengt.")


def test_what_is_left_out_or_too_long_or_missing_is_remarked() -> None:
    assert remarked(drafted(alert(info(description="Sjøen stiger. " * 3 + "Den kommer fort. " + "og " * 70 + "nå."))), Remark.LEFT_OUT)
    assert remarked(drafted(alert(info(description="og " * 100 + "nå.", instruction=""))), Remark.TOO_LONG)
    assert remarked(drafted(alert(info(description="", instruction=""))), Remark.NO_WORDS)


def test_many_places_are_named_whole_as_far_as_they_go() -> None:
    areas = "".join(f"<area><areaDesc>Bygda nummer {number}; Grenda {number}</areaDesc></area>" for number in range(9))
    result = drafted(alert(info(area=areas)))
    assert result.variants[0].place == "Bygda nummer 0, Grenda 0, Bygda nummer 1, Grenda 1, Bygda nummer 2, Grenda 2 ..."
    assert remarked(result, Remark.MORE_PLACES)


@pytest.mark.parametrize(
    ("event", "topic"), [("Høy vannstand", "høy vannstand"), ("Kvikkleireskred, stor fare for folk", "kvikkleireskred"), ("", "")]
)
def test_a_matter_has_a_short_name(event: str, topic: str) -> None:
    assert drafted(alert(info(event=event))).variants[0].topic == topic


def test_unknown_parameters_are_kept_with_the_text() -> None:
    extra = parameter("farge", "rød") + parameter("farge", "gul") + parameter("nivå", "3")
    body = info(extra=extra).replace("<parameter>", "<web>https://a.no</web><contact>12 34</contact><parameter>", 1)
    assert drafted(alert(body)).variants[0].extra == {"cap:web": "https://a.no", "cap:contact": "12 34", "farge": "rød; gul", "nivå": "3"}


def test_every_flag_is_told_to_the_author_once() -> None:
    result = drafted(alert(info(area="<area><areaDesc>A</areaDesc><polygon>x</polygon></area>")))
    assert result.notes == ("A polygon cannot be read: choose the area by hand. (line 2, x)",)
