"""A question about an asset whose first rows come while it is asked: it is answered from before them or with them, and
never day by day since 1970."""

from pathlib import Path

import pytest

from config.plant import InfluxDB
from store.influx import InfluxReader
from store.influx.server import connect
from tests.edge.between import between
from tests.servers.influxdb1 import InfluxDB1
from tests.store.scripted import Reply

NOW = 1_795_000_000_000_000_000
MOST = 20  # questions


@pytest.mark.parametrize("already", range(6))
def test_rows_that_come_between_two_questions(already: int, influxdb1: InfluxDB1, tmp_path: Path) -> None:
    """So many of them are answered before the rows come."""
    asked = 0
    there = connect(InfluxDB(influxdb1.url, database=tmp_path.name))
    there.prepare(800)
    there.write(b"asset,asset=other,plant=p x=1,epoch=1i %d" % NOW)
    with between(influxdb1.url) as way:
        passing = way.answer

        def answer(method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
            nonlocal asked
            if asked == already:
                there.write(b"asset,asset=a,plant=p x=7,epoch=1i %d" % NOW)
            asked += 1
            return passing(method, path, body, headers) if asked <= MOST else Reply(500)

        way.answer = answer  # type: ignore[method-assign]
        reader = InfluxReader(InfluxDB(way.url, database=tmp_path.name), "p")
        found = reader.series("a", ["x"], 0, 2**62)["x"].numbers.tolist()
        reader.close()
    there.close()
    assert found in ([], [7])
    assert found or already
