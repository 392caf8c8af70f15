"""Simulated devices read by the protocols' own libraries show what the virtual plant says, and count every write."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import paho.mqtt.client as paho
import pytest
from asyncua import Client, ua
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from config.faults import PlantError
from config.load import load
from config.plant import Plant
from simulators.faults import Fault
from simulators.faults import load as load_faults
from simulators.run import Simulation
from tests.simulators.plants import ASSETS, SOURCES

HOUR = 3_600_000_000_000
LONG = "must be a duration"


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    path = tmp_path / "plant.yaml"
    path.write_text(SOURCES + ASSETS, encoding="utf-8")
    return load(path)


def port(url: str) -> int:
    return int(url.rpartition(":")[2])


class Frozen(Simulation):
    """The clock of its devices stands, so that two readings can be compared."""

    now = 0

    def clock(self, url: str) -> Any:
        return lambda: self.now or (self.began + 5 * HOUR)


async def test_modbus_tables_show_the_readings(plant: Plant, tmp_path: Path) -> None:
    async with Frozen(plant, tmp_path / "out") as run:
        now = run.clock("")()
        client = AsyncModbusTcpClient("127.0.0.1", port=port(run.urls["plc"]), retries=0)
        assert await client.connect()
        reply = await client.read_holding_registers(0, count=1, device_id=3)
        point = plant.assets["press-01"].points
        assert reply.registers[0] == run.readings(point["state"], now)
        words = (await client.read_holding_registers(2, count=3, device_id=3)).registers
        assert (words[0] << 16) + words[1] == run.readings(point["total"], now)
        assert words[2] == run.readings(point["good"], now)
        raw = np.array((await client.read_holding_registers(6, count=4, device_id=3)).registers, ">u2")
        assert float(raw.tobytes()[::-1] and np.frombuffer(raw.tobytes()[::-1], ">f8")[0]) == run.readings(
            point["hot"], now
        )
        lamp = await client.read_coils(7, count=1, device_id=3)
        assert int(lamp.bits[0]) == run.readings(point["lamp"], now)
        text = np.array((await client.read_holding_registers(20, count=4, device_id=3)).registers, ">u2").tobytes()
        assert text.rstrip(b"\0").decode() == run.readings(point["label"], now)[:8]
        assert (await client.read_holding_registers(100, count=1, device_id=3)).exception_code == 2
        assert run.writes == []
        assert (await client.write_register(0, 1, device_id=3)).isError()
        assert run.writes == ["tcp://192.168.10.11:502: unit 3: function 6"]
        client.close()


async def test_a_serial_line_is_a_pseudo_terminal(plant: Plant, tmp_path: Path) -> None:
    async with Frozen(plant, tmp_path / "out") as run:
        path = run.urls["meter"].removeprefix("rtu://").partition("?")[0]
        client = AsyncModbusSerialClient(path, framer=FramerType.RTU, baudrate=115200, retries=0, timeout=10)
        assert await client.connect()
        words = (await client.read_input_registers(72, count=2, device_id=5)).registers
        shown = np.frombuffer(np.array(words, ">u2").tobytes(), ">f4")[0]
        energy = run.readings(plant.assets["press-01"].points["energy"], run.clock("")())
        assert shown == np.float32(energy)
        client.close()


async def test_opcua_nodes_show_the_readings_and_refuse_writes(plant: Plant, tmp_path: Path) -> None:
    async with Frozen(plant, tmp_path / "out") as run, Client(run.urls["cell"]) as client:
        index = await client.get_namespace_index("urn:cell:cnc")
        now = run.clock("")()
        state = client.get_node(f"ns={index};s=CNC01.State")
        total = client.get_node("ns=5;s=CNC01.Parts")
        points = plant.assets["cnc-01"].points
        async with asyncio.timeout(60):
            while await total.read_value() != run.readings(points["total"], now):
                await asyncio.sleep(0.02)
        assert await state.read_value() == run.readings(points["state"], now)
        assert run.writes == []
        with pytest.raises(ua.UaStatusCodeError):
            await total.write_value(ua.Variant(1, ua.VariantType.Int64))
        assert len(run.writes) == 1


async def test_mqtt_messages_hold_all_points_of_their_topic(plant: Plant, tmp_path: Path) -> None:
    async with Simulation(plant, tmp_path / "out") as run:
        heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="listener")
        client.on_connect = lambda c, *_: c.subscribe("plant/#", 1)
        client.on_message = lambda *a: loop.call_soon_threadsafe(heard.put_nowait, (a[2].topic, bytes(a[2].payload)))
        client.connect("127.0.0.1", port(run.urls["broker"]))
        client.loop_start()
        try:
            async with asyncio.timeout(60):
                topic, payload = await heard.get()
                message = orjson.loads(payload)
                assert topic == "plant/oven-01/telemetry"
                assert message["state"] in ("IDLE", "RUN")
                assert message["power"]["total"] > 0
                assert message["ts"].endswith("Z")
                assert run.writes == []
                client.publish("plant/oven-01/command", b"1", qos=1)
                while not run.writes:
                    await asyncio.sleep(0.02)
        finally:
            client.loop_stop()
        assert run.writes == ["mqtt://192.168.10.2:1883: plant/oven-01/command"]


async def test_faults_on_the_way(plant: Plant, tmp_path: Path) -> None:
    async with Simulation(plant, tmp_path / "out") as run:
        proxy = run.proxies["plc"]

        async def first_register(deadline: float = 0.3) -> str:
            client = AsyncModbusTcpClient("127.0.0.1", port=proxy.port, retries=0, timeout=deadline, reconnect_delay=0)
            if not await client.connect():
                return "refused"
            try:
                reply = await client.read_holding_registers(0, count=1, device_id=3)
                return "error" if reply.isError() else "good"
            except Exception as error:
                return type(error).__name__
            finally:
                client.close()

        assert await first_register(10) == "good"
        await proxy.set("hang")
        assert await first_register() == "ModbusIOException"
        await proxy.set("refuse")
        assert await first_register() == "refused"
        await proxy.set("late", 100)
        assert await first_register(10) == "good"
        await proxy.set("late", 600_000)
        assert await first_register() == "ModbusIOException"
        await proxy.set("wrong-unit")
        assert await first_register() == "ModbusIOException"
        await proxy.set()
        assert await first_register(10) == "good"


def test_a_reset_counter_starts_again_from_nothing(plant: Plant, tmp_path: Path) -> None:
    fault = Fault(at=3 * 3_600_000, lasts=0, source="plc", kind="reset", asset="press-01", point="total")
    run = Simulation(plant, tmp_path, faults=[fault])
    total = plant.assets["press-01"].points["total"]
    before, at, later = (run.readings(total, run.began + hours * HOUR) for hours in (2.99, 3, 4))
    assert before > 1000
    assert at == 0
    truth = run.virtual.truth("press-01", run.began + 3 * HOUR, run.began + 4 * HOUR)
    assert later == truth["pieces"]["total"]


def test_states_that_the_map_lacks_are_shown_and_counted_as_the_nearest(plant: Plant, tmp_path: Path) -> None:
    run = Simulation(plant, tmp_path)
    truth = run.virtual.truth("oven-01", run.began, run.began + 24 * HOUR)
    assert truth["time_ms"]["setup"] == truth["time_ms"]["down"] == truth["time_ms"]["off"] == 0
    assert sum(truth["time_ms"].values()) == 86_400_000
    assert truth["time_ms"]["idle"] > 0


def test_power_and_energy_in_any_unit_that_a_point_may_have(tmp_path: Path) -> None:
    path = tmp_path / "plant.yaml"
    of_m = "carrier: electricity, scope: 'asset:m'"
    meter = f"  {{}}: {{{{{of_m}, point: {{{{source: s, at: 'input:{{}}', type: float64, unit: {{}}}}}}}}}}"
    meters = [meter.format(f"m{place}", 4 * place, unit) for place, unit in enumerate(("Wh", "kW", "MW"), 4)]
    path.write_text(
        "plant: a\ntimezone: UTC\ndata: ./data\nsources: {s: {protocol: modbus, url: 'tcp://10.0.0.1'}}\n"
        "assets: {m: {source: s, points: {power: {at: 'input:0', type: float64, unit: W},"
        " energy: {at: 'input:8', type: float64, unit: MJ}}}}\nmeters:\n" + "\n".join(meters),
        encoding="utf-8",
    )
    plant = load(path)
    run = Simulation(plant, tmp_path)
    power, energy = (plant.assets["m"].points[name] for name in ("power", "energy"))
    watt_hours, kilowatts, megawatts = (meter.point for meter in plant.meters.values())
    ends = [run.began + hours * HOUR for hours in (1, 9)]
    for time in ends:
        watts = run.readings(power, time)
        assert watts >= 100  # a machine, not a watch
        assert run.readings(kilowatts, time) == watts / 1000
        assert run.readings(megawatts, time) == watts / 1_000_000
    spent = [run.readings(point, ends[1]) - run.readings(point, ends[0]) for point in (energy, watt_hours)]
    assert spent[1] > 1000
    assert spent[0] == pytest.approx(spent[1] * 0.0036, abs=0.0037)  # each is cut to whole watt-hours


def test_a_fault_file_is_a_timetable(plant: Plant, tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("- {at: 10s, for: 5s, source: plc, fault: hang}\n- {at: 1s, source: cell, fault: clock, by: 1h}\n")
    assert load_faults(path, plant.sources) == (
        Fault(1000, 0, "cell", "clock", 3_600_000),
        Fault(10_000, 5_000, "plc", "hang"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, ["cannot be read: No such file or directory"]),
        (b"- {at: 1s", ["not YAML: while parsing a flow mapping did not find expected ',' or '}'"]),
        (b"\xff", ["not UTF-8 text"]),
        (b"", ["must be a list"]),
        (b"- {at: 1s, at: 2s, source: plc, for: long, fault: late}", ["the key stands twice, first on line 1", LONG]),
    ],
)
def test_a_fault_file_is_told_what_is_wrong_with_it_and_no_more(
    text: bytes | None, said: list[str], plant: Plant, tmp_path: Path
) -> None:
    path = tmp_path / "faults.yaml"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(PlantError) as told:
        load_faults(path, plant.sources)
    assert [fault.what for fault in told.value.faults] == said


def test_a_machine_with_shifts_works_in_them_alone(tmp_path: Path) -> None:
    path = tmp_path / "plant.yaml"
    calendar = 'calendar: {shifts: [{name: day, start: "08:00", end: "16:00", breaks: ["12:00-12:30"]}]}\n'
    path.write_text(SOURCES + calendar + ASSETS, encoding="utf-8")
    midnight = 1_795_190_400_000_000_000  # 2026-11-21T00:00+08:00
    run = Simulation(load(path), tmp_path, start=midnight)
    truth = run.virtual.truth("press-01", midnight, midnight + 24 * HOUR)["time_ms"]
    assert truth["off"] == (24 * 60 - 450) * 60_000
    assert sum(truth.values()) == 86_400_000
