"""What is in hand: the order holds, and what a short look tells is what a long one would, whatever was done with it."""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from hypothesis import given, strategies as st

from relay.dispatch.hand import Hand
from relay.dispatch.texts import Ready


class Piece:
    """A delivery or its words, as far as a hand looks at them."""

    def __init__(self, **told: Any) -> None:
        self.__dict__.update(told)


def ready(delivery_id: int, sender: int, units: int = 1) -> Ready:
    return cast("Ready", (Piece(delivery_id=delivery_id, sender_id=sender), Piece(units=units)))


def ids(hand: Hand) -> list[int]:
    return [work.delivery_id for work, _ in hand]


def agrees(hand: Hand) -> None:
    """What it tells is what is counted anew."""
    units: dict[int, int] = {}
    following: dict[int, int] = {}
    for work, shared in hand:
        units[work.sender_id] = units.get(work.sender_id, 0) + shared.units
        following.setdefault(work.sender_id, shared.units)
    assert hand.following() == following
    assert dict(hand.units()) == units


Act: TypeAlias = Callable[[Hand, list[int]], tuple[Hand, list[int]]]


def added(pairs: list[tuple[int, int]]) -> Act:
    def act(hand: Hand, order: list[int]) -> tuple[Hand, list[int]]:
        first = max(order, default=0) + 1
        hand.add(ready(first + place, *pair) for place, pair in enumerate(pairs))
        return hand, order + [first + place for place in range(len(pairs))]

    return act


def dropped(every: int) -> Act:
    def act(hand: Hand, order: list[int]) -> tuple[Hand, list[int]]:
        gone = [one for one in order if one % every == 0]
        assert hand.drop(lambda work: work.delivery_id % every == 0) == gone
        return hand, [one for one in order if one not in gone]

    return act


def taken(most: int, every: int) -> Act:
    def act(hand: Hand, order: list[int]) -> tuple[Hand, list[int]]:
        expected = [one for one in order if one % every][: max(most, 0)]
        found = hand.take(most, lambda work, _: bool(work.delivery_id % every))
        assert [work.delivery_id for work, _ in found] == expected
        return hand, [one for one in order if one not in expected]

    return act


def tried_in_vain(act: Act) -> Act:
    """What a turn that fails does: its copy is what is in hand afterwards."""

    def undone(hand: Hand, order: list[int]) -> tuple[Hand, list[int]]:
        held = hand.copy()
        act(hand, order)
        return held, order

    return undone


sizes = st.integers(1, 5)
acts: st.SearchStrategy[Act] = st.one_of(
    st.builds(added, st.lists(st.tuples(st.integers(1, 3), sizes), max_size=8)),
    st.builds(dropped, sizes),
    st.builds(taken, st.integers(-1, 6), sizes),
)


@given(st.lists(acts | st.builds(tried_in_vain, acts), max_size=20))
def test_after_any_acts_the_order_and_the_sums_are_right(done: list[Act]) -> None:
    hand, order = Hand(), list[int]()
    for act in done:
        hand, order = act(hand, order)
        assert ids(hand) == order
        assert len(hand) == len(order)
        agrees(hand)


def test_what_may_not_go_keeps_its_place_and_holds_nobody_up() -> None:
    hand = Hand(ready(n, sender) for n, sender in enumerate([1, 2, 1, 2, 2]))
    assert [work.delivery_id for work, _ in hand.take(2, lambda work, _: work.sender_id == 2)] == [1, 3]
    assert ids(hand) == [0, 2, 4]


def test_who_goes_is_asked_in_order_and_no_longer_than_there_is_room() -> None:
    asked: list[int] = []

    def goes(work: Any, _: Any) -> bool:
        asked.append(work.delivery_id)
        return True

    Hand(ready(n, 1) for n in range(5)).take(3, goes)
    assert asked == [0, 1, 2]
