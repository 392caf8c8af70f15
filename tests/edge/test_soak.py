"""The soak itself, for a few seconds; and that its oracle sees what it is there to see."""

import subprocess
import sys
from pathlib import Path

import pytest

from connectors.quality import BAD_SHUTDOWN, BAD_TIMEOUT
from tests.edge.oracle import Row, verdict

TOP = Path(__file__).parents[2]
ISSUED = [70, 71, 72, 73, 74, 75]
SOUND: list[Row] = [
    (1, 10, 71, 0),
    (1, 20, 72, 0),
    (1, 30, 0, BAD_TIMEOUT),
    (2, 5, 74, 0),
    (2, 15, 75, 0),
    (2, 25, 0, BAD_SHUTDOWN),
]
SPOILT = [
    (SOUND, []),
    (SOUND[:5], []),
    ([*SOUND[:4], SOUND[5]], []),
    (SOUND[:4], ["the last are missing without a gap on record"]),
    ([], ["the last are missing without a gap on record"]),
    (SOUND[1:], ["the first 2 are missing"]),
    ([*SOUND[:2], *SOUND[3:]], ["1 holes without a gap on record, such as after 72"]),
    (
        [*SOUND[:4], (2, 15, 76, 0), SOUND[5]],
        ["1 foreign values, such as 76", "1 holes without a gap on record, such as after 74"],
    ),
    ([*SOUND[:5], (2, 20, 75, 0), SOUND[5]], ["1 values twice, such as 75"]),
    ([*SOUND[:3], SOUND[4], (2, 16, 74, 0), SOUND[5]], ["values out of order"]),
]


@pytest.mark.server("influxdb2")
def test_a_few_seconds_of_everything_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--seconds", "8"], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "into InfluxDB 2.7.12" in done.stdout
    assert "verdict: everything holds" in done.stdout


@pytest.mark.parametrize(("kept", "wrong"), SPOILT)
def test_the_oracle_sees_what_is_foreign_twice_out_of_order_and_missing(kept: list[Row], wrong: list[str]) -> None:
    assert verdict(ISSUED, kept, ended=True) == wrong


def test_the_oracle_lets_what_was_issued_last_have_its_time() -> None:
    assert verdict(ISSUED, SOUND[:4]) == []
