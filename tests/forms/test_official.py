"""The shipped templates against the official text: counts, names, options, weights, levels, cut from it by machine."""

import json
import re
import unicodedata
from fractions import Fraction
from pathlib import Path

import pytest

from config.template_file import TEMPLATES, load

CASES = Path(__file__).parents[1] / "cases" / "forms"
OFFICIAL = json.loads((CASES / "official.json").read_text(encoding="utf-8"))
VECTORS = json.loads((CASES / "vectors.json").read_text(encoding="utf-8"))
CLASSES = json.loads((CASES / "measurability.json").read_text(encoding="utf-8"))
NUMERALS = {"一": 1, "二": 2, "三": 3, "四": 4}


def plain(text: str) -> str:
    """Without the white space and the widths that an extraction of a printed page changes."""
    return "".join(unicodedata.normalize("NFKC", text).split())


# -- sme-2024 ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("no", OFFICIAL["sme_items"])
def test_sme_item(no: str) -> None:
    item, printed = load("sme-2024").item(no), OFFICIAL["sme_items"][no]
    assert item.title.zh == OFFICIAL["sme_item_titles"][int(no) - 1]
    assert item.question.zh == printed["question"]
    assert [option.label.zh for option in item.options] == printed["options"]
    assert (item.answer == "choices") == printed["several"]
    assert item.line == printed["line"]
    assert (item.fields.zh if item.fields else None) == printed["fields"]


def test_sme_weights() -> None:
    """Each printed weight where the page prints it, and the effective ones, which must sum to 1."""
    template = load("sme-2024")
    assert len(template.items) == 15
    assert {item.no: float(item.weight or 0) for item in template.items} == VECTORS["effective_weights"]
    assert sum(item.weight or 0 for item in template.items) == 1
    for no, printed in OFFICIAL["sme_items"].items():
        own = re.search(r"(\d+)%", printed["printed_weights"][-1].replace(" ", ""))
        assert own is not None
        assert template.item(no).weight == LADDER[no] * int(own[1]) / 100


LADDER = {  # first level x second level, as the rows above an item print them (L1321-L1339)
    **dict.fromkeys(("1", "2", "3"), Fraction(50 * 40, 10000)),
    **dict.fromkeys(("4", "5", "6", "7"), Fraction(50 * 20, 10000)),
    **dict.fromkeys(("8", "9", "10", "11"), Fraction(30 * 50, 10000)),
    **dict.fromkeys(("12", "13"), Fraction(20 * 35, 10000)),
    **dict.fromkeys(("14", "15"), Fraction(20 * 30, 10000)),
}


def test_item_13_weight_is_the_row_s() -> None:
    """L1337 prints 产品质量 35% and 产品质量 100%."""
    assert OFFICIAL["sme_items"]["13"]["printed_weights"] == ["产品质量 35%", "产品质量 100%"]


def test_sme_levels() -> None:
    tiers = load("sme-2024").tiers
    assert [tier.says.zh for tier in tiers] == ["无等级", *(row["name"] for row in OFFICIAL["sme_levels"])]
    for tier, row in zip(tiers[1:], OFFICIAL["sme_levels"], strict=True):
        assert (tier.score, tier.scenes, tier.binding) == (row["score"], row["scenes"], row["binding"])
        assert NUMERALS[row["needs"][0]] == tier.level


def test_sme_scenes() -> None:
    scenes = load("sme-2024").scenes
    assert [(s.name, s.binding, s.line) for s in scenes] == [
        (row["name"], row["binding"], row["line"]) for row in OFFICIAL["sme_scenes"]
    ]
    assert [s.group for s in scenes] == [OFFICIAL["sme_groups"][s.name] for s in scenes]
    assert sum(s.binding for s in scenes) == 10
    for scene, row in zip(scenes, OFFICIAL["sme_scenes"], strict=True):
        assert len(scene.levels) == 4
        alternatives = [any(clause.branch for clause in level or ()) for level in scene.levels]
        assert alternatives == row["alternatives"], scene.name


def test_item_4_has_the_business_links_of_the_glossary() -> None:
    options = [option.label.zh for option in load("sme-2024").item("4").options]
    assert options == ["无", *OFFICIAL["business_links"]]


@pytest.mark.parametrize("no", ["2", "3", "11"])
def test_bands_end_where_their_labels_do(no: str) -> None:
    for option in load("sme-2024").item(no).options:
        end = re.search(r"(\d+)%\]$", option.label.zh)
        assert end is not None
        assert option.to == Fraction(int(end[1]), 100)


# -- the 21 indicators -------------------------------------------------------------------------------------------------
def test_kpis() -> None:
    items = load("factory-kpi-2025").items
    assert [(i.no, plain(i.title.zh), i.dimension, i.line) for i in items] == [
        (row["no"], plain(row["title"]), row["group"], row["line"]) for row in OFFICIAL["kpis"]
    ]
    for item in items:
        rises = re.search(r"(提升|增长)", item.title.zh)
        falls = re.search(r"(缩短|下降|降低)", item.title.zh)
        assert item.better == ("higher" if rises else "lower" if falls else None), item.title.zh
        assert (item.answer == "comparison") == (6 <= int(item.no) <= 18)


# -- the Jiangsu index -------------------------------------------------------------------------------------------------
def test_index() -> None:
    template = load("jiangsu-general-2025")
    assert [i.title.zh for i in template.items] == [row["title"] for row in OFFICIAL["index"]]
    top = [row["dimension"] for row in OFFICIAL["index"] if row["dimension"]]
    assert [words.zh for words in template.dimensions] == top
    for item, row in zip(template.items, OFFICIAL["index_rows"], strict=True):
        assert item.line == row["line"]
        assert [n + 1 for n in range(len(item.levels))] == row["levels"]
        assert item.not_applicable == bool(row["na"])
        branches = [len({c.branch for c in level or () if c.branch}) for level in item.levels]
        assert branches == [n + 1 if n else 0 for n in row["alternatives"]], item.title.zh


def test_segments() -> None:
    printed = []
    for each in load("jiangsu-general-2025").segments:
        bracket = "(" if each.open else "["
        last = ")"
        span = f"{each.start}" if each.start == each.end else f"{bracket}{each.start}-{each.end}{last}"
        printed.append([each.level, each.says.zh, span])
    assert printed == OFFICIAL["segments"]


# -- factories ---------------------------------------------------------------------------------------------------------
def test_jiangsu_scenes() -> None:
    scenes = load("jiangsu-factory-2025").scenes
    assert [(s.no, s.name, s.line) for s in scenes] == [
        (row["no"], row["name"], row["line"]) for row in OFFICIAL["scenes"]
    ]
    assert [[level is None for level in s.levels] for s in scenes] == [row["slash"] for row in OFFICIAL["scenes"]]


def test_jiangsu_headings() -> None:
    """Where a page break swallowed the printed heading (14, 25), the guide of 2024 says it, by its own names."""
    guide = OFFICIAL["guide_2024_headings"]
    for scene, row in zip(load("jiangsu-factory-2025").scenes, OFFICIAL["scenes"], strict=True):
        name = next(each for each in (scene.name, *scene.also) if each in guide)
        assert scene.group in (row["heading"], guide[name])
        assert scene.group == {"环保管理": "环保管控"}.get(guide[name], guide[name])


def test_jiangsu_tiers() -> None:
    printed, tiers = OFFICIAL["jiangsu_tiers"], load("jiangsu-factory-2025").tiers[1:]
    assert [tier.scenes for tier in tiers] == printed["scenes"]
    assert [tier.maturity for tier in tiers] == [NUMERALS[word] for word in printed["maturity"]]
    assert [tier.suggested_above for tier in tiers] == printed["suggested_above"]
    assert {tier.general_above for tier in tiers} == {printed["general_above"]}
    assert [covered(words) for words in printed["cover"]] == [set(tier.cover) for tier in tiers]
    assert [t.suggested_above for t in load("jiangsu-general-2025").tiers[1:]] == printed["suggested_above"]


def test_national_tiers() -> None:
    printed, tiers = OFFICIAL["national_tiers"], load("factory-2025").tiers[1:]
    assert [covered(words) for words in printed["cover"]] == [set(tier.cover) for tier in tiers]
    assert [tier.in_principle for tier in tiers] == ["原则上" in words for words in printed["cover"]]
    low, high, top = (NUMERALS[word] for word in re.findall(r"([一二三四])级及以上", printed["maturity"]))
    assert [tier.maturity for tier in tiers] == [low, low, high, top]
    assert [tier.ai_scene_ratio for tier in tiers] == [None, None, *(Fraction(n, 100) for n in printed["ai"])]
    sections = [section.name for section in load("factory-2025").sections]
    assert all(order == sections for order in printed["section_clauses"].values())
    assert all(len(section.levels) == 4 and all(section.levels) for section in load("factory-2025").sections)


def covered(words: str) -> set[str]:
    every = {"工厂建设", "研发设计", "生产作业", "生产管理", "运营管理"}
    return every if "全部五个" in words else {name for name in every if name in words}


# -- all of them -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", TEMPLATES)
def test_both_languages_and_a_source(name: str) -> None:
    template = load(name)
    assert template.id == name
    assert template.version
    assert template.source.document
    for clause in template.clauses():
        assert clause.says.zh
        assert clause.says.en
        assert clause.line


@pytest.mark.parametrize("name", TEMPLATES)
def test_classes_are_those_of_the_reading(name: str) -> None:
    """M: the lowest level with a text is all measured; P: some clause or number is; D: none."""
    template = load(name)
    found = {f"{name} items": {i.no: i.measurable for i in template.items}}
    found[f"{name} scenes"] = {str(s.no): s.measurable for s in template.scenes}
    for key, classes in found.items():
        assert classes == CLASSES.get(key, {})
    for item in template.items:
        rows = [*item.levels, *(option.clauses for option in item.options)]
        bases = {clause.basis for row in rows for clause in row or ()}
        assert (item.measured is not None or "measured" in bases) == (item.measurable != "D"), item.title.zh
    for scene in template.scenes:
        written = [level for level in scene.levels if level]
        bases = {clause.basis for level in written for clause in level}
        assert ("measured" in bases) == (scene.measurable != "D"), scene.name
        if scene.measurable == "M":
            assert {clause.basis for clause in written[0]} == {"measured"}, scene.name


@pytest.mark.parametrize("name", TEMPLATES)
def test_rules_name_their_switches(name: str) -> None:
    """A word among a rule's parameters is a switch, apart from a business link, and is resolved."""
    template = load(name)
    words = {
        (key, value) for clause in template.clauses() for key, value in clause.parameters if isinstance(value, str)
    }
    switches = {switch.name for switch in template.switches}
    assert {value for key, value in words if key != "link"} <= switches
    assert {value for key, value in words if key == "link"}.isdisjoint(switches)
    assert not [rule for rule in template.rules() if switches & {value for _, value in rule.parameters}]
