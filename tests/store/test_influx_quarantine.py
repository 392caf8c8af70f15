"""What was refused is kept: durable, bounded, once, and shared by the agent and a command."""

import json
from pathlib import Path

from store.influx.delivery import Refused
from store.influx.quarantine import NAME, Held, Quarantine


def refused(*numbers: int, why: str = "400 because") -> list[Refused]:
    return [Refused(f'asset,asset=a,plant=p t="é {number}" {number}'.encode(), why) for number in numbers]


def held(quarantine: Quarantine) -> list[int]:
    return [int(one.line.rsplit(" ", 1)[1]) for one in quarantine.all()]


def test_kept_with_the_message_and_the_time(tmp_path: Path) -> None:
    assert Quarantine(tmp_path).add(refused(1), 77) == 0
    assert Quarantine(tmp_path).all() == [Held(77, 'asset,asset=a,plant=p t="é 1" 1', "400 because")]


def test_none_without_a_file(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    assert quarantine.add([], 1) == 0
    assert (quarantine.count, quarantine.all()) == (0, [])
    assert not (tmp_path / NAME).exists()


def test_the_same_line_is_there_once(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.add(refused(1, 2, 1), 1)
    quarantine.add(refused(2, 3), 2)
    assert held(quarantine) == [1, 2, 3]
    assert quarantine.count == 3


def test_bounded_the_oldest_go_and_are_counted(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, most=10)
    assert quarantine.add(refused(*range(10)), 1) == 0
    assert quarantine.add(refused(10), 2) == 2  # down to nine tenths
    assert held(quarantine) == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert quarantine.add(refused(11), 3) == 0


def test_bounded_in_bytes(tmp_path: Path) -> None:
    one = len(Held(1, refused(1)[0].line.decode(), "400 because").record())
    quarantine = Quarantine(tmp_path, size=10 * one)
    for number in range(1, 10):
        assert quarantine.add(refused(number), 1) == 0
    gone = quarantine.add(refused(*range(11, 21)), 1)
    assert gone == 19 - len(held(quarantine))
    assert (tmp_path / NAME).stat().st_size <= 10 * one
    assert held(quarantine)[-1] == 20


def test_what_was_taken_after_all_goes_and_what_came_meanwhile_stays(tmp_path: Path) -> None:
    agent, command = Quarantine(tmp_path), Quarantine(tmp_path)
    agent.add(refused(1, 2, 3), 1)
    seen = command.all()
    agent.add(refused(4), 2)
    command.release(one for one in seen if not one.line.endswith(" 2"))
    assert held(agent) == [2, 4]
    agent.add(refused(5), 3)
    assert held(command) == [2, 4, 5]


def test_a_line_torn_by_a_power_cut_costs_only_itself(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.add(refused(1, 2), 1)
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole[:-5])
    assert held(Quarantine(tmp_path)) == [1]
    Quarantine(tmp_path).add(refused(3), 2)
    assert held(Quarantine(tmp_path)) == [1, 3]
    assert [json.loads(line)["time"] for line in (tmp_path / NAME).read_bytes().splitlines()[::2]] == [1, 2]
