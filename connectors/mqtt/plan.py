"""Points become subscriptions, and each topic the groups of points that its messages carry: one group, one frame.

Pure. A topic with wildcards belongs to an asset when it names it: one of the levels that `+` stands for is the asset's
id; where only `#` stands in it, any level of the topic is. So one description serves a hundred machines, and no
machine's message is taken for another's. What is subscribed to is what the plant file says, less what a wider one of
its own topics brings already.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from config.addresses import SPARKPLUG
from config.json_path import Path, parse
from config.plant import MqttAddress, Point


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Points whose values stand in the same messages, and under which name their time stands there."""

    name: str
    points: tuple[Point, ...]
    time: Path | None = None


def place(point: Point) -> MqttAddress:
    """Where it is found; the loader gives no other address to a point of an MQTT source."""
    assert isinstance(point.at, MqttAddress)
    return point.at


def is_sparkplug(point: Point) -> bool:
    return place(point).topic.startswith(SPARKPLUG)


def wild(topic: str) -> bool:
    return "+" in topic or "#" in topic


# -- matching ----------------------------------------------------------------------------------------------------------
def stands_for(pattern: str, topic: str) -> tuple[list[str], list[str]] | None:
    """What each `+` of a pattern stands for in this topic, and what `#` does; None where it does not match."""
    asked, levels = pattern.split("/"), topic.split("/")
    rest: list[str] = []
    if asked[-1] == "#":
        asked.pop()
        levels, rest = levels[: len(asked)], levels[len(asked) :]
    if len(asked) != len(levels):
        return None
    if asked != levels and any(a not in ("+", level) for a, level in zip(asked, levels, strict=True)):
        return None
    if topic.startswith("$") and pattern[:1] in ("+", "#"):
        return None
    return [level for a, level in zip(asked, levels, strict=True) if a == "+"], rest


def belongs(point: Point, topic: str) -> bool:
    """Whether this topic's messages carry the point."""
    pattern = place(point).topic
    if not wild(pattern):
        return pattern == topic
    found = stands_for(pattern, topic)
    if found is None:
        return False
    return point.asset in (found[0] if "+" in pattern else topic.split("/"))


def belongs_to_node(point: Point, group: str, node: str, device: str) -> bool:
    """The same at Sparkplug, for any type of message; the points of the node itself have no device."""
    asked = place(point).topic.split("/")[1:2] + place(point).topic.split("/")[3:]
    given = [group, node, device] if device else [group, node]
    if len(asked) != len(given) or any(a not in ("+", g) for a, g in zip(asked, given, strict=True)):
        return False
    free = [g for a, g in zip(asked, given, strict=True) if a == "+"]
    return not free or point.asset in free


# -- subscriptions -----------------------------------------------------------------------------------------------------
def covers(wider: str, narrower: str) -> bool:
    """Whether a subscription to the one brings all that the other would."""
    asked, given = wider.split("/"), narrower.split("/")
    for index, level in enumerate(asked):
        if level == "#":
            return index > 0 or not narrower.startswith("$")
        if index >= len(given) or given[index] == "#" or level not in ("+", given[index]):
            return False
    return len(asked) == len(given)


def subscription(point: Point) -> str:
    """The filter that brings a point. At Sparkplug it is that of a whole edge node: its births name the metrics, and
    its sequence numbers run over all of its devices."""
    topic = place(point).topic
    if not is_sparkplug(point):
        return topic
    prefix, group, _, node = topic.split("/")[:4]
    return f"{prefix}/{group}/+/{node}/#"


def subscriptions(points: Iterable[Point]) -> tuple[str, ...]:
    """The fewest filters that bring all points, none of them covered by another."""
    asked = dict.fromkeys(subscription(point) for point in points)
    wide = [topic for topic in asked if wild(topic)]
    return tuple(topic for topic in asked if not any(other != topic and covers(other, topic) for other in wide))


# -- groups ------------------------------------------------------------------------------------------------------------
class Topics:
    """Which groups of points a topic carries. Those of Sparkplug are not among them."""

    def __init__(self, points: Iterable[Point]) -> None:
        exact: dict[str, list[Point]] = {}
        wide: dict[str, list[Point]] = {}
        for point in points:
            topic = place(point).topic
            if topic.count("+") == 1 and "#" not in topic:
                topic = topic.replace("+", point.asset)
            if not is_sparkplug(point):
                (wide if wild(topic) else exact).setdefault(topic, []).append(point)
        self._exact = {topic: _grouped(topic, own) for topic, own in exact.items()}
        self._wide = {topic: _grouped(topic, own) for topic, own in wide.items()}

    @property
    def groups(self) -> list[Group]:
        return [group for own in (*self._exact.values(), *self._wide.values()) for group in own]

    def carried(self, topic: str) -> list[Group]:
        """The groups of a topic that was seen: those under its own name, and those of wildcards that belong to it."""
        found = list(self._exact.get(topic, ()))
        for pattern, groups in self._wide.items():
            if stands_for(pattern, topic) is not None:
                found += [group for group in groups if belongs(group.points[0], topic)]
        return found


def _grouped(topic: str, points: Sequence[Point]) -> list[Group]:
    """One group for each name of a time; where wildcards leave the topic open, also one for each asset."""
    found: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        found.setdefault((point.asset if wild(topic) else "", place(point).time or ""), []).append(point)
    return [
        Group(" ".join(filter(None, ("topic", topic, asset, time))), tuple(own), parse(time) if time else None)
        for (asset, time), own in found.items()
    ]
