"""The equipment register with what was found of each device: digital or not, networked or why not, and how nearly."""

from typing import TYPE_CHECKING

from openpyxl.worksheet.worksheet import Worksheet

from config.devices import Device
from config.register import CLASSES, CONTROLS
from kpi.forms.workbook_page import Cell, Column, Page
from kpi.rate import REASONS

if TYPE_CHECKING:
    from kpi.forms.assess import Assessment


def register(of: "Assessment", sheet: Worksheet, lang: str, foot: str) -> None:
    zh = lang == "zh"
    pairs = (
        ("编号", "id", 14), ("名称", "name", 16), ("车间", "workshop", 10), ("产线", "line", 11),
        ("工序", "process", 11), ("类别", "class", 11), ("控制方式", "control", 10),
        ("关键", "key", 6), ("关键工序", "key process", 9),
        ("计入", "in scope", 7), ("数字化", "digital", 8), ("已应答", "answered", 9), ("联网", "networked", 10),
        ("有好值的计划日", "days heard", 11), ("好采样", "samples good", 11), ("说明", "why", 28),
    )  # fmt: skip
    centred = {"key", "key process", "in scope", "digital", "answered", "networked"}
    page = Page(sheet, [Column(c if zh else e, w, e in centred) for c, e, w in pairs], foot, wide=True)
    page.title("设备台账" if zh else "Equipment register")
    known = of.ground.plant.register
    if known is None:
        page.note("未配置台账" if zh else "no register is configured")
        return
    rates = of.ground.rates
    page.note(f"{known.file.name}  sha256 {known.sha256}  {len(known.devices)} {'行' if zh else 'rows'}")
    for key, words in (("digitalization", ("数字化率", "digital")), ("networking", ("联网率", "networked"))):
        rate = rates[key]
        value = "—" if rate.value is None else f"{float(rate.value) * 100:.2f}%"
        why = f"  ({rate.reason})" if rate.reason else ""
        page.note(f"{words[not zh]}  {rate.numerator}/{rate.denominator} = {value}{why}")
    rule = ", ".join(f"{name} {value}" for name, value in rates["networking"].rule.items())
    page.note(f"{'联网规则' if zh else 'networked means'}: {rule}")
    page.heads()
    for row in known.devices:
        page.row(_device(of, row, zh))


def _device(of: "Assessment", row: Device, zh: bool) -> list[Cell | str | None]:
    networking, digital = of.ground.rates["networking"], of.ground.rates["digitalization"]
    out = next((each for each in networking.excluded if each.asset == row.id), None)
    why = REASONS.get(out.reason, (out.reason, out.reason))[zh] if out else ""
    if not row.in_scope:
        why = row.reason or (f"不计入（{CLASSES[row.kind]}）" if zh else f"out of scope ({row.kind})")
    return [
        row.id, row.name, row.workshop, row.line, row.process,
        CLASSES[row.kind] if zh else row.kind, CONTROLS[row.control] if zh else row.control,
        _yes(row.key), _yes(row.key_process), _yes(row.in_scope),
        _yes(row.id in digital.assets), _yes(row.id in of.ground.answered), _yes(row.id in networking.assets),
        Cell(out.days if out else None, "share"), Cell(out.samples if out else None, "share"), why,
    ]  # fmt: skip


def _yes(value: bool) -> str:
    return "✓" if value else ""
