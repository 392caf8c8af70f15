"""False declarations against a plant where facts refuse what they can: each is caught where its clause fails, an honest
one stands, and whatever was merely not measured stands too."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.template_file import load
from kpi.binding.ground import Ground
from kpi.forms.assess import assess, declared_of
from tests.assess.plants import MIDDLE, START, Factory, dark, worse

SME, GENERAL, JIANGSU = "sme-2024", "jiangsu-general-2025", "jiangsu-factory-2025"
POINTS = {1: 0, 2: 10, 3: 30, 4: 50, 5: 70, 6: 94}  # inside the segment of each level


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    made = worse(tmp_path_factory.mktemp("worse"))
    with closing(made.reader):
        yield made


@pytest.fixture(scope="module")
def ground(factory: Factory) -> Ground:
    return factory.ground(START, MIDDLE, baseline=False)


@pytest.fixture(scope="module")
def early(factory: Factory) -> Ground:
    """Eight days of which there is no record."""
    return factory.ground(START - timedelta(days=9), START - timedelta(days=1), baseline=False)


def parts(ground: Ground, template: str, levels: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """The scenes, or the indicators, that are declared at these levels."""
    form = load(template)
    answers: dict[str, Any] = {"scenes": levels}
    if not form.scenes:
        answers = {"answers": {no: {"level": level, "points": POINTS[level]} for no, level in levels.items()}}
    found: dict[str, Any] = assess(form, declared_of(form, answers), ground).document("zh")
    named = {each["scene"]: each for each in found["scenes"]} | {each["item"]: each for each in found["items"]}
    return {name: named[name] for name in levels}


def told(ground: Ground, template: str, name: str | int, level: int) -> dict[str, Any]:
    """The scene of that name, or the indicator of that number, declared at that level."""
    return parts(ground, template, {str(name): level})[str(name)]


Facts = dict[tuple[int, str], bool]
Case = tuple[str, str | int, int, int, Facts]
CAUGHT: list[Case] = [  # declared level, cap, and every clause up to the declared level that facts decide
    (SME, "设备管理", 3, 2, {(3, "key_devices_live"): False, (3, "oee_measured"): False, (3, "fault_record"): True}),
    (
        SME,
        "能耗管理",
        3,
        2,
        {
            (2, "carriers_collected"): True,
            (2, "energy_statistics"): True,
            (3, "meters_interval"): True,
            (3, "meters_online"): False,  # away one hour in three
            (3, "device_meters"): False,  # the second press has none
        },
    ),
    (GENERAL, 2, 2, 1, {(2, "key_process_nc"): False}),  # one of four, and more than 30 % are asked
    (
        GENERAL,
        2,
        3,
        1,
        {(2, "key_process_nc"): False, (3, "networking"): False, (3, "live_view"): True},  # one device of five
    ),
    (GENERAL, 3, 3, 2, {(2, "domains_recorded"): True, (3, "domains_recorded"): False}),  # of equipment only
    (GENERAL, 8, 3, 2, {(3, "devices_interconnected"): False}),  # one press answers, two are asked
    (GENERAL, 9, 3, 1, {(2, "key_devices_reported"): False, (3, "scenes_stored"): True}),
    (JIANGSU, "先进过程控制", 3, 0, {(1, "closed_loop_auto"): False, (3, "apc_running"): False}),
    (JIANGSU, "设备运行监控", 1, 0, {(1, "key_devices_basic"): False}),
    (JIANGSU, "先进工业网络应用", 2, 0, {(1, "workshops_networked"): False, (2, "data_integrity"): True}),
    (JIANGSU, "工厂数据资源管理", 2, 1, {(1, "data_quality_report"): True, (2, "point_dictionary"): False}),
]


STANDING = frozenset(  # told by the plant file and the register, whatever was heard
    {"key_process_nc", "workshops_networked", "point_dictionary", "device_meters", "oee_measured"}
)
caught = pytest.mark.parametrize(
    ("template", "name", "level", "cap", "facts"), CAUGHT, ids=[f"{name}-{level}" for _, name, level, _, _ in CAUGHT]
)


def decided(of: dict[str, Any], level: int) -> Facts:
    clauses = [clause for clause in of["clauses"] if clause["level"] <= level and clause["origin"] == "measured"]
    return {(clause["level"], clause["rule"]): clause["holds"] for clause in clauses}


@caught
def test_what_facts_refuse(ground: Ground, template: str, name: str | int, level: int, cap: int, facts: Facts) -> None:
    false = told(ground, template, name, level)
    assert (false["cap"], false["level"], false["origin"]) == (cap, cap, "measured")
    assert facts.items() <= decided(false, level).items()
    if isinstance(name, int):
        assert false["conflict"]["declared"]["level"] == level
        assert (false["conflict"]["measured"]["level"], false["conflict"]["same_option"]) == (cap, False)


@caught
def test_an_honest_level_stands(
    ground: Ground, template: str, name: str | int, level: int, cap: int, facts: Facts
) -> None:
    honest = told(ground, template, name, cap)
    assert (honest["cap"], honest["level"]) == (None, cap)
    assert not honest.get("conflict")


def test_meters_that_were_away_refute_energy_control(tmp_path: Path) -> None:
    """Scene 22: every link is named by a meter, and every one of these was heard to be away for seven of eight days."""
    made = dark(tmp_path)
    with closing(made.reader):
        found = told(made.ground(START, MIDDLE, baseline=False), JIANGSU, "能源智能管控", 3)
    assert decided(found, 3)[2, "energy_links_metered"] is False
    assert (found["declared"], found["cap"], found["level"]) == (3, 1, 1)


def test_counters_that_bridge_their_gaps_leave_energy_control(ground: Ground, early: Ground) -> None:
    """Scene 22: nobody can see a carrier, link or match that no meter names, and a register that was away for an hour
    still tells of it, so what is declared stands, and the document says of each clause what decided it."""
    found = told(ground, JIANGSU, "能源智能管控", 3)
    assert (found["level"], found["cap"], found["declared"]) == (3, None, 3)
    assert decided(found, 3) == {
        (1, "carriers_collected"): True,
        (1, "energy_statistics"): True,
        (2, "energy_links_metered"): True,
    }
    matched = next(clause for clause in found["clauses"] if clause["rule"] == "energy_matched")
    assert (matched["origin"], matched["reason"]) == ("declared", "not_configured")
    before = told(early, JIANGSU, "能源智能管控", 3)
    assert (before["level"], before["cap"], decided(before, 3)) == (3, None, {})


@caught
def test_without_a_record_only_the_register_and_the_plant_file_refuse(
    early: Ground, template: str, name: str | int, level: int, cap: int, facts: Facts
) -> None:
    refused = [at for (at, rule), holds in facts.items() if rule in STANDING and not holds]
    found = told(early, template, name, level)
    expected = min(refused) - 1 if refused else None  # each of these has a text at every level
    assert (found["cap"], found["level"]) == (expected, level if expected is None else expected)


@pytest.mark.parametrize("template", [SME, GENERAL, JIANGSU])
@pytest.mark.parametrize("when", ["ground", "early"])
def test_only_a_measured_clause_that_fails_caps(template: str, when: str, request: pytest.FixtureRequest) -> None:
    """Everything declared at its top: what has no failing clause keeps its level, whatever was not measured."""
    form, of = load(template), request.getfixturevalue(when)
    rows = {scene.name: scene.levels for scene in form.scenes} or {i.no: i.levels for i in form.items if i.levels}
    found = parts(of, template, {name: len(levels) for name, levels in rows.items()})
    for name, part in found.items():
        levels = rows[name]
        failing = [level for (level, _), holds in decided(part, len(levels)).items() if not holds]
        written = [level for level, row in enumerate(levels, 1) if row is not None]
        below = max((level for level in written if level < min(failing, default=0)), default=0)
        assert part["cap"] == (below if failing else None), part
        assert part["level"] == (below if failing else len(levels)), part
