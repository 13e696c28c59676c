"""What is dear to find out is asked once, however many look; and a failure is nobody's answer."""

import asyncio

import pytest

from relay.web.lately import Lately


class Asked:
    """Something dear, that counts how often it was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers, self.times, self.now = iter(answers), 0, 0.0
        self.lately = Lately(self._ask, 60, lambda: self.now)

    async def _ask(self) -> object:
        self.times += 1
        await asyncio.sleep(0)
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_many_who_look_at_once_ask_once() -> None:
    asked = Asked("first", "second")
    assert await asyncio.gather(*(asked.lately() for _ in range(20))) == ["first"] * 20
    assert asked.times == 1


async def test_it_is_asked_again_when_the_answer_is_old() -> None:
    asked = Asked("first", "second")
    found = []
    for at in (0.0, 59.9, 60.0, 61.0):
        asked.now = at
        found.append(await asked.lately())
    assert found == ["first", "first", "second", "second"]


async def test_a_failure_is_not_kept() -> None:
    asked = Asked(OSError("away"), "then")
    with pytest.raises(OSError, match="away"):
        await asked.lately()
    assert await asked.lately() == "then"
