"""An old message moved to now keeps everything but its times, and says so."""

from datetime import UTC, datetime, timedelta

from messages.cap import FlagKind, draft, replay
from tests.messages.cap.samples import alert, flags, info, one, parameter

NOW = datetime(2030, 5, 17, 11, 30, 15, 999, tzinfo=UTC)
OLD = one(
    alert(
        info(
            extra=parameter("eventEndingTime", "2026-11-24T12:00:00+01:00") + parameter("nivå", "3"),
            onset="2026-11-23T20:00:00+01:00",
            expires="2026-11-24T08:00:00+01:00",
        ),
        extra="<references>a,b,2026-11-22T10:00:00+01:00</references>",
        msgType="Update",
    )
)


def test_the_distances_between_the_times_stay() -> None:
    new = replay(OLD, NOW)
    (then,), (now,) = OLD.infos, new.infos
    assert new.sent == NOW.replace(microsecond=0)
    for old, moved in ((then.onset, now.onset), (then.expires, now.expires)):
        assert old is not None
        assert moved is not None
        assert moved - new.sent == old - OLD.sent
    assert now.effective is None
    assert now.parameter("eventEndingTime") == "2030-05-18T06:30:15+01:00"
    assert now.parameter("nivå") == "3"


def test_it_is_in_force_again_and_flagged() -> None:
    assert OLD.why_never_real(NOW)
    assert replay(OLD, NOW).why_never_real(NOW) is None
    assert flags(replay(OLD, NOW)) == {FlagKind.REPLAYED}
    assert draft(replay(OLD, NOW)).alert.expires_at == NOW.replace(microsecond=0) + timedelta(hours=18)


def test_each_replay_is_a_message_of_its_own_but_refers_to_the_same_ones() -> None:
    one_run, other = replay(OLD, NOW), replay(OLD, NOW + timedelta(minutes=1))
    assert len({OLD.identity, one_run.identity, other.identity}) == 3
    assert len({OLD.raw_sha256, one_run.raw_sha256, other.raw_sha256}) == 3
    assert one_run.references == OLD.references
