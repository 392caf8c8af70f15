"""Sparkplug B payloads: the bytes become metrics, and a metric's bits the value that its birth says they mean. Pure.

Field numbers and datatypes are those of the Sparkplug specification 3.0, section 6.4. Only fields that are read are
named here; what others a payload has is skipped. Integers travel in unsigned fields, whatever their sign.
"""

from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from connectors import quality
from connectors.base import Kind
from connectors.mqtt.cell import LONGEST

MS = 1_000_000
_LATEST = 2**63 // MS
_FIELD = descriptor_pb2.FieldDescriptorProto
_PAYLOAD = (
    ("timestamp", 1, _FIELD.TYPE_UINT64),
    ("metrics", 2, _FIELD.TYPE_MESSAGE),
    ("seq", 3, _FIELD.TYPE_UINT64),
)
_METRIC = (
    ("name", 1, _FIELD.TYPE_BYTES),  # text, looked at when it is needed
    ("alias", 2, _FIELD.TYPE_UINT64),
    ("timestamp", 3, _FIELD.TYPE_UINT64),
    ("datatype", 4, _FIELD.TYPE_UINT32),
    ("is_historical", 5, _FIELD.TYPE_BOOL),
    ("is_null", 7, _FIELD.TYPE_BOOL),
    ("int_value", 10, _FIELD.TYPE_UINT32),
    ("long_value", 11, _FIELD.TYPE_UINT64),
    ("float_value", 12, _FIELD.TYPE_FLOAT),
    ("double_value", 13, _FIELD.TYPE_DOUBLE),
    ("boolean_value", 14, _FIELD.TYPE_BOOL),
    ("string_value", 15, _FIELD.TYPE_BYTES),
)

_SIGNED: Final = {1: 8, 2: 16, 3: 32, 4: 64}
_UNSIGNED: Final = {5: 8, 6: 16, 7: 32, 8: 64, 13: 64}
_FLOAT, _DOUBLE, _BOOLEAN = 9, 10, 11
_TEXTS: Final = (12, 14, 15)
_REALS: Final = ("float_value", "double_value")
NAMES = {1: "Int8", 2: "Int16", 3: "Int32", 4: "Int64", 5: "UInt8", 6: "UInt16", 7: "UInt32", 8: "UInt64"}
NAMES |= {9: "Float", 10: "Double", 11: "Boolean", 12: "String", 13: "DateTime", 14: "Text", 15: "UUID"}


def _declared(message: Any, fields: tuple[tuple[str, int, Any], ...]) -> None:
    for name, number, kind in fields:
        label = _FIELD.LABEL_REPEATED if kind == _FIELD.TYPE_MESSAGE else _FIELD.LABEL_OPTIONAL
        field = message.field.add(name=name, number=number, type=kind, label=label)
        if kind == _FIELD.TYPE_MESSAGE:
            field.type_name = ".gemba.sparkplug.Metric"


def _payload_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="gemba/sparkplug.proto", package="gemba.sparkplug", syntax="proto2")
    _declared(file.message_type.add(name="Metric"), _METRIC)
    _declared(file.message_type.add(name="Payload"), _PAYLOAD)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("gemba.sparkplug.Payload"))


_Payload = _payload_class()


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` or `alias` says which; `time` is its own [ns], 0 where it has none; `raw` still holds the value."""

    name: str | None
    alias: int | None
    time: int
    datatype: int
    historical: bool
    raw: Any


@dataclass(frozen=True, slots=True)
class Payload:
    time: int
    seq: int | None
    metrics: tuple[Metric, ...]


def decode(payload: bytes) -> Payload:
    """Raises ValueError for bytes that are no Sparkplug payload."""
    found = _Payload()
    try:
        found.ParseFromString(bytes(payload))
    except DecodeError as fault:
        raise ValueError(str(fault)) from None
    return Payload(
        _nanoseconds(found.timestamp),
        found.seq if found.HasField("seq") else None,
        tuple(_metric(metric) for metric in found.metrics),
    )


def _metric(metric: Any) -> Metric:
    return Metric(
        metric.name.decode("utf-8", "replace") if metric.HasField("name") else None,
        metric.alias if metric.HasField("alias") else None,
        _nanoseconds(metric.timestamp),
        metric.datatype,
        metric.is_historical,
        metric,
    )


def _nanoseconds(milliseconds: int) -> int:
    return milliseconds * MS if milliseconds < _LATEST else 0


# -- values ------------------------------------------------------------------------------------------------------------
def kind(datatype: int) -> Kind | None:
    """The kind of column that carries it; None for data sets, templates, arrays, files and what nobody knows."""
    if datatype in _SIGNED or datatype in _UNSIGNED or datatype == _BOOLEAN:
        return "int"
    if datatype in (_FLOAT, _DOUBLE):
        return "float"
    return "text" if datatype in _TEXTS else None


def value(metric: Any, datatype: int) -> tuple[Any, int]:
    """What a metric's bits are by the datatype of its birth, and the quality; None where there is no value."""
    if metric.is_null:
        return None, quality.BAD_NO_DATA
    if metric.datatype and metric.datatype != datatype:
        return None, quality.BAD_TYPE_MISMATCH
    if datatype in _SIGNED or datatype in _UNSIGNED:
        return _integer(metric, datatype)
    if datatype in _TEXTS:
        return _text(metric)
    fields = {_FLOAT: _REALS, _DOUBLE: _REALS, _BOOLEAN: ("boolean_value",)}.get(datatype)
    if fields is None:
        return None, quality.BAD_TYPE_MISMATCH
    found = next((getattr(metric, field) for field in fields if metric.HasField(field)), None)
    return found, quality.BAD_NO_DATA if found is None else quality.GOOD


def _integer(metric: Any, datatype: int) -> tuple[Any, int]:
    """In either of the two integer fields, since libraries differ; a negative one as its two's complement, of its own
    width or of the field's."""
    field, width = ("int_value", 32) if metric.HasField("int_value") else ("long_value", 64)
    if not metric.HasField(field):
        return None, quality.BAD_NO_DATA
    bits = getattr(metric, field)
    if datatype in _UNSIGNED:
        return (bits, quality.GOOD) if bits < 2 ** _UNSIGNED[datatype] else (None, quality.BAD_OUT_OF_RANGE)
    own = _SIGNED[datatype]
    half = 2 ** (own - 1)
    if bits < half:
        return bits, quality.GOOD
    for size in (own, width):
        if size >= own and 2**size - half <= bits < 2**size:
            return bits - 2**size, quality.GOOD
    return None, quality.BAD_OUT_OF_RANGE


def _text(metric: Any) -> tuple[Any, int]:
    if not metric.HasField("string_value"):
        return None, quality.BAD_NO_DATA
    if len(metric.string_value) > 4 * LONGEST:
        return None, quality.BAD_OUT_OF_RANGE
    try:
        return metric.string_value.decode(), quality.GOOD
    except UnicodeDecodeError:
        return None, quality.BAD_DECODING
