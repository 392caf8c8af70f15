"""Back-off: never under a second, never over a minute, and forgiven by a connection that held."""

import random

from edge.backoff import HELD, Backoff


def test_it_grows_to_a_minute_and_never_beyond() -> None:
    backoff = Backoff(random.Random(1))
    pauses = [backoff.failed(0) for _ in range(20)]
    assert all(1 <= pause <= 60 for pause in pauses)
    ceilings = [min(60, 2**i) for i in range(20)]
    assert all(ceiling / 2 <= pause <= ceiling for pause, ceiling in zip(pauses[1:], ceilings[1:], strict=True))


def test_two_sources_do_not_come_back_together() -> None:
    one, other = (Backoff(random.Random(name)) for name in ("a", "b"))
    assert [one.failed(0) for _ in range(8)] != [other.failed(0) for _ in range(8)]


def test_a_connection_that_held_starts_anew() -> None:
    backoff = Backoff(random.Random(1))
    for _ in range(10):
        backoff.failed(0)
    assert backoff.failed(HELD) == 1.0


def test_a_connection_that_fails_at_once_does_not() -> None:
    backoff = Backoff(random.Random(1))
    for _ in range(10):
        backoff.failed(0)
    assert backoff.failed(HELD - 1) >= 30
