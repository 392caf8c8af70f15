"""docs/commands.md has every command with every argument and option that it takes, and no other."""

import argparse
import importlib
import re
from pathlib import Path

import pytest

import config
from gemba.cli import COMMANDS

PAGE = (Path(config.__file__).parent.parent / "docs" / "commands.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([a-z]+)` \| (.*) \|$", PAGE, re.MULTILINE))


def test_every_command_is_there() -> None:
    assert list(COMMANDS) == [name for name in ROWS if name in COMMANDS]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_there(name: str) -> None:
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(f"gemba.commands.{name + '_' * (name == 'import')}").configure(parser)
    options = [action.option_strings[-1] for action in parser._actions if action.option_strings]
    told = re.findall(r"`([^`]+)`", ROWS[name])
    assert [word for word in told if word.startswith("--")] == options
