"""What one document, one header or one feed does stops no other feed, and nothing of what stands behind it."""

from contextlib import nullcontext

import pytest
from sqlalchemy import select

from messages.cap.guard import LIMITS
from relay.model import BadInput
from relay.store.tables import alert, variant
from tests.relay.test_feeds import message
from tests.stories.arrange import rows
from tests.stories.town import Town

#: as many letters as an identity may have, of four bytes each
LONGEST = "".join(map(chr, range(0x20000, 0x20000 + LIMITS.identity)))
#: what is odd about a document -> what is written instead of what, and whether it is taken
ODD = {
    "identifier as long as may be": (">one<", f">{LONGEST}<", True),
    "identifier too long": (">one<", f">{'i' * 301}<", False),
    "sender as long as may be": (">varsel@senter.test<", f">{LONGEST}<", True),
    "sender too long": (">varsel@senter.test<", f">{'s' * 301}<", False),
    "proper tag of a language that fits in no row": (">nb<", ">cy-GB-x-hawdd-darllen<", True),
    "tag longer than any": (">nb<", f">x{'-abcdefgh' * 20}<", True),
    "no tag": (">nb<", ">norsk bokmål slik vi skriver det<", True),
    "NUL": ("KOK VANNET", "KOK &#0; VANNET", False),
    "half a letter": ("KOK VANNET", "KOK &#xD800; VANNET", False),
    "odd letters": ("KOK VANNET", "KOK \ufffd\u202e\U0010ffff\x85 VANNET", True),
    "long event": ("Kokevarsel", "K" * 50_000, True),
    "long name of the sender": ("Varslingssentralen", "V" * 50_000, True),
    "sent at the calendar's end": ("<sent>2026", "<sent>2999", True),
    "border far from anywhere": ("</areaDesc>", "</areaDesc><circle>1e308,-5e-324 1e308</circle>", True),
}


@pytest.mark.parametrize("case", ODD)
async def test_an_odd_document_is_a_draft_or_is_refused_in_words(town: Town, case: str) -> None:
    before, after, is_taken = ODD[case]
    document = message(town.clock.now(), "one", "9901").decode()
    assert before in document
    with nullcontext() if is_taken else pytest.raises(BadInput, match=r"\.$"):
        await town.relay.take(town.municipality_id, document.replace(before, after).encode(), "Sentralen", unattended=True)
    assert len(await rows(town, select(alert.c.id))) == is_taken


async def test_whoever_hands_it_over_may_be_called_anything(town: Town) -> None:
    """A feed's drafts stand in its host's name, which may have 253 characters; a name in a row has 120."""
    host = f"{'.'.join(['varsel' * 10] * 4)}.no"
    await town.relay.take(town.municipality_id, message(town.clock.now(), "one"), host)
    [row], [text] = await rows(town, select(alert)), await rows(town, select(variant))
    assert {row.author, row.editor, text.updated_by} == {host[:120]}
