from itertools import chain, combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plant import Point
from connectors.modbus.plan import Request, place, plan, requests, split, summary, width
from tests.connectors.modbus.points import TYPES, point, source


def blocks(points: list[Point], gap: int = 0, **limits: int) -> list[tuple[int, int, int]]:
    return [(r.function, r.address, r.count) for r in requests(points, gap, **limits)]


# -- what is read together ---------------------------------------------------------------------------------------------
def test_neighbours_are_one_request() -> None:
    assert blocks([point("holding:10", type="uint32"), point("holding:12"), point("holding:9")]) == [(3, 9, 4)]


def test_an_undefined_register_between_two_points_is_not_read() -> None:
    """collectors.md 3 (kellerza/sunsynk#18): reading an undefined gap register corrupted the next reply."""
    assert blocks([point("holding:0"), point("holding:2")]) == [(3, 0, 1), (3, 2, 1)]


def test_a_gap_is_read_along_where_the_source_allows_it() -> None:
    points = [point("holding:0"), point("holding:3"), point("holding:7")]
    assert blocks(points, 2) == [(3, 0, 4), (3, 7, 1)]
    assert blocks(points, 3) == [(3, 0, 8)]


def test_a_point_may_allow_less_or_more_than_its_source_and_both_sides_must_agree() -> None:
    assert blocks([point("holding:0", gap=0), point("holding:2")], 5) == [(3, 0, 1), (3, 2, 1)]
    assert blocks([point("holding:0", gap=1), point("holding:2")], 0) == [(3, 0, 1), (3, 2, 1)]
    assert blocks([point("holding:0", gap=1), point("holding:2", gap=1)], 0) == [(3, 0, 3)]


def test_tables_are_never_mixed() -> None:
    points = [point(f"{table}:0") for table in ("input", "holding", "discrete", "coil")]
    assert sorted(blocks(points)) == [(1, 0, 1), (2, 0, 1), (3, 0, 1), (4, 0, 1)]


def test_a_request_has_at_most_125_registers_or_2000_bits() -> None:
    """collectors.md 19: large sets of points, asked for in one call that no server takes."""
    assert blocks([point(f"holding:{i}") for i in range(126)]) == [(3, 0, 125), (3, 125, 1)]
    assert blocks([point(f"coil:{i}") for i in range(2001)]) == [(1, 0, 2000), (1, 2000, 1)]


def test_a_value_is_never_cut_in_two() -> None:
    """collectors.md (telegraf#14387): a value across the boundary of a request overflowed."""
    points = [point(f"holding:{i}") for i in range(123)] + [point("holding:123", type="float64")]
    assert blocks(points) == [(3, 0, 123), (3, 123, 4)]


def test_a_string_as_long_as_a_request_is_one() -> None:
    """collectors.md (telegraf#13482): a field longer than its request."""
    assert blocks([point("holding:1", type="string", length=125), point("holding:0")]) == [(3, 0, 1), (3, 1, 125)]


def test_points_on_the_same_registers_share_them() -> None:
    points = [point(f"holding:5.{bit}") for bit in range(16)] + [point("holding:5"), point("holding:4", type="uint32")]
    assert blocks(points) == [(3, 4, 2)]


def test_the_whole_table_to_its_last_register() -> None:
    assert blocks([point("holding:65535")]) == [(3, 65535, 1)]
    assert blocks([point("holding:65534", type="uint32")]) == [(3, 65534, 2)]


# -- the fewest --------------------------------------------------------------------------------------------------------
def fewest(points: list[Point], most: int, gap: int) -> int:
    """By trying every set of points that one request may bring; written down as the rule says, not as the planner."""
    spans = [(place(p).address, place(p).address + width(p)) for p in points]
    taken = set(chain.from_iterable(range(*span) for span in spans))

    def allowed(members: tuple[int, ...]) -> bool:
        start, end = min(spans[i][0] for i in members), max(spans[i][1] for i in members)
        holes = "".join("x" if r in taken else "." for r in range(start, end)).replace("x", " ").split()
        return end - start <= most and all(len(hole) <= gap for hole in holes)

    everything = tuple(range(len(points)))
    sets = [set(m) for n in everything for m in combinations(everything, n + 1) if allowed(m)]
    for count in range(1, len(points) + 1):
        if any(set().union(*chosen) == set(everything) for chosen in combinations(sets, count)):
            return count
    raise AssertionError("each point alone is allowed")


some_points = st.lists(
    st.builds(
        lambda address, kind: point(f"holding:{address}", type=kind),
        st.integers(0, 14),
        st.sampled_from(["uint16", "int16", "uint32", "float64"]),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(some_points, st.integers(4, 8), st.integers(0, 2))
def test_no_other_way_needs_fewer_requests(points: list[Point], most: int, gap: int) -> None:
    made = requests(points, gap, registers=most)
    assert len(made) == fewest(points, most, gap)
    assert sorted(i for r in made for i in r.points) == list(range(len(points)))
    for request in made:
        first = min(place(points[i]).address for i in request.points)
        last = max(place(points[i]).address + width(points[i]) for i in request.points)
        assert (request.address, request.count) == (first, last - first)
        assert request.count <= most


# -- groups ------------------------------------------------------------------------------------------------------------
def test_a_group_is_read_at_one_interval_from_one_unit() -> None:
    points = [
        point("holding:1", "slow", every=10_000_000_000),
        point("holding:0", "fast"),
        point("holding:0", "other", unit=7),
        point("input:0", "too"),
    ]
    groups = plan(source(unit=1), points)
    assert [(g.layout.group, [p.name for p in g.points]) for g in groups] == [
        ("poll 10s 1", ["slow"]),
        ("poll 1s 1", ["fast", "too"]),
        ("poll 1s 7", ["other"]),
    ]


@pytest.mark.parametrize(
    ("every", "name"),
    [
        (100_000_000, "poll 0.1s 1"),
        (1_500_000_000, "poll 1.5s 1"),
        (60_000_000_000, "poll 1min 1"),
        (90_000_000_000, "poll 90s 1"),
        (7_200_000_000_000, "poll 2h 1"),
    ],
)
def test_a_group_is_named_after_its_interval_and_unit(every: int, name: str) -> None:
    assert plan(source(), [point("holding:0", every=every)])[0].layout.group == name


def test_columns_stand_by_kind_then_in_the_order_in_which_they_are_read() -> None:
    points = [
        point("holding:9", "text", type="string", length=2),
        point("holding:3", "count"),
        point("holding:5", "power", type="float32"),
        point("coil:0", "on"),
        point("holding:1", "flow", type="float32"),
    ]
    (group,) = plan(source(), points)
    assert [(c.point, c.kind) for c in group.layout.columns] == [
        ("flow", "float"),
        ("power", "float"),
        ("on", "int"),
        ("count", "int"),
        ("text", "text"),
    ]


def test_the_deadline_of_a_group_is_the_longest_of_its_points() -> None:
    assert plan(source(timeout=None), [point("holding:0")])[0].deadline == 1_000_000_000
    assert plan(source(timeout=5), [point("holding:0"), point("holding:1", timeout=9)])[0].deadline == 9


def test_the_plan_says_what_it_costs() -> None:
    points = [point("holding:0", type="float64"), point("input:7"), point("coil:3"), point("coil:4")]
    assert summary(plan(source(), points)) == "3 requests for 5 registers and 2 bits"
    assert summary(plan(source(), points[1:2])) == "1 request for 1 register"
    assert summary(plan(source(), [])) == "0 requests for nothing"


# -- taking a refused block apart --------------------------------------------------------------------------------------
def test_a_refused_block_first_loses_its_holes() -> None:
    points = [point("holding:0", gap=1), point("holding:2", gap=1), point("holding:3", gap=1)]
    (block,) = requests(points, 0)
    assert [(r.address, r.count) for r in split(block, points)] == [(0, 1), (2, 2)]


def test_a_block_without_holes_is_halved_between_points() -> None:
    points = [point("holding:0", type="float64"), point("holding:4"), point("holding:5")]
    (block,) = requests(points, 0)
    assert [(r.address, r.count, r.points) for r in split(block, points)] == [(0, 4, (0,)), (4, 2, (1, 2))]


def test_what_lies_on_the_same_registers_cannot_be_taken_apart() -> None:
    points = [point(f"holding:5.{bit}") for bit in range(16)]
    (block,) = requests(points, 0)
    assert split(block, points) == []


@settings(max_examples=100, deadline=None)
@given(some_points)
def test_taking_apart_ends_at_single_spans_and_loses_no_point(points: list[Point]) -> None:
    pending: list[Request] = requests(points, 2)
    leaves: list[Request] = []
    for _ in range(100):
        if not pending:
            break
        request = pending.pop()
        parts = split(request, points)
        assert all(len(part.points) < len(request.points) for part in parts)
        pending += parts
        leaves += [] if parts else [request]
    assert not pending
    assert sorted(i for leaf in leaves for i in leaf.points) == list(range(len(points)))
    for leaf in leaves:
        assert len({(place(points[i]).address, width(points[i])) for i in leaf.points}) == 1


def test_every_type_takes_as_many_registers_as_it_has_bits() -> None:
    assert {kind: width(point("holding:0", type=kind)) for kind in TYPES} == TYPES
