"""Births, data and deaths, and what is lost between them. Sparkplug 3.0, sections 5 and 6."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.connectors.mqtt.nodes import MS_NOW, alive, bd_seq, node, nodes, one, press, topic
from tests.connectors.mqtt.points import NOW, SECOND, point, said
from tests.connectors.mqtt.proto import DATATYPES, MS, metric, payload


# -- births ------------------------------------------------------------------------------------------------------------
def test_a_birth_defines_metrics_and_aliases() -> None:
    made = nodes(press(), press("state", "State"), node())
    metrics = metric("Total", 100, "UInt32", 1), metric("State", "RUN", "String", 2), metric("Other", 1.5, "Double", 3)
    assert made.frames(topic("NBIRTH"), payload(bd_seq(0), seq=0), NOW)[0].layout.group == "sparkplug plant/edge-1"
    (born,) = made.frames(topic("DBIRTH", "press"), payload(*metrics, seq=1, ms=MS_NOW), NOW)
    assert said(born) == {"press.total": 100, "press.state": "RUN"}
    assert (born.time, born.live) == (NOW, True)
    assert [(c.point, c.kind) for c in born.layout.columns] == [("total", "int"), ("state", "text")]
    data = payload(
        metric(alias=1, value=101), metric(alias=3, value=2.5), metric(alias=77, value=9), seq=2, ms=MS_NOW + 1
    )
    (frame,) = made.frames(topic("DDATA", "press"), data, NOW)
    assert said(frame) == {"press.total": 101}
    assert frame.time == NOW + MS
    named = payload(metric("State", "IDLE"), seq=3, ms=MS_NOW + 2)
    assert one(made.frames(topic("DDATA", "press"), named, NOW)) == {"press.state": "IDLE"}


def test_a_metric_that_the_birth_does_not_know_is_unknown_to_the_device() -> None:
    made = nodes(press(), press("good", "Good"))
    made.frames(topic("NBIRTH"), payload(bd_seq(0), seq=0), NOW)
    born = payload(metric("Total", 100, "UInt32", 1), seq=1)
    assert one(made.frames(topic("DBIRTH", "press"), born, NOW)) == {
        "press.total": 100,
        "press.good": "BadNodeIdUnknown",
    }


def test_data_before_its_birth_waits_for_it() -> None:
    made = nodes(press())
    early = payload(metric(alias=1, value=101), seq=7)
    (frame,) = made.frames(topic("DDATA", "press"), early, NOW)
    assert said(frame) == {"press.total": "BadWaitingForInitialData"}
    assert not frame.live
    alive(made)
    assert one(made.frames(topic("DDATA", "press"), payload(metric(alias=1, value=101), seq=2), NOW)) == {
        "press.total": 101
    }


def test_a_birth_says_what_is_so_when_it_is_sent() -> None:
    """A value that came about an hour ago is known again now, behind the gap and not before it."""
    made = nodes(press())
    made.frames(topic("NBIRTH"), payload(bd_seq(0), seq=0, ms=MS_NOW), NOW)
    old = metric("Total", 100, "UInt32", 1, ms=MS_NOW - 3_600_000)
    (frame,) = made.frames(topic("DBIRTH", "press"), payload(old, seq=1, ms=MS_NOW), NOW + 5)
    assert frame.time == NOW
    assert frame.source_times is not None
    assert frame.source_times.tolist() == [NOW - 3600 * SECOND]


def test_a_new_birth_may_mean_something_else_by_an_alias() -> None:
    """collectors.md 17: identifiers move when a server restarts."""
    made = nodes(press(), press("good", "Good"))
    alive(made)
    made.frames(topic("NBIRTH"), payload(bd_seq(1), seq=0), NOW)
    metrics = metric("Good", 90, "UInt32", 1), metric("Total", 100.5, "Double", 2)
    (born,) = made.frames(topic("DBIRTH", "press"), payload(*metrics, seq=1), NOW)
    assert said(born) == {"press.total": 100.5, "press.good": 90}
    assert [(c.point, c.kind) for c in born.layout.columns] == [("total", "float"), ("good", "int")]
    data = payload(metric(alias=1, value=91), seq=2)
    assert one(made.frames(topic("DDATA", "press"), data, NOW)) == {"press.good": 91}


def test_a_rebirth_in_the_same_life_is_no_gap() -> None:
    made = nodes(press(), node())
    alive(made)
    again = payload(bd_seq(0), metric("Uptime", 6, "Int64", 9), seq=0)
    assert one(made.frames(topic("NBIRTH"), again, NOW)) == {"edge.uptime": 6}
    data = payload(metric(alias=1, value=101), seq=1)
    assert one(made.frames(topic("DDATA", "press"), data, NOW)) == {"press.total": 101}


def test_a_new_life_of_the_node_ends_what_is_known_of_its_devices() -> None:
    made = nodes(press(), node())
    alive(made)
    again = payload(bd_seq(1), metric("Uptime", 0, "Int64", 9), seq=0)
    frames = made.frames(topic("NBIRTH"), again, NOW)
    assert [said(frame) for frame in frames] == [{"press.total": "BadWaitingForInitialData"}, {"edge.uptime": 0}]


# -- deaths ------------------------------------------------------------------------------------------------------------
def test_a_death_of_the_node_is_that_of_its_devices() -> None:
    made = nodes(press(), node())
    alive(made, bd=3)
    frames = made.frames(topic("NDEATH"), payload(bd_seq(3), ms=MS_NOW - 10**6), NOW + 1)
    assert [said(frame) for frame in frames] == [
        {"edge.uptime": "BadNoCommunication"},
        {"press.total": "BadNoCommunication"},
    ]
    assert {frame.time for frame in frames} == {NOW + 1}  # the will was written when the node connected
    late = payload(metric(alias=1, value=7), seq=2)
    assert one(made.frames(topic("DDATA", "press"), late, NOW)) == {"press.total": "BadWaitingForInitialData"}


def test_the_will_of_an_earlier_life_comes_too_late() -> None:
    made = nodes(press(), node())
    alive(made, bd=4)
    assert made.frames(topic("NDEATH"), payload(bd_seq(3)), NOW) == []
    data = payload(metric(alias=1, value=101), seq=2)
    assert one(made.frames(topic("DDATA", "press"), data, NOW)) == {"press.total": 101}


def test_a_death_of_a_device_is_its_own() -> None:
    made = nodes(press(), node(), point("total", "spBv1.0/plant/+/edge-1/saw", "Total", asset="saw"))
    alive(made)
    made.frames(topic("DBIRTH", "saw"), payload(metric("Total", 5, "Int32", 21), seq=2), NOW)
    (frame,) = made.frames(topic("DDEATH", "press"), payload(seq=3, ms=MS_NOW + 1), NOW + SECOND)
    assert said(frame) == {"press.total": "BadNoCommunication"}
    assert frame.time == NOW + MS
    data = payload(metric(alias=21, value=6), seq=4)
    assert one(made.frames(topic("DDATA", "saw"), data, NOW)) == {"saw.total": 6}


# -- sequences ---------------------------------------------------------------------------------------------------------
def test_a_message_that_is_missing_ends_what_is_known_of_the_node() -> None:
    made = nodes(press(), press("state", "State"), node())
    alive(made)
    data = payload(metric(alias=1, value=105, ms=MS_NOW + 900), seq=5, ms=MS_NOW + 900)
    *gaps, frame = made.frames(topic("DDATA", "press"), data, NOW + SECOND)
    assert [said(one) for one in gaps] == [
        {"edge.uptime": "BadDataLost"},
        {"press.total": "BadDataLost", "press.state": "BadDataLost"},
    ]
    assert {one.time for one in gaps} == {NOW + 1}  # right behind the last message before it
    assert said(frame) == {"press.total": 105}
    again = payload(metric(alias=2, value="RUN"), seq=6)
    assert one(made.frames(topic("DDATA", "press"), again, NOW)) == {"press.state": "RUN"}


def test_who_is_not_born_has_nothing_to_lose() -> None:
    made = nodes(press(), node())
    made.frames(topic("DDATA", "press"), payload(metric(alias=1, value=5), seq=2), NOW)
    born = payload(metric("Total", 100, "UInt32", 1), seq=7)
    assert one(made.frames(topic("DBIRTH", "press"), born, NOW)) == {"press.total": 100}


def test_sequence_numbers_run_over_all_devices_and_around() -> None:
    made = nodes(press(), node())
    alive(made)
    for step in range(2, 600):
        where = topic("DDATA", ("press", "")[step % 2] or "nobody-asked-for") if step % 3 else topic("NDATA")
        frames = made.frames(where, payload(metric(alias=1, value=step), seq=step % 256), NOW)
        assert all("BadDataLost" not in said(frame).values() for frame in frames)


def test_what_the_broker_sends_again_is_not_lost_and_not_new() -> None:
    made = nodes(press())
    alive(made)
    data = payload(metric(alias=1, value=101), seq=2)
    assert one(made.frames(topic("DDATA", "press"), data, NOW)) == {"press.total": 101}
    assert made.frames(topic("DDATA", "press"), data, NOW, dup=True) == []
    following = payload(metric(alias=1, value=102), seq=3)
    assert one(made.frames(topic("DDATA", "press"), following, NOW, dup=True)) == {"press.total": 102}


def test_a_new_connection_begins_a_new_sequence() -> None:
    """What was missed meanwhile is the gap that the agent wrote when it was disconnected."""
    made = nodes(press())
    alive(made)
    made.begun()
    data = payload(metric(alias=1, value=150), seq=77)
    assert one(made.frames(topic("DDATA", "press"), data, NOW)) == {"press.total": 150}


# -- what is kept ------------------------------------------------------------------------------------------------------
def test_births_outlive_a_restart() -> None:
    made = nodes(press(), press("state", "State"), node())
    alive(made, bd=7)
    assert made.changed
    kept = json.loads(json.dumps(made.births))
    after = nodes(press(), press("state", "State"), node(), births=kept)
    data = payload(metric(alias=1, value=4294967295), metric(alias=2, value="007"), seq=9)
    (frame,) = after.frames(topic("DDATA", "press"), data, NOW)
    assert said(frame) == {"press.total": 4294967295, "press.state": "007"}
    assert after.frames(topic("NDEATH"), payload(bd_seq(6)), NOW) == []
    assert len(after.frames(topic("NDEATH"), payload(bd_seq(7)), NOW)) == 2
    assert after.births["plant/edge-1"]["devices"] == {}


def test_a_point_that_is_new_in_the_plant_file_waits_for_the_next_birth() -> None:
    made = nodes(press())
    alive(made)
    after = nodes(press(), press("state", "State"), births=json.loads(json.dumps(made.births)))
    data = payload(metric(alias=1, value=101), metric(alias=2, value="RUN"), seq=9)
    assert one(after.frames(topic("DDATA", "press"), data, NOW)) == {"press.total": 101}


# -- everything else ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "where",
    [
        "spBv1.0/STATE/scada-1",
        "STATE/scada-1",
        topic("NCMD"),
        topic("DCMD", "press"),
        "spBv1.0/plant/DDATA/edge-1/press/more",
        "spBv1.0/plant/DDATA",
        "spBv1.0/",
    ],
)
def test_what_is_not_said_by_a_device_is_not_listened_to(where: str) -> None:
    made = nodes(press(), node())
    alive(made)
    assert made.frames(where, payload(metric(alias=1, value=5), seq=9), NOW) == []


def test_bytes_that_are_no_payload_are_bad_for_their_device() -> None:
    made = nodes(press())
    alive(made)
    assert one(made.frames(topic("DDATA", "press"), b"\x12\xff\xff", NOW)) == {"press.total": "BadDecodingError"}


kinds = st.sampled_from(["NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"])
metrics = st.builds(
    metric,
    name=st.sampled_from([None, "Total", "State", "bdSeq", "X"]),
    value=st.one_of(st.none(), st.integers(0, 2**64 - 1), st.booleans(), st.floats(width=32), st.binary(max_size=4)),
    kind=st.sampled_from([None, *DATATYPES]),
    alias=st.sampled_from([None, 1, 2, 3]),
    ms=st.sampled_from([None, 0, MS_NOW, 2**64 - 1]),
    historical=st.booleans(),
    null=st.booleans(),
    field=st.sampled_from([None, 10, 11]),
)
bodies = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda ms, many, seq: payload(*many, seq=seq, ms=ms),
        st.sampled_from([None, 0, MS_NOW, 2**64 - 1]),
        st.lists(metrics, max_size=4),
        st.sampled_from([None, 0, 1, 2, 255, 2**64 - 1]),
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(kinds, st.booleans(), bodies, st.booleans()), max_size=8))
def test_whatever_is_published_becomes_sound_frames(came: list[tuple[str, bool, bytes, bool]]) -> None:
    made = nodes(press(), press("state", "State"), press("x", "X", type="int16"), node("total", "Total"))
    for kind, of_device, body, dup in came:
        for frame in made.frames(topic(kind, "press" if of_device else ""), body, NOW, dup):
            columns = np.arange(len(frame.layout.columns)) if frame.columns is None else frame.columns
            split, end = frame.layout.floats, frame.layout.floats + frame.layout.ints
            assert (np.diff(columns) >= 0).all()
            assert len(frame.floats) == (columns < split).sum()
            assert len(frame.ints) == ((columns >= split) & (columns < end)).sum()
            assert len(frame.texts) == (columns >= end).sum()
            for text in frame.texts:
                text.encode()
    assert json.loads(json.dumps(made.births)) is not None
