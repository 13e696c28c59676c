"""Many readers, few wordings: the press gives each reader exactly what render gives."""

from hypothesis import given, settings, strategies as st

from messages.alert import Act, Kind
from messages.form import Medium
from messages.frames import Missing
from messages.press import Press
from messages.render import remind, render
from tests.messages.night import alert, facts, water

PRESS = Press()
LINKS = st.sampled_from(["", "https://sorvik.example/s/1", "https://sorvik.example/s/2?a=1&b=<2>"])


@given(
    tag=st.sampled_from(["nb", "en", "mfz"]),
    link=LINKS,
    leave=LINKS,
    legend=st.sampled_from([0, 6]),
    told=st.booleans(),
    reminder=st.sampled_from([1, 2]),
    missing=st.sampled_from([None, *Missing]),
    act=st.sampled_from(Act),
    kind=st.sampled_from(Kind),
    medium=st.sampled_from(Medium),
)
@settings(max_examples=200, deadline=None)
def test_the_press_prints_what_render_renders(**drawn: object) -> None:
    sent = alert(act=drawn["act"], kind=drawn["kind"], replaces=11)
    reader = facts(
        str(drawn["tag"]),
        link=drawn["link"],
        unsubscribe_url=drawn["leave"],
        legend=drawn["legend"],
        had_passed_on=drawn["told"],
        reminder=drawn["reminder"],
        missing=drawn["missing"],
    )
    medium = Medium(str(drawn["medium"]))
    assert PRESS.render(sent, water("en"), reader, medium) == render(sent, water("en"), reader, medium)
    assert PRESS.remind(sent, water("en"), reader, medium) == remind(sent, water("en"), reader, medium)


def test_readers_who_differ_only_in_their_links_share_one_wording() -> None:
    press = Press()
    letters = {press.render(alert(), water(), facts(link=f"https://sorvik.example/s/{n}"), Medium.EMAIL)[0].text for n in range(50)}
    assert len(letters) == 50
    assert len(press._set) == 1


def test_old_wordings_make_room() -> None:
    press = Press()
    for number in range(1, 4200):
        press._set[number,] = ()
    press.render(alert(), water(), facts(), Medium.SMS)
    assert (1,) not in press._set
