"""What a device says it is: read by the agent, in the log once, and known to readers of journal and database alike."""

from pathlib import Path

from config.load import load
from kpi.identity import identified
from store.influx import InfluxReader
from store.journal import History, place
from store.reader import Reader
from tests.edge.child import until
from tests.edge.coded import collecting, site
from tests.edge.delivered import same, store
from tests.servers.influxdb2 import InfluxDB2

SAID = {"VendorName": "Gemba", "ProductCode": "virtual device", "MajorMinorRevision": "1.0"}


async def test_a_controller_that_answers_and_whose_registers_are_elsewhere(
    tmp_path: Path, influxdb2: InfluxDB2, brisk: None
) -> None:
    async with site(tmp_path, 2, more=store(tmp_path, influxdb2, bucket="identity")) as of:
        text = of.plant.file.read_text(encoding="utf-8")
        of.plant.file.write_text(text.replace('"holding:', '"holding:6'), encoding="utf-8")
        plant = load(of.plant.file)
        for run in (1, 2):
            async with collecting(plant) as agent:
                seen = [collector.seen for collector in agent.collectors.values()]
                await until(lambda seen=seen: all(one.bad.get("BadNodeIdUnknown") for one in seen))  # type: ignore[misc]
                assert [one.identity for one in seen] == [SAID, SAID]
                if run == 2:
                    of.plant = plant
                    assert await same(of)
                    await until(lambda agent=agent: agent.status()["influxdb"]["backlog"] == 0)  # type: ignore[misc]
        history, database = History(place(plant)), InfluxReader(plant.store, plant)  # type: ignore[arg-type]
        readers: tuple[Reader, Reader] = history, database
        for reader in readers:
            noted = reader.events(0, 2**62, ["identity"])
            assert sorted(str(event.detail["source"]) for event in noted) == ["d1", "d2"], "once, not with each start"
            assert all(event.detail["identity"] == SAID for event in noted)
            assert len(reader.events(0, 2**62, ["plant"])) == 1
            assert sorted(identified(reader, plant, 2**62)) == ["m1", "m2"]
            assert identified(reader, plant, min(event.time for event in noted)) == {}
        history.close()
        database.close()
