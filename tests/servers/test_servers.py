"""Each server of tests/servers starts, answers something that only it could know, and leaves no process behind."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil  # type: ignore[import-untyped]
import pytest
from asyncua import ua
from asyncua.client.client import Client
from influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.client import ModbusTcpClient

from tests.servers.certificates import Authority, application
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2
from tests.servers.libmodbus import LibModbus, coil, holding
from tests.servers.mbpoll import mbpoll
from tests.servers.mosquitto import Mosquitto
from tests.servers.nodeopcua import NAMESPACE, NodeOpcUa, double
from tests.servers.process import Server, ask, running
from tests.servers.sparkplug import SparkplugNode
from tests.servers.victoria import VictoriaMetrics

LINE = b"asset,plant=wuxi-01,asset=press-01 total=7,power=2.5 1790000000123456789"
KINDS: list[type[Server]] = [InfluxDB2, InfluxDB1, VictoriaMetrics, Mosquitto, LibModbus, NodeOpcUa]


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.server(kind.name)) for kind in KINDS])
def test_lives_dies_and_returns_on_its_port(kind: type[Server], tmp_path: Path) -> None:
    with kind(tmp_path) as server:
        first, port = psutil.Process(server.pid), server.port
        server.kill()
        assert not first.is_running()
        assert not server.alive
        server.start()
        second = psutil.Process(server.pid)
        assert second.pid != first.pid
        assert server.port == port
        server.suspend()
        _soon(lambda: second.status() == psutil.STATUS_STOPPED)
        server.resume()
        _soon(lambda: second.status() != psutil.STATUS_STOPPED)
        assert server.ready() or server.talks
        assert server in running
        server.suspend()
    assert not second.is_running()
    assert server not in running


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    class Refusing(Mosquitto):
        def command(self) -> list[str]:
            return ["sh", "-c", "echo no such luck >&2; exit 3"]

    with pytest.raises(RuntimeError, match=r"ended at once \(exit 3\)[\s\S]*no such luck"):
        Refusing(tmp_path).start()
    assert not running or running[-1].folder != tmp_path


def test_influxdb2_keeps_nanoseconds_and_answers_influxql(influxdb2: InfluxDB2) -> None:
    influxdb2.write(LINE)
    assert influxdb2.query("SELECT power, total FROM asset") == (
        "name,tags,time,power,total\nasset,,1790000000123456789,2.5,7\n"
    )
    assert ask(f"{influxdb2.url}/api/v2/buckets")[0] == 401


def test_influxdb2_keeps_its_data_across_a_kill(tmp_path: Path, influxdb2: InfluxDB2) -> None:
    with InfluxDB2(tmp_path) as server:
        server.write(LINE)
        server.kill()
        server.start()
        assert ",1790000000123456789,7\n" in server.query("SELECT total FROM asset")


def test_influxdb1_keeps_nanoseconds_and_answers_influxql(influxdb1: InfluxDB1) -> None:
    influxdb1.write(LINE)
    assert influxdb1.query("SELECT power, total FROM asset") == (
        "name,tags,time,power,total\nasset,,1790000000123456789,2.5,7\n"
    )
    assert ask(f"{influxdb1.url}/api/v2/write?org=o&bucket=b", LINE)[0] == 404


@pytest.mark.server("influxdb1")
def test_influxdb1_with_a_password(tmp_path: Path) -> None:
    with InfluxDB1(tmp_path, password="measured") as server:
        server.write(LINE)
        server.restart()
        assert ",7\n" in server.query("SELECT total FROM asset")
        assert ask(f"{server.url}/write?db=gemba", LINE)[0] == 401


def test_victoria_takes_v2_writes_of_the_influxdb_client(victoria: VictoriaMetrics) -> None:
    with InfluxDBClient(url=victoria.url, token="any", org="any") as client:
        client.write_api(write_options=SYNCHRONOUS).write(bucket="any", record=LINE)
    (series,) = victoria.export('{__name__="asset_total"}')
    assert series["metric"]["asset"] == "press-01"
    assert series["values"] == [7]
    assert series["timestamps"] == [1790000000123]


@contextmanager
def _subscribed(broker: Mosquitto, topic: str) -> Iterator[tuple[mqtt.Client, queue.Queue[mqtt.MQTTMessage]]]:
    heard: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _user, message: heard.put(message)
    client.on_subscribe = lambda *_: ready.set()
    if broker.authority:
        client.tls_set(str(broker.ca))
    if broker.password:
        client.username_pw_set(broker.user, broker.password)
    client.connect(broker.host, broker.port)
    client.subscribe(topic, qos=1)
    client.loop_start()
    try:
        assert ready.wait(10)
        yield client, heard
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.server("mosquitto")
def test_mosquitto_with_tls_and_password(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path, tls=True, password="measured") as broker,
        _subscribed(broker, "plant/#") as (client, heard),
    ):
        client.publish("plant/press-01", b"42", qos=1)
        message = heard.get(timeout=10)
        assert (message.topic, message.payload) == ("plant/press-01", b"42")
        foreign = ssl.create_default_context(cafile=Authority(tmp_path / "foreign", "a foreign authority").ca)
        with (
            socket.create_connection((broker.host, broker.port)) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            foreign.wrap_socket(plain, server_hostname=broker.host)


@pytest.mark.server("mosquitto")
@pytest.mark.parametrize(("saved", "kept"), [(True, [b"1"]), (False, [])])
def test_mosquitto_keeps_what_was_saved_before_a_kill(tmp_path: Path, saved: bool, kept: list[bytes]) -> None:
    with Mosquitto(tmp_path) as broker:
        with _subscribed(broker, "none") as (client, _):
            assert client.publish("plant/a", b"1", qos=1, retain=True)
            client.publish("none", b"barrier", qos=1).wait_for_publish(10)
        if saved:
            broker.save()
        broker.kill()
        broker.start()
        with _subscribed(broker, "plant/#") as (client, heard):
            client.publish("plant/end", b"end", qos=1)
            payloads = []
            while (payload := heard.get(timeout=10).payload) != b"end":
                payloads.append(payload)
        assert payloads == kept


@pytest.mark.parametrize("policy", ["None", "Basic256Sha256", "Aes256Sha256RsaPss"])
@pytest.mark.parametrize("user", [False, True])
async def test_nodeopcua_is_read_by_asyncua(nodeopcua: NodeOpcUa, tmp_path: Path, policy: str, user: bool) -> None:
    client = Client(nodeopcua.url, timeout=10)
    if policy != "None":
        own = application(tmp_path, "urn:gemba:tests:client")
        client.application_uri = "urn:gemba:tests:client"
        await client.set_security_string(f"{policy},SignAndEncrypt,{own.cert},{own.key}")
    if user:
        client.set_user(nodeopcua.user)
        client.set_password(nodeopcua.password)
    async with client:
        assert await client.get_namespace_index(NAMESPACE) == 2
        nodes = [client.get_node(nodeopcua.node_id(i)) for i in range(nodeopcua.nodes)]
        sequence = nodeopcua.step()
        assert await client.read_values(nodes) == [double(i, sequence) for i in range(nodeopcua.nodes)]


async def test_nodeopcua_refuses_a_wrong_password(nodeopcua: NodeOpcUa) -> None:
    client = Client(nodeopcua.url, timeout=10)
    client.set_user(nodeopcua.user)
    client.set_password("wrong")
    with pytest.raises(ua.uaerrors.UaStatusCodeError):
        await client.connect()


@pytest.mark.server("nodeopcua")
async def test_nodeopcua_types_bad_node_limits_and_namespace(tmp_path: Path) -> None:
    with NodeOpcUa(
        tmp_path,
        nodes=4,
        types=("Int64", "Boolean", "String", "UInt16"),
        hz=50,
        namespaces_before=3,
        limits={"maxNodesPerRead": 3},
        bad={1: "BadSensorFailure"},
    ) as server:
        async with Client(server.url, timeout=10) as client:
            assert await client.get_namespace_index(NAMESPACE) == 5
            nodes = [client.get_node(server.node_id(i)) for i in range(4)]
            with pytest.raises(ua.uaerrors.BadTooManyOperations):
                await client.read_values(nodes)
            bad = (await nodes[1].read_data_value(raise_on_bad_status=False)).StatusCode
            assert bad is not None
            assert bad.name == "BadSensorFailure"
            assert (await nodes[2].read_value()).startswith("2/")
            assert await nodes[0].read_data_type_as_variant_type() is ua.VariantType.Int64
            began = time.monotonic()
            before = server.sequence()
            _soon(lambda: server.sequence() >= before + 10)
            assert time.monotonic() - began > 0.15


def test_libmodbus_is_read_by_pymodbus_and_mbpoll(tmp_path: Path, libmodbus: LibModbus) -> None:
    with LibModbus(tmp_path, devices=2, units=(1, 7), hole=(50, 59), size=1000) as server:
        for port in server.ports:
            assert mbpoll(port, "holding", 30, 3, unit=7) == [7030, 7031, 7032]
            assert mbpoll(port, "input", 30, 1, unit=7) == [65535 - 7030]
            with ModbusTcpClient("127.0.0.1", port=port, retries=0) as client:
                read = client.read_holding_registers(900, count=100, device_id=1)
                assert read.registers == [holding(1, address) for address in range(900, 1000)]
                bits = client.read_coils(0, count=8, device_id=7).bits
                assert bits == [coil(7, address) for address in range(8)]
                assert client.read_holding_registers(45, count=6, device_id=1).exception_code == 2
                assert client.read_holding_registers(999, count=2, device_id=1).exception_code == 2
                assert client.read_holding_registers(0, count=1, device_id=2).exception_code == 11
                assert server.writes == []
                assert client.write_register(1, 1, device_id=7).exception_code == 1
                assert server.writes.pop() == "WRITE unit 7 function 6"
            server.log.write_bytes(b"")


@pytest.mark.server("libmodbus", "mbpoll")
def test_libmodbus_steps_and_keeps_silent(tmp_path: Path) -> None:
    with LibModbus(tmp_path, units=(1,), silent=(9,), step=True) as server:
        assert [mbpoll(server.port, "holding", 0)[0] for _ in range(3)] == [1000, 1001, 1002]
        with (
            ModbusTcpClient("127.0.0.1", port=server.port, timeout=0.3, retries=0) as client,
            pytest.raises(Exception, match="No response"),
        ):
            client.read_holding_registers(0, count=1, device_id=9)


def test_sparkplug_births_data_gaps_and_death_arrive_to_the_byte(
    mosquitto: Mosquitto, sparkplug: SparkplugNode
) -> None:
    with _subscribed(mosquitto, "spBv1.0/#") as (_, heard):
        born = sparkplug.birth([{"name": "total", "alias": 3, "type": "UInt64", "value": 2**64 - 1}])
        device = sparkplug.birth([{"name": "power", "alias": 4, "type": "Float", "value": 2.5}], device="press-01")
        after_gap = sparkplug.data(
            [{"alias": 4, "type": "Float", "value": 3.5}], device="press-01", skip=2, timestamp=7
        )
        bare = sparkplug.data([{"alias": 3, "type": "UInt64", "value": 5, "timestamp": 8}], bare=True, timestamp=7)
        said = [born, device, after_gap, bare, sparkplug.death("press-01")]
        for one in said:
            message = heard.get(timeout=10)
            assert (message.topic, message.payload.hex()) == (one["topic"], one["bytes"])
        assert [one["seq"] for one in said] == [0, 1, 4, 5, 6]
        assert [one["topic"].split("/")[2] for one in said] == ["NBIRTH", "DBIRTH", "DDATA", "NDATA", "DDEATH"]
        # By hand from the protobuf: timestamp 7; a metric with alias 4, timestamp 7, datatype 9, float 3.5; seq 4.
        assert after_gap["bytes"] == "0807" + "120b" + "1004" + "1807" + "2009" + "6500006040" + "1804"
        # The same without a datatype, and its own timestamp 8.
        assert bare["bytes"] == "0807" + "1206" + "1003" + "1808" + "5805" + "1805"
        sparkplug.kill()
        assert heard.get(timeout=10).topic == "spBv1.0/plant/NDEATH/edge-1"
        sparkplug.start()
        assert sparkplug.bd_seq == 1
        assert sparkplug.commands() == []


def _soon(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)
