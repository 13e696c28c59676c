"""A text that many get, as one message."""

from typing import Any

from channels.base import Outbound


def test_what_many_share_stays_as_it_is_and_the_rest_is_each_ones_own() -> None:
    shared: Any = Outbound(*Outbound._fields)  # type: ignore[arg-type]  # every field holds its own name
    one = shared.to_one("t", "+4790000001", status_url="https://x.example/t", valid_for=7, deadline=2.0)
    own = {"token": "t", "to": "+4790000001", "status_url": "https://x.example/t", "valid_for": 7, "deadline": 2.0, "reply_token": "t"}
    assert one == shared._replace(**own)
