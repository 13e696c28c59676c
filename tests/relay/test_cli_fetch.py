"""`budstikke alert take` and an address that is none."""

import pytest

from relay.cli.alerts import _document
from relay.model import BadInput


@pytest.mark.parametrize("address", ["https://…/warning.xml", "https://" + "a" * 80 + ".no/x", "http:///x"])
def test_what_is_no_address_is_said_in_words(address: str) -> None:
    with pytest.raises(BadInput, match=r"is no address|cannot be fetched"):
        _document(address)
