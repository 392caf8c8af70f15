"""Gemba never writes to equipment: no code that could, and a filter that lets no such request out."""

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import WriteMultipleCoilsRequest, WriteSingleCoilRequest
from pymodbus.pdu.diag_message import ForceListenOnlyModeRequest
from pymodbus.pdu.file_message import WriteFileRecordRequest
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest
from pymodbus.pdu.register_message import (
    MaskWriteRegisterRequest,
    ReadHoldingRegistersRequest,
    ReadWriteMultipleRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

import connectors.modbus
from connectors.clock import SYSTEM
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.pdu import only_reads
from connectors.modbus.plan import FUNCTIONS
from tests.connectors.modbus.device import Device, served
from tests.connectors.modbus.points import PATIENT

SOURCES = sorted(Path(connectors.modbus.__file__).parent.glob("**/*.py"))
TAKEN = {
    "AsyncModbusSerialClient",
    "AsyncModbusTcpClient",
    "DeviceInformation",
    "FramerRTU",
    "FramerType",
    "ModbusException",
    "ModbusPDU",
    "ReadDeviceInformationRequest",
    "ReadDeviceInformationResponse",
    "TransactionManager",
}
WRITES: dict[int, ModbusPDU] = {
    5: WriteSingleCoilRequest(dev_id=1, address=0, bits=[True]),
    6: WriteSingleRegisterRequest(dev_id=1, address=0, registers=[1]),
    8: ForceListenOnlyModeRequest(dev_id=1),
    15: WriteMultipleCoilsRequest(dev_id=1, address=0, bits=[True]),
    16: WriteMultipleRegistersRequest(dev_id=1, address=0, registers=[1]),
    21: WriteFileRecordRequest(dev_id=1),
    22: MaskWriteRegisterRequest(dev_id=1, address=0, and_mask=0, or_mask=1),
    23: ReadWriteMultipleRegistersRequest(dev_id=1, read_count=1, write_registers=[1]),
}


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.name)
def test_the_source_holds_nothing_that_writes(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        names = [getattr(node, field, None) for field in ("id", "attr", "name", "arg")]
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pymodbus"):
            assert {alias.name for alias in node.names} <= TAKEN
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("pymodbus") for alias in node.names)
        for name in names:
            assert not isinstance(name, str) or not any(word in name.lower() for word in ("write", "mask_", "set_val"))


def test_only_the_four_tables_are_planned() -> None:
    assert len(SOURCES) >= 6
    assert sorted(FUNCTIONS.values()) == [1, 2, 3, 4]


@pytest.mark.parametrize("function", WRITES)
async def test_no_byte_of_a_write_leaves(function: int) -> None:
    device = Device({1: {"holding": {0: 1}}})
    async with served(device) as url:
        endpoint = Endpoint.at(url, SYSTEM)
        await endpoint.enter(PATIENT)
        with pytest.raises(PermissionError, match=f"function {function} is not a read"):
            await endpoint.ask(WRITES[function], 0, PATIENT)
        reply, _, _ = await endpoint.ask(ReadHoldingRegistersRequest(dev_id=1, address=0, count=1), 2, PATIENT)
        endpoint.leave()
    assert reply.body == b"\x02\x00\x01"  # type: ignore[attr-defined]
    assert [asked.function for asked in device.asked] == [3]


@settings(max_examples=300)
@given(st.integers(0, 255), st.binary(max_size=4))
def test_whatever_is_not_a_read_is_refused(function: int, body: bytes) -> None:
    class Any(ModbusPDU):
        function_code = function

        def encode(self) -> bytes:
            return body

    if function in (1, 2, 3, 4) or (function == 43 and body[:1] == b"\x0e"):
        assert only_reads(True, Any()).function_code == function
    else:
        with pytest.raises(PermissionError):
            only_reads(True, Any())


def test_identification_is_let_out_and_its_sister_that_writes_is_not() -> None:
    only_reads(True, ReadDeviceInformationRequest(dev_id=1))
    sister = ReadDeviceInformationRequest(dev_id=1)
    sister.sub_function_code = 13  # CANopen general reference
    with pytest.raises(PermissionError):
        only_reads(True, sister)
