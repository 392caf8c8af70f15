"""The workbook that an assessor is given: the form as it is printed, the scoring, the equipment, the evidence, the gaps
and the policy; each a sheet of A4 pages."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from config.zone import shown
from kpi.forms.workbook_evidence import evidence
from kpi.forms.workbook_form import form
from kpi.forms.workbook_policy import gaps, policy
from kpi.forms.workbook_register import register
from kpi.forms.workbook_scores import scores

if TYPE_CHECKING:
    from kpi.forms.assess import Assessment

Sheet = Callable[["Assessment", Worksheet, str, str], None]
SHEETS: tuple[tuple[str, str, Sheet], ...] = (
    ("评测表", "Form", form),
    ("计分表", "Scoring", scores),
    ("设备台账", "Equipment", register),
    ("证据清单", "Evidence", evidence),
    ("差距", "Gaps", gaps),
    ("口径与因子", "Policy", policy),
)


def workbook(of: "Assessment", lang: str = "zh") -> bytes:
    """As XLSX."""
    book = Workbook()
    book.remove(book.worksheets[0])
    ground = of.ground
    zone = ground.plant.timezone
    span = f"{shown(ground.start, zone)[:16]} – {shown(ground.end, zone)[:16]}"
    foot = f"{ground.plant.id}  {of.form.template.id} {of.form.template.version}  {span}"
    for zh, en, make in SHEETS:
        make(of, book.create_sheet(zh if lang == "zh" else en), lang, foot)
    book.properties.title = of.form.template.title.of(lang)
    book.properties.creator = "Gemba"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
