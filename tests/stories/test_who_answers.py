"""Nights in Sørvik about answers: whose they are, which alert they are to, and what follows from each."""

from sqlalchemy import select, update

from messages.alert import Act
from messages.form import Part
from messages.frames import Notice, say
from relay.model import Rung
from relay.store.tables import alert as alert_table, alert_group, answer, inbound, redistribution_report, thread
from tests.stories.arrange import NEIGHBOURS_SENDER, change, house_says, neighbour, rows, sends, texts
from tests.stories.town import ON_SQLITE, SMS_SENDER, Town, new

pytestmark = ON_SQLITE

WATER = {"so": "KARI BIYAHA", "nb": "KOK VANNET", "ti": "ማይ ኣፍልሑ"}
SLIDE = {"so": "KA BAX", "nb": "GÅ UT", "ti": "ውጹ"}


async def counted(town: Town, alert: int) -> dict[str, int]:
    """Return how many count toward each group's quorum."""
    found = await rows(town, select(alert_group.c.language, alert_group.c.counted).where(alert_group.c.alert_id == alert))
    return {row.language: row.counted for row in found}


async def test_somebody_in_two_groups_gets_both_texts_and_one_question(town: Town) -> None:
    """Two forwards, one ask; an answer counts in both groups, and once in the whole."""
    ayan = await town.person("Ayan", "so", groups=("ti",))
    alert = await town.issue(WATER)
    first, second, ask = texts(new(ayan.phone))
    assert "KARI BIYAHA" in first
    assert "ማይ ኣፍልሑ" in second
    assert say("so", "ask.to_you") in ask
    await ayan.phone.says("3 40")
    await town.settle()
    assert len(new(ayan.phone)) == 1
    assert await counted(town, alert) == {"so": 1, "ti": 1}
    reach = await town.reach(alert)
    assert {group.language: (group.relayed, group.reported_reach) for group in reach.groups} == {"so": (1, 40), "ti": (1, 40)}
    assert (reach.totals.people, reach.totals.relayed, reach.totals.reported_reach) == (1, 1, 40)


async def test_a_step_of_the_group_needs_the_quorum_of_every_group(town: Town) -> None:
    """Whoever answers for two groups is still rung when only one of them has enough."""
    await town.group("so", quorum=1)
    await town.group("ti", quorum=1)
    ayan = await town.person("Ayan", "so", groups=("ti",))
    bilan = await town.person("Bilan", "so")
    await town.issue(WATER)
    await bilan.phone.says("2")
    await town.passes(minutes=21)
    assert await town.tasks() == ["call"]
    await ayan.phone.says("2")
    await town.settle()
    assert await town.tasks() == []


async def test_one_number_in_two_municipalities(town: Town) -> None:
    """The number that was written to tells whose alert is meant; both alerts may have the same number."""
    nordvik = await neighbour(town)
    here = await town.person("Ayan", "so", number="+4741999999")
    there = await nordvik.person("Ayan", "so", number="+4741999999")
    water, slide = await town.issue(WATER), await nordvik.issue(SLIDE)
    await here.phone.says("2", to=NEIGHBOURS_SENDER, channel="sms")
    await town.settle()
    assert (await town.recipient(water, here)).rung == Rung.NONE
    assert (await nordvik.recipient(slide, there)).rung == Rung.WILL_PASS
    await here.phone.says("1", to=SMS_SENDER, channel="sms")
    await town.settle()
    assert (await town.recipient(water, here)).rung == Rung.RECEIVED
    echoes = [shown for shown in new(here.phone) if shown.text == house_says(Notice.ECHO_RECEIVED)]
    assert [echo.sender for echo in echoes] == [SMS_SENDER]


async def test_one_number_in_two_municipalities_that_share_their_sender(town: Town) -> None:
    """Then a bare digit fits both alerts and is asked back; what is in force is told for whom we answer as, and nothing is lost."""
    nordvik = await neighbour(town, sms=SMS_SENDER)
    here = await town.person("Ayan", "so", number="+4741999999")
    there = await nordvik.person("Ayan", "so", number="+4741999999")
    water, slide = await town.issue(WATER, topic="vann"), await nordvik.issue(SLIDE, topic="skred")
    new(here.phone)
    await here.phone.says("1")
    await town.settle()
    [question] = texts(new(here.phone))
    assert "vann" in question
    assert "skred" in question
    assert (await town.recipient(water, here)).rung == (await nordvik.recipient(slide, there)).rung == Rung.NONE
    await here.phone.says("8")
    await town.settle()
    assert len(new(here.phone)) == 1
    assert [row.verdict for row in await rows(town, select(inbound.c.verdict).order_by(inbound.c.id))] == ["which_alert", "in_force"]


async def test_an_answer_to_an_alert_that_is_closed(town: Town) -> None:
    """It is kept and said to be late; it moves no quorum, and the next alert has bare digits again."""
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    await town.passes(hours=37)
    new(ayan.phone)
    await ayan.phone.says("2")
    await town.settle()
    assert texts(new(ayan.phone)) == [house_says(Notice.ALERT_CLOSED, number=1)]
    assert (await town.recipient(alert, ayan)).rung == Rung.WILL_PASS
    assert await counted(town, alert) == {"so": 0}
    slide = await town.issue(SLIDE)
    assert "\n1 " in "\n".join(texts(new(ayan.phone)))
    await ayan.phone.says("1")
    await town.settle()
    assert (await town.recipient(slide, ayan)).rung == Rung.RECEIVED


async def _updated(town: Town, older: int) -> int:
    """Release an update, of which nothing has left yet."""
    update_id = await town.draft(SLIDE, act=Act.UPDATE)
    await change(town, update(alert_table).where(alert_table.c.id == update_id).values(replaces_id=older))
    await town.relay.approve(town.municipality_id, update_id, "Ola")
    await town.relay.release(town.municipality_id, update_id, "Ola")
    return update_id


async def test_an_answer_to_what_an_update_replaces_while_it_is_on_its_way(town: Town) -> None:
    """Whoever answers no. 1 before no. 2 has reached them reads that no. 2 counts, and not that nothing more need be done."""
    ayan = await town.person("Ayan", "so")
    water = await town.issue(WATER)
    slide = await _updated(town, water)
    new(ayan.phone)
    await ayan.phone.says("2")
    await town.settle()
    told = texts(new(ayan.phone))
    assert house_says(Notice.ALERT_REPLACED, number=1, newer=2) in told
    assert house_says(Notice.ALERT_CLOSED, number=1) not in told
    assert (await town.recipient(water, ayan)).rung == Rung.WILL_PASS
    assert (await town.recipient(slide, ayan)).rung == Rung.NONE


async def test_an_answer_to_what_was_replaced_by_an_update_that_is_over(town: Town) -> None:
    """Nobody is asked to pass on an update that has ended before it reached them."""
    ayan = await town.person("Ayan", "so")
    water = await town.issue(WATER)
    await town.relay.correct(town.municipality_id, await _updated(town, water), Act.OVER, "Ola")
    new(ayan.phone)
    await ayan.phone.says("2")
    await town.settle()
    assert house_says(Notice.ALERT_CLOSED, number=1) in texts(new(ayan.phone))


async def test_will_pass_is_asked_later_about_how_many(town: Town) -> None:
    """A bare 40 answers the question an hour later, and is echoed; the question comes once."""
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    await ayan.phone.says("2")
    await town.settle()
    assert new(ayan.phone)[-1].text == house_says(Notice.ECHO_WILL_PASS)
    await town.passes(minutes=59)
    assert new(ayan.phone) == []
    await town.passes(minutes=2)
    [question] = texts(new(ayan.phone))
    assert "40" in question
    await ayan.phone.says("40")
    await town.settle()
    assert texts(new(ayan.phone)) == [house_says(Notice.ECHO_PASSED_ON, count=40)]
    assert (await town.reach(alert)).totals.reported_reach == 40
    await town.passes(hours=5)
    assert new(ayan.phone) == []


async def test_whoever_has_told_the_number_is_not_asked_for_it(town: Town) -> None:
    """The question is spared by the answer that it wants."""
    ayan = await town.person("Ayan", "so")
    await town.issue(WATER)
    await ayan.phone.says("2")
    await town.passes(minutes=5)
    await ayan.phone.says("3 25 moskeen")
    await town.passes(hours=2)
    assert [row.state for row in await sends(town, ayan, Part.COUNT)] == ["SPARED"]
    [report] = await rows(town, select(redistribution_report))
    assert (report._mapping["count"], report.means) == (25, "moskeen")


async def test_an_implausible_count_is_asked_back_once(town: Town) -> None:
    """Whoever says it twice means it."""
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    new(ayan.phone)
    await ayan.phone.says("3 9000")
    await town.settle()
    assert texts(new(ayan.phone)) == [house_says(Notice.COUNT_UNLIKELY, count=9000)]
    assert (await town.recipient(alert, ayan)).rung == Rung.NONE
    await ayan.phone.says("9000")
    await town.settle()
    assert (await town.reach(alert)).totals.reported_reach == 9000


async def test_the_last_answer_wins_and_all_are_kept(town: Town) -> None:
    """40, then 15, then cannot: the numbers follow, the record forgets nothing."""
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    reported = []
    for text in ("3 40", "3 15", "4"):
        await ayan.phone.says(text)
        await town.settle()
        totals = (await town.reach(alert)).totals
        reported.append((totals.relayed, totals.reported_reach))
    assert reported == [(1, 40), (1, 15), (0, 0)]
    assert [row.meaning for row in await rows(town, select(answer).order_by(answer.c.id))] == ["passed_on", "passed_on", "cannot"]


async def test_cannot_brings_the_deputy_at_once(town: Town) -> None:
    """Nobody waits for minutes to pass; the deputy's own answer counts for the group."""
    ayan = await town.person("Ayan", "so")
    bilan = await town.person("Bilan", "so", deputy_of=ayan)
    alert = await town.issue(WATER)
    assert new(bilan.phone) == []
    await ayan.phone.says("4")
    await town.settle()
    messages = texts(new(bilan.phone))
    assert len(messages) == 2
    assert say("so", "ask.deputy") in messages[1]
    await bilan.phone.says("2")
    await town.settle()
    assert await counted(town, alert) == {"so": 1}


async def test_cannot_after_will_pass_brings_the_deputy_all_the_same(town: Town) -> None:
    """What an earlier answer spared is needed again."""
    ayan = await town.person("Ayan", "so")
    bilan = await town.person("Bilan", "so", deputy_of=ayan)
    await town.issue(WATER)
    await ayan.phone.says("2")
    await town.settle()
    await ayan.phone.says("4")
    await town.settle()
    assert len(new(bilan.phone)) == 2


async def test_ring_me_is_a_task_and_a_fixed_reply(town: Town) -> None:
    """The reply says who rings; the duty officer's phone says that somebody asks, and not who."""
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    new(ayan.phone)
    await ayan.phone.says("5")
    await town.settle()
    assert texts(new(ayan.phone)) == [house_says(Notice.ECHO_RING_ME)]
    assert "ring" in await town.tasks()
    [alarm] = texts(new(town.sandbox.phone("+4799999999")))
    assert "Ayan" not in alarm
    assert (await town.recipient(alert, ayan)).rung == Rung.RING_ME


async def test_danger_never_hides_an_answer(town: Town) -> None:
    """Both are heard: the answer counts, and the danger is answered and alarmed."""
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    new(ayan.phone)
    await ayan.phone.says("2\nbrann i huset, hjelp")
    await town.settle()
    said = "\n".join(texts(new(ayan.phone)))
    assert "112" in said
    assert house_says(Notice.ECHO_WILL_PASS) in said
    assert (await town.recipient(alert, ayan)).rung == Rung.WILL_PASS
    assert "danger" in await town.tasks()


async def test_a_question_spares_its_reminder_and_nothing_else(town: Town) -> None:
    """A person reads it; the deputy is asked all the same."""
    ayan = await town.person("Ayan", "so")
    bilan = await town.person("Bilan", "so", deputy_of=ayan)
    await town.issue(WATER)
    new(ayan.phone)
    await ayan.phone.says("Gjelder det også skolen?")
    await town.passes(minutes=16)
    assert texts(new(ayan.phone)) == [house_says(Notice.ECHO_MESSAGE)]
    assert len(new(bilan.phone)) == 2
    assert "question" in await town.tasks()
    assert len(await rows(town, select(thread))) == 1


async def test_an_unknown_number_is_kept_for_a_person(town: Town) -> None:
    """It is answered in Norwegian, once an hour at most five times, and never counted."""
    stranger = town.sandbox.phone("+4790000001")
    for _ in range(7):
        await stranger.says("Hei, hvem er dere?", to=SMS_SENDER, channel="sms")
    await town.settle()
    answers = texts(new(stranger))
    assert set(answers) == {"\n".join(house_says(Notice.NOT_REGISTERED, language) for language in ("nb", "en"))}
    assert len(answers) == 5
    assert len(await rows(town, select(inbound))) == 7
    assert "unknown_sender" in await town.tasks()


async def test_five_automatic_replies_an_hour_at_most(town: Town) -> None:
    """Two robots must not talk all night; the answers count all the same, and danger is always answered."""
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    new(ayan.phone)
    for text in ("1", "2", "1", "2", "1", "2", "4"):
        await ayan.phone.says(text)
        await town.settle()
    assert len(new(ayan.phone)) == 5
    assert (await town.recipient(alert, ayan)).rung == Rung.CANNOT
    await ayan.phone.says("4 barn savnet")
    await town.settle()
    assert len(new(ayan.phone)) == 1
    town.clock.advance(minutes=61)
    await ayan.phone.says("1")
    await town.settle()
    assert house_says(Notice.ECHO_RECEIVED) in texts(new(ayan.phone))


async def test_pause_lets_a_person_rest(town: Town) -> None:
    """Whoever writes PAUSE hears so, is not reminded, and is left out of the next alert until START."""
    ayan = await town.person("Ayan", "so")
    await town.issue(WATER)
    new(ayan.phone)
    await ayan.phone.says("PAUSE")
    await town.passes(minutes=30)
    assert texts(new(ayan.phone)) == [house_says(Notice.PAUSED)]
    await town.issue(SLIDE)
    await town.passes(minutes=30)
    assert new(ayan.phone) == []
    await ayan.phone.says("START")
    await town.settle()
    new(ayan.phone)
    await town.issue(SLIDE)
    assert len(new(ayan.phone)) == 2


async def test_our_own_numbers_and_robots_are_not_answered(town: Town) -> None:
    """A message that comes from one of our own senders starts no conversation."""
    await town.person("Ayan", "so")
    await town.issue(WATER)
    echo = town.sandbox.phone(SMS_SENDER)
    before = len(echo.messages)
    await echo.says("1", to=SMS_SENDER, channel="sms")
    await town.settle()
    assert len(echo.messages) == before
