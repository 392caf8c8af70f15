"""One sheet of the workbook as a page that prints: columns with widths, rows as high as their text, heads repeated."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

FACE = "Microsoft YaHei"  # has Chinese and Latin; where it is missing the office program takes its own Chinese face
INK, RULE, SHADE, PALE = "1F2933", "BFC7D0", "E8EDF2", "F6F8FA"
LINE = 14.5  # points of height a line
A4 = 9
EDGE = Side(style="thin", color=RULE)
BOX = Border(left=EDGE, right=EDGE, top=EDGE, bottom=EDGE)
FORMATS = {"share": "0.00%", "points": "0.00", "exact": "0.000000", "count": "#,##0", "number": "#,##0.######"}

Value = str | int | float | Fraction | bool | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with its number format and weight."""

    value: Value
    kind: str = ""
    bold: bool = False
    colour: str = INK


@dataclass(frozen=True, slots=True)
class Column:
    head: str
    width: float
    centre: bool = False


def cells(text: str) -> int:
    """Widths of a Latin letter that a line of text takes."""
    return sum(2 if unicodedata.east_asian_width(char) in "WFA" else 1 for char in text)


class Page:
    """Writes from top to bottom. `wide` is landscape."""

    def __init__(self, sheet: Worksheet, columns: Sequence[Column], foot: str, wide: bool = False) -> None:
        self.sheet, self.columns, self.at = sheet, columns, 0
        for place, column in enumerate(columns, 1):
            sheet.column_dimensions[get_column_letter(place)].width = column.width
        setup = sheet.page_setup
        setup.paperSize, setup.orientation = A4, "landscape" if wide else "portrait"
        setup.fitToWidth, setup.fitToHeight = 1, 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True  # type: ignore[union-attr]
        sheet.page_margins.left = sheet.page_margins.right = 0.4
        sheet.page_margins.top, sheet.page_margins.bottom = 0.5, 0.6
        sheet.print_options.horizontalCentered = True
        footer = sheet.oddFooter
        assert footer is not None
        footer.left.text, footer.right.text = foot, "&P / &N"
        footer.left.size = footer.right.size = 8
        sheet.sheet_view.showGridLines = False

    @property
    def width(self) -> float:
        return sum(column.width for column in self.columns)

    def title(self, text: str) -> None:
        self._across(text, Font(name=FACE, size=15, bold=True, color=INK), LINE * 1.6)

    def note(self, text: str) -> None:
        self._across(text, Font(name=FACE, size=9, color="52606D"), LINE)

    def band(self, text: str) -> None:
        """A group's name, over all columns."""
        self._across(text, Font(name=FACE, size=10, bold=True, color=INK), LINE * 1.2)
        for place in range(1, len(self.columns) + 1):
            self.sheet.cell(self.at, place).fill = PatternFill("solid", start_color=PALE)
            self.sheet.cell(self.at, place).border = BOX

    def new_page(self) -> None:
        self.sheet.row_breaks.append(Break(id=self.at))

    def section(self, text: str) -> None:
        self.at += 1
        self._across(text, Font(name=FACE, size=11, bold=True, color=INK), LINE * 1.3)

    def _across(self, text: str, font: Font, height: float) -> None:
        """One text over all columns."""
        self.at += 1
        self.sheet.merge_cells(start_row=self.at, end_row=self.at, start_column=1, end_column=len(self.columns))
        cell = self.sheet.cell(self.at, 1, text)
        cell.font, cell.alignment = font, Alignment(wrap_text=True, vertical="center")
        lines = ceil(cells(text) * (font.size or 10) / 10 / self.width * 1.05)
        self.sheet.row_dimensions[self.at].height = height * max(lines, 1)

    def heads(self, repeat: bool = True) -> None:
        """The heads of the columns; printed again on every page."""
        self._row([Cell(column.head, bold=True) for column in self.columns], SHADE, head=True)
        if repeat:
            self.sheet.print_title_rows = f"{self.at}:{self.at}"
            self.sheet.freeze_panes = f"A{self.at + 1}"

    def row(self, values: Sequence["Cell | Value"], shade: bool = False) -> None:
        self._row([one if isinstance(one, Cell) else Cell(one) for one in values], PALE if shade else None)

    def _row(self, row: Sequence[Cell], fill: str | None, head: bool = False) -> None:
        self.at += 1
        texts = [
            (cell.value, c.width) for c, cell in zip(self.columns, row, strict=True) if isinstance(cell.value, str)
        ]
        height = max([1, *(_lines(text, width) for text, width in texts)])
        for place, (column, of) in enumerate(zip(self.columns, row, strict=True), 1):
            value = float(of.value) if isinstance(of.value, Fraction) else of.value
            cell = self.sheet.cell(self.at, place, value)
            cell.font = Font(name=FACE, size=10, bold=of.bold, color=of.colour)
            cell.border = BOX
            across = "center" if head or column.centre else "left" if isinstance(value, str) else None
            down = "center" if head or height == 1 else "top"
            indent = 1 if across == "left" else 0
            cell.alignment = Alignment(wrap_text=True, vertical=down, horizontal=across, indent=indent)
            if of.kind:
                cell.number_format = FORMATS[of.kind]
            if fill:
                cell.fill = PatternFill("solid", start_color=fill)
            if isinstance(value, str):
                cell.data_type = "s"  # text that begins with "=" is text
        self.sheet.row_dimensions[self.at].height = min(LINE * height + 3, 409)


def _lines(text: str, width: float) -> int:
    return sum(max(1, ceil(cells(line) / max(width - 2, 1))) for line in text.split("\n"))
