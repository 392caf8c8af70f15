"""Which topics are asked for, and whose a message is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.mqtt.plan import Topics, belongs, belongs_to_node, covers, stands_for, subscriptions
from tests.connectors.mqtt.points import point

# Pattern, topic, whether it matches: MQTT 3.1.1, sections 4.7.1 and 4.7.2, with their own examples.
MATCHES = [
    ("sport/tennis/player1/#", "sport/tennis/player1", True),
    ("sport/tennis/player1/#", "sport/tennis/player1/ranking", True),
    ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
    ("sport/#", "sport", True),
    ("#", "sport/tennis", True),
    ("sport/tennis/+", "sport/tennis/player1", True),
    ("sport/tennis/+", "sport/tennis/player1/ranking", False),
    ("sport/+", "sport", False),
    ("sport/+", "sport/", True),
    ("+/+", "/finance", True),
    ("/+", "/finance", True),
    ("+", "/finance", False),
    ("#", "$SYS/broker", False),
    ("+/monitor/Clients", "$SYS/monitor/Clients", False),
    ("$SYS/#", "$SYS/broker", True),
    ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
    ("a/b", "a/B", False),
]


@pytest.mark.parametrize(("pattern", "topic", "whether"), MATCHES)
def test_a_pattern_matches_as_the_standard_says(pattern: str, topic: str, whether: bool) -> None:
    assert (stands_for(pattern, topic) is not None) == whether


@pytest.mark.parametrize(
    ("topic", "asset", "seen", "whether"),
    [
        ("plant/+/telemetry", "oven", "plant/oven/telemetry", True),
        ("plant/+/telemetry", "oven", "plant/press/telemetry", False),
        ("plant/oven/telemetry", "press", "plant/oven/telemetry", True),  # literal: whoever's point it is
        ("+/+/telemetry", "oven", "hall-2/oven/telemetry", True),
        ("+/+/telemetry", "oven", "hall-2/press/telemetry", False),
        ("oven/+/telemetry", "oven", "oven/press/telemetry", False),  # a `+` is the asset's, whatever else is called so
        ("oven/#", "oven", "oven/a/b", True),
        ("plant/#", "oven", "plant/hall-2/oven/state", True),
        ("plant/#", "oven", "plant/hall-2/press/state", False),
        ("plant/+/#", "oven", "plant/oven/a/b", True),
        ("plant/+/#", "oven", "plant/press/oven", False),
    ],
)
def test_a_wildcard_stands_for_the_asset(topic: str, asset: str, seen: str, whether: bool) -> None:
    assert belongs(point("state", topic, "state", asset), seen) == whether


@pytest.mark.parametrize(
    ("topic", "asset", "node", "whether"),
    [
        ("spBv1.0/plant/+/edge-1/press", "press", ("plant", "edge-1", "press"), True),
        ("spBv1.0/plant/+/edge-1/press", "other", ("plant", "edge-1", "press"), True),
        ("spBv1.0/plant/DDATA/edge-1/press", "press", ("plant", "edge-1", "press"), True),
        ("spBv1.0/plant/+/edge-1", "press", ("plant", "edge-1", "press"), False),
        ("spBv1.0/plant/+/edge-1", "press", ("plant", "edge-1", ""), True),
        ("spBv1.0/plant/+/edge-1/+", "press", ("plant", "edge-1", "press"), True),
        ("spBv1.0/plant/+/edge-1/+", "press", ("plant", "edge-1", "oven"), False),
        ("spBv1.0/+/+/+/+", "press", ("plant", "edge-1", "press"), True),
        ("spBv1.0/plant/+/+", "edge-1", ("plant", "edge-1", ""), True),
    ],
)
def test_a_metric_belongs_to_a_device(topic: str, asset: str, node: tuple[str, str, str], whether: bool) -> None:
    assert belongs_to_node(point("state", topic, "State", asset), *node) == whether


def test_what_one_topic_brings_is_not_asked_for_twice() -> None:
    """Mosquitto sends a message once for each subscription that matches it."""
    topics = ["plant/+/telemetry", "plant/oven/telemetry", "plant/oven/state", "plant/+/+", "a/#", "a", "a/b/c"]
    points = [point(f"p{i}", topic, "v") for i, topic in enumerate(topics)]
    assert subscriptions(points) == ("plant/+/+", "a/#")


def test_a_whole_edge_node_is_asked_for() -> None:
    points = [point("a", "spBv1.0/plant/+/edge-1/press", "State"), point("b", "spBv1.0/plant/+/edge-1", "Uptime")]
    assert subscriptions(points) == ("spBv1.0/plant/+/edge-1/#",)


def test_points_of_one_message_are_one_group() -> None:
    points = [
        point("state", "plant/+/telemetry", "state", "oven"),
        point("power", "plant/+/telemetry", "power", "oven"),
        point("state", "plant/+/telemetry", "state", "press"),
        point("total", "plant/press/telemetry", "total", "press"),
        point("good", "plant/press/telemetry", "good", "press", time="ts"),
        point("alarm", "line/#", "alarm", "press"),
        point("alarm", "line/#", "alarm", "oven"),
    ]
    topics = Topics(points)
    assert {group.name: [f"{p.asset}.{p.name}" for p in group.points] for group in topics.groups} == {
        "topic plant/oven/telemetry": ["oven.state", "oven.power"],
        "topic plant/press/telemetry": ["press.state", "press.total"],
        "topic plant/press/telemetry ts": ["press.good"],
        "topic line/# press": ["press.alarm"],
        "topic line/# oven": ["oven.alarm"],
    }
    assert [group.name for group in topics.carried("plant/press/telemetry")] == [
        "topic plant/press/telemetry",
        "topic plant/press/telemetry ts",
    ]
    assert [group.name for group in topics.carried("line/2/oven")] == ["topic line/# oven"]
    assert topics.carried("plant/saw/telemetry") == []


levels = st.lists(st.sampled_from(["a", "b", "+", ""]), min_size=1, max_size=4)
patterns = st.tuples(levels, st.booleans()).map(lambda p: "/".join([*p[0], "#"] if p[1] else p[0])).filter(bool)
names = st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=5).map("/".join)


@settings(max_examples=300, deadline=None)
@given(patterns, patterns, st.lists(names, min_size=20, max_size=20))
def test_what_covers_another_matches_all_that_it_matches(wider: str, narrower: str, seen: list[str]) -> None:
    if covers(wider, narrower):
        for topic in seen:
            assert stands_for(narrower, topic) is None or stands_for(wider, topic) is not None
