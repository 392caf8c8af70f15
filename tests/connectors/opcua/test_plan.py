"""Nodes, kinds, groups and limits, before anything is sent."""

import struct
from pathlib import Path

import pytest
from asyncua.ua import uatypes
from hypothesis import given
from hypothesis import strategies as st

from config.load import load
from config.plant import SECOND, Source
from connectors.base import Disconnected
from connectors.opcua import plan
from connectors.opcua.plan import Limits
from connectors.opcua.subscribe import depth
from connectors.opcua.wire import Type
from tests.connectors.opcua.plants import PATIENT, point, source

NAMESPACES = ["http://opcfoundation.org/UA/", "urn:server", "urn:cell:cnc", "urn:odd;50%"]


@pytest.mark.parametrize(
    ("written", "index", "identifier"),
    [
        ("ns=2;s=CNC01.Parts", 2, "CNC01.Parts"),
        ("nsu=urn:cell:cnc;s=CNC01.State", 2, "CNC01.State"),
        ("nsu=urn:odd%3B50%25;i=7", 3, 7),
        ("i=2258", 0, 2258),
        ('ns=3;s="DB_Press"."Count";x=1', 3, '"DB_Press"."Count";x=1'),
        ("ns=1;b=AQI=", 1, b"\1\2"),
        ("nsu=urn:elsewhere;s=CNC01.State", 65535, "CNC01.State"),
        ("ns=2;i=9999999999", 65535, 0),
    ],
)
def test_nodes(written: str, index: int, identifier: object) -> None:
    found = plan.node(written, NAMESPACES)
    assert (found.NamespaceIndex, found.Identifier) == (index, identifier)


@given(
    st.sampled_from([0, 1, 2, 3]),
    st.one_of(st.text(st.characters(exclude_categories=("C",)), min_size=1), st.integers(0, 2**32 - 1), st.uuids()),
)
def test_an_address_finds_its_node_again(index: int, identifier: object) -> None:
    node = uatypes.NodeId(identifier, index)  # type: ignore[arg-type]
    written = plan.address(node, NAMESPACES)
    assert plan.node(written, NAMESPACES) == node
    moved = ["http://opcfoundation.org/UA/", "urn:server", "urn:new", *NAMESPACES[2:]]
    assert plan.node(written, moved).NamespaceIndex == index + (index > 1)


def groups(most: int, *names: str) -> list[plan.Group]:
    of = source("opc.tcp://x")
    items = [plan.Item(point(name, of), plan.node(f"s={name}", [])) for name in names]
    return plan.groups(of, "poll", items, most)


def test_groups_are_cut_at_what_one_call_may_name() -> None:
    """Collectors 19."""
    made = groups(3, *(f"n{i}" for i in range(7)))
    assert [len(group.items) for group in made] == [3, 3, 1]
    assert [group.layout.group for group in made] == ["poll 0.1s 0", "poll 0.1s 1", "poll 0.1s 2"]
    assert plan.summary(made, 0) == "3 requests for 7 nodes"
    assert plan.summary(made[2:], 2) == "1 request for 1 node, 2 subscriptions"


def test_points_of_another_interval_or_deadline_are_read_apart() -> None:
    of = source("opc.tcp://x")
    points = [point("a", of), point("b", of, every=SECOND), point("c", of, timeout=SECOND), point("d", of)]
    made = plan.groups(of, "poll", [plan.Item(p, plan.node("i=1", [])) for p in points], 100)
    assert [[item.point.name for item in group.items] for group in made] == [["a", "d"], ["b"], ["c"]]
    assert [(group.every, group.deadline) for group in made] == [
        *((SECOND // 10, PATIENT), (SECOND, PATIENT), (SECOND // 10, SECOND)),
    ]


def test_columns_stand_by_kind_and_only_grow_wider() -> None:
    (one,) = groups(9, "s", "f", "i", "never")
    one = plan.learned(one, {0: Type.STRING, 1: Type.DOUBLE, 2: Type.INT16})
    assert [(c.point, c.kind) for c in one.layout.columns] == [
        *(("f", "float"), ("never", "float"), ("i", "int"), ("s", "text")),
    ]
    same = plan.learned(one, {0: Type.INT32, 3: Type.DOUBLE, 1: Type.EXTENSION})
    assert same.layout == one.layout, "a float that says an int, a text that says a number, a structure: no other kind"
    wider = plan.learned(one, {1: Type.UINT32, 2: Type.FLOAT})
    assert [(c.point, c.kind) for c in wider.layout.columns] == [
        *(("f", "float"), ("i", "float"), ("never", "int"), ("s", "text")),
    ]


@pytest.mark.parametrize(
    ("profile", "said", "expected"),
    [
        (None, Limits(0, 0, 0), Limits(1000, 500, 1000)),
        (None, Limits(100, 0, 5000), Limits(100, 500, 1000)),
        ("s7-1200", Limits(1000, 1000, 1000), Limits(200, 200, 200)),
        ("s7-1200", Limits(50, 1000, 0), Limits(50, 200, 200)),
    ],
)
def test_limits(profile: str | None, said: Limits, expected: Limits) -> None:
    assert plan.limits(profile, said) == expected


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(Disconnected, match="profile s7-12000 is not known; known are s7-1200"):
        plan.limits("s7-12000", Limits())


def test_a_request_fits_the_servers_buffer() -> None:
    """Collectors 19, BadTcpMessageTooLarge: 8192 bytes less 256 for the header, an item being its node and 16 bytes."""
    of = source("opc.tcp://x")
    items = [plan.Item(point("n", of), plan.node("ns=2;s=" + "x" * 41, NAMESPACES))]  # 1 + 2 + 4 + 41 = 48 bytes
    assert plan.fitting(items, 1000, 8192) == (8192 - 256) // (48 + 16)
    assert plan.fitting(items, 100, 8192) == 100
    assert plan.fitting(items, 100, 100) == 1


def test_a_request_is_encoded_as_the_specification_says() -> None:
    """OPC 10000-4, 5.11.2: maximum age, timestamps, and each node with its attribute, no range, default encoding."""
    data = plan.read_parameters([plan.node("i=2258", []), plan.node("ns=2;s=ab", NAMESPACES)])
    behind = struct.pack("<I", 13) + b"\xff\xff\xff\xff" + b"\0\0" + b"\xff\xff\xff\xff"
    assert data == (
        struct.pack("<dii", 0.0, 2, 2) + b"\x02\0\0" + struct.pack("<I", 2258) + behind
        + b"\x03\x02\0\x02\0\0\0ab" + behind
    )  # fmt: skip


@pytest.mark.parametrize(("seconds", "expected"), [(0.1, 10), (1, 40), (10, 400)])
def test_the_servers_queue_covers_two_publishing_periods(seconds: float, expected: int) -> None:
    assert depth(int(seconds * SECOND)) == expected


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Basic256Sha256", "Basic256Sha256"),
        ("Aes128Sha256RsaOaep", "Aes128_Sha256_RsaOaep"),
        ("Aes256_Sha256_RsaPss", "Aes256_Sha256_RsaPss"),
    ],
)
def test_a_policy_may_be_written_with_or_without_underscores(tmp_path: Path, written: str, kept: str) -> None:
    file = tmp_path / "plant.yaml"
    file.write_text(
        "plant: p\ntimezone: Asia/Shanghai\ndata: ./data\n"
        f'sources: {{cell: {{protocol: opcua, url: "opc.tcp://x:4840", security: {{policy: {written}}}}}}}\n'
    )
    assert load(file).sources["cell"].security.policy == kept


def test_the_sample_checks() -> None:
    import connectors.opcua

    found = load(Path(connectors.opcua.__file__).parent / "sample.yaml")
    kinds: set[type] = {type(one) for one in found.sources.values()}
    assert kinds == {Source}
    assert {one.protocol for one in found.sources.values()} == {"opcua"}
