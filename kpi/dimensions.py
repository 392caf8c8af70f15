"""The plant file's part of the fact tables, for whoever sums them without Gemba: register, meters and factors.

They say what the plant file says now; each carries its sha256, and is written again where that differs.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from config.carriers import CARRIERS
from config.plant import Plant
from kpi.energy_meters import Tree

_LARGEST = 2**63 - 1
Columns = Mapping[str, pa.DataType]
_TEXT, _FLAG, _DATE, _WHOLE = pa.string(), pa.bool_(), pa.date32(), pa.int64()

REGISTER: Columns = {
    **dict.fromkeys(("id", "name", "workshop", "line", "process", "class", "control"), _TEXT),
    "row": _WHOLE,
    **dict.fromkeys(("key", "key_process", "in_scope", "connected"), _FLAG),
    **dict.fromkeys(("since", "until"), _DATE),
    "connected_line": _TEXT,
}
METERS: Columns = {
    **dict.fromkeys(("id", "carrier", "role", "scope", "scope_name", "under"), _TEXT),
    "counted": _FLAG,
    "sign": _WHOLE,
}
FACTORS: Columns = {
    **dict.fromkeys(("profile", "version", "carrier", "unit", "smallest", "source", "status"), _TEXT),
    **dict.fromkeys(("step_num", "step_den", "tce_num", "tce_den", "co2_num", "co2_den"), _WHOLE),
}


def keep(plant: Plant, root: Path) -> None:
    """Writes what is not there yet, or speaks of another plant file."""
    register = plant.register.sha256 if plant.register else ""
    about = {"plant_sha256": plant.sha256, "register_sha256": register, "factors": plant.factors.profile}
    tables = (
        ("register", REGISTER, _register),
        ("meters", METERS, _meters),
        ("factors", FACTORS, _factors),
    )
    for name, columns, rows in tables:
        path = root / name / f"plant={plant.id}" / f"{name}.parquet"
        if _about(path) != about:
            _write(path, columns, rows(plant), about)


def _about(path: Path) -> dict[str, str] | None:
    try:
        told = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    return {key.decode(): value.decode() for key, value in told.items() if key != b"ARROW:schema"}


def _write(path: Path, columns: Columns, rows: Sequence[Mapping[str, Any]], about: Mapping[str, str]) -> None:
    arrays = [pa.array([row[name] for row in rows], kind) for name, kind in columns.items()]
    table = pa.Table.from_arrays(arrays, names=list(columns)).replace_schema_metadata(about)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{threading.get_ident()}.{path.name}")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)


def _register(plant: Plant) -> list[dict[str, Any]]:
    lines = {asset: line.id for line in plant.lines.values() for asset in line.serial}
    return [
        {
            "id": row.id,
            "row": row.row,
            "name": row.name,
            "workshop": row.workshop,
            "line": row.line,
            "process": row.process,
            "class": row.kind,
            "control": row.control,
            "key": row.key,
            "key_process": row.key_process,
            "in_scope": row.in_scope,
            "connected": row.id in plant.assets,
            "since": row.since,
            "until": row.until,
            "connected_line": lines.get(row.id, row.line),
        }
        for row in (plant.register.devices if plant.register else ())
    ]


def _meters(plant: Plant) -> list[dict[str, Any]]:
    """Every meter and every machine's own energy point; `counted`: the plant's total of its carrier takes it."""
    tree = Tree(plant)
    counted = {gauge.id: total.sign for total in tree.totals() for gauge in total.gauges}
    return [
        {
            "id": gauge.id,
            "carrier": gauge.carrier,
            "role": gauge.role,
            "scope": gauge.place.kind,
            "scope_name": gauge.place.name,
            "under": gauge.under,
            "counted": gauge.id in counted,
            "sign": counted.get(gauge.id, 0),
        }
        for gauge in tree.gauges.values()
    ]


def _factors(plant: Plant) -> list[dict[str, Any]]:
    found = []
    for factor in plant.factors.factors.values():
        carrier = CARRIERS[factor.carrier]
        size = carrier.steps(factor.unit)
        pairs = {"step": 1 / size, "tce": _each(factor.tce, size), "co2": _each(factor.co2, size)}
        row: dict[str, Any] = {
            "profile": plant.factors.profile,
            "version": plant.factors.version,
            "carrier": carrier.id,
            "unit": factor.unit,
            "smallest": carrier.smallest,
            "source": factor.source,
            "status": factor.status,
        }
        for name, value in pairs.items():
            fits = value is not None and max(value.numerator, value.denominator) <= _LARGEST
            row[f"{name}_num"] = value.numerator if fits and value is not None else None
            row[f"{name}_den"] = value.denominator if fits and value is not None else None
        found.append(row)
    return found


def _each(value: Fraction | None, size: Fraction) -> Fraction | None:
    """Of one smallest unit."""
    return None if value is None else value / size
