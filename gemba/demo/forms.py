"""Every official form, filled with what was measured in the demo and with the answers of an imagined owner."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from config import span
from config.plant import Plant
from config.template_file import TEMPLATES
from config.template_file import load as load_template
from gemba.demo.plant import ANSWERS
from kpi.binding.ground import Ground
from kpi.facts.archive import Archive
from kpi.forms.answers import read_answers
from kpi.forms.assess import Assessment, assess, declared_of
from store.choice import open_reader

DAYS = 30 * 86_400 * 10**9


def fill(plant: Plant, folder: Path, start: int, lang: str) -> Iterator[Path]:
    """Writes them as JSON and, where a workbook can be written, as XLSX; gives each path once it is written."""
    folder.mkdir(parents=True, exist_ok=True)
    now = time.time_ns()
    end = span.last_day(plant, plant.calendar, now).end
    begin = max(start, end - DAYS)
    for name in TEMPLATES:
        template = load_template(name)
        file = ANSWERS / f"{name}.yaml"
        declared = read_answers(template, file) if file.exists() else declared_of(template, None)
        ground = Ground(open_reader(plant), plant, begin, end, Archive(plant.data, plant.id), now, None)
        made = assess(template, declared, ground)
        path = folder / f"{name}.json"
        path.write_text(json.dumps(made.document(lang), ensure_ascii=False, indent=1), encoding="utf-8")
        yield path
        if (book := _workbook(made, lang)) is not None:
            path = folder / f"{name}.xlsx"
            path.write_bytes(book)
            yield path


def _workbook(made: Assessment, lang: str) -> bytes | None:
    try:
        from kpi.forms.workbook import workbook
    except ImportError:
        return None
    return workbook(made, lang)
