"""One evening in Sørvik, told by what people see on their phones."""

from tests.stories.town import Town, new


async def test_a_message_goes_out_is_confirmed_and_counted(town: Town) -> None:
    """Two bodies come, a one spares the reminder, and the numbers say so."""
    ayan = await town.person("Ayan", "so")
    alert = await town.issue({"so": "KARI BIYAHA", "nb": "KOK VANNET"})
    forward, ask = new(ayan.phone)
    assert "KARI BIYAHA" in forward.text
    assert "KARI BIYAHA" not in ask.text
    await ayan.phone.says("1")
    await town.settle()
    [echo] = new(ayan.phone)
    assert echo.text
    await town.passes(hours=3)
    assert new(ayan.phone) == []
    reach = await town.reach(alert)
    assert (reach.totals.planned, reach.totals.sent, reach.totals.delivered, reach.totals.acknowledged) == (1, 1, 1, 1)
