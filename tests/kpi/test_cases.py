"""Every case file, formed from rows, and again through the archive; and cut anywhere, its sums add up."""

from pathlib import Path

import pytest

from tests.kpi.cases import Case, cases, check, formed

ALL = list(cases())


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_case(case: Case, tmp_path: Path) -> None:
    _, made, rows = formed(case.told, tmp_path)
    check(case.told, made, rows)


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_case_through_the_archive(case: Case, tmp_path: Path) -> None:
    if "late" in case.told:
        _, made, rows = formed(case.told, tmp_path, archive=True, late=False)
        with pytest.raises(AssertionError):  # else they would change nothing
            check(case.told, made, rows)
    for _ in range(2):  # formed and written, then read
        _, made, rows = formed(case.told, tmp_path, archive=True)
        check(case.told, made, rows)
