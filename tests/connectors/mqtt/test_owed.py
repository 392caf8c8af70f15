"""Acknowledgements: each once, in the order of receipt, and never before the frames are durable."""

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.mqtt.owed import WINDOW, Owed, digest

MS = 1_000_000


def test_a_message_is_acknowledged_when_all_of_its_frames_are_durable() -> None:
    """collectors.md 16: QoS 1 acknowledged before processing."""
    owed = Owed()
    owed.take(1, 0, 1, 0)
    owed.take(2, 0, 2, 0)
    owed.take(3, 0, 1, 0)
    assert owed.waiting == 3
    assert owed.durable(1, 0) == [1]
    assert owed.durable(1, 0) == []
    assert owed.durable(2, 0) == [2, 3]
    assert owed.waiting == 0


def test_a_message_without_a_frame_keeps_its_place() -> None:
    owed = Owed()
    owed.take(1, 0, 0, 0)
    assert owed.due(0) == [1]
    owed.take(2, 0, 1, 0)
    owed.take(3, 0, 0, 0)
    owed.take(4, 0, 0, 0)
    assert owed.due(0) == []
    assert owed.durable(1, 0) == [2, 3, 4]


def test_a_message_of_qos_0_is_counted_and_never_acknowledged() -> None:
    owed = Owed()
    owed.take(0, 0, 1, 0)
    owed.take(7, 0, 1, 0)
    assert owed.waiting == 1
    assert owed.durable(1, 0) == []
    assert owed.durable(1, 0) == [7]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans())), st.lists(st.integers(0, 5)))
def test_every_message_is_acknowledged_once_and_in_order(came: list[tuple[int, bool]], commits: list[int]) -> None:
    owed = Owed()
    mids, acknowledged, handed = [], [], 0
    for mid, (frames, asks) in enumerate(came, 1):
        owed.take(mid if asks else 0, 0, frames, 0)
        mids += [mid] if asks else []
        handed += frames
    acknowledged += owed.due(0)
    for frames in commits:
        acknowledged += owed.durable(min(frames, handed), 0)
        handed -= min(frames, handed)
        assert acknowledged == mids[: len(acknowledged)]
        assert owed.waiting == len(mids) - len(acknowledged)
    assert acknowledged + owed.durable(handed, 0) == mids


# -- connections -------------------------------------------------------------------------------------------------------
def test_what_was_handed_over_before_is_known_when_it_comes_again() -> None:
    owed = Owed()
    for mid in (1, 2, 3):
        owed.take(mid, 100 + mid, 1, 0)
    assert owed.durable(1, 0) == [1]
    owed.lost()
    owed.begun(session_present=True)
    assert owed.again(1, 101)  # acknowledged, but perhaps never heard
    assert owed.again(2, 102)
    assert not owed.again(2, 102)  # once only: the broker may give the number to another one
    assert not owed.again(3, 999)  # another message
    assert not owed.again(4, 104)


def test_what_came_again_is_acknowledged_when_its_first_frames_are_durable() -> None:
    owed = Owed()
    owed.take(1, 101, 1, 0)
    owed.lost()
    owed.begun(session_present=True)
    assert owed.again(1, 101)
    owed.take(1, 101, 0, 0)
    assert owed.due(0) == []
    assert owed.durable(1, 0) == [1]
    assert owed.waiting == 0


def test_a_connection_that_went_is_owed_nothing() -> None:
    owed = Owed()
    owed.take(1, 101, 1, 0)
    owed.lost()
    assert owed.waiting == 0
    owed.begun(session_present=True)
    owed.take(1, 555, 1, 0)  # the same number, another message
    assert owed.durable(1, 0) == []
    assert owed.durable(1, 0) == [1]


def test_a_new_session_knows_nothing_of_the_old_one() -> None:
    owed = Owed()
    owed.take(1, 101, 1, 0)
    owed.lost()
    owed.begun(session_present=False)
    assert not owed.again(1, 101)


def test_more_durable_than_was_handed_over_harms_nothing() -> None:
    owed = Owed()
    owed.take(1, 0, 1, 0)
    assert owed.durable(5, 0) == [1]


# -- the window --------------------------------------------------------------------------------------------------------
def _burst(owed: Owed, count: int, at: int) -> None:
    for mid in range(1, count + 1):
        owed.take(mid, 0, 1, at)


def test_where_a_broker_stops_short_is_learned() -> None:
    """collectors.md 16: an in-flight limit below the batch size deadlocks. Mosquitto's own is 20."""
    owed = Owed()
    assert owed.window == WINDOW
    now = 0
    for _ in range(3):
        _burst(owed, 20, now)
        now += 200 * MS  # nothing more comes, until it is acknowledged
        owed.durable(20, now)
        now += MS
    _burst(owed, 20, now)
    assert owed.window == 20


def test_a_publisher_that_pauses_is_no_broker_that_stops() -> None:
    owed = Owed()
    now = 0
    for _ in range(5):
        _burst(owed, 20, now)
        now += 200 * MS
        owed.durable(20, now)
        now += 800 * MS  # the next ones come when they come
    _burst(owed, 20, now)
    assert owed.window == WINDOW


def test_a_broker_that_sends_more_has_a_wider_window() -> None:
    owed = Owed()
    owed.window = 20
    _burst(owed, 21, 0)
    assert owed.window == WINDOW


def test_what_was_committed_by_an_agent_that_was_killed_is_known_to_the_next() -> None:
    owed, after = Owed(), Owed()
    for mid, frames in ((1, 1), (2, 0), (3, 2), (0, 1), (5, 1)):
        owed.take(mid, 100 + mid, frames, 0)
    after.remember([owed.receipt(2)])  # all of message 1, and the first frame of message 3
    assert [after.again(mid, 100 + mid) for mid in (1, 2, 3, 5)] == [True, False, False, False]
    after.remember([owed.receipt(1), owed.receipt(4)])
    assert [after.again(mid, 100 + mid) for mid in (1, 3, 5)] == [True, True, False]
    assert not after.again(3, 103), "it comes again once"
    after.remember([owed.receipt(9)])
    assert not after.again(5, 104), "another message of the same number"
    after.remember([owed.receipt(9)])
    after.begun(session_present=False)
    assert not after.again(5, 105)


def test_a_receipt_speaks_of_messages_of_a_connection_that_is_gone() -> None:
    owed, after = Owed(), Owed()
    owed.take(1, 101, 1, 0)
    owed.lost()
    after.remember([owed.receipt(1)])
    assert after.again(1, 101)


def test_a_digest_is_the_same_in_every_process() -> None:
    """BLAKE2b of 8 bytes, as RFC 7693 has it: `printf RUN | b2sum -l 64`."""
    assert f"{digest(b'RUN'):016x}" == "efddc5605fad859f"
