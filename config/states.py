"""State maps that ship with Gemba: what the states of a standard mean here, as data that names its source."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from config.document import Node, read

FOLDER = Path(__file__).parent / "data" / "states"


@cache
def maps() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in FOLDER.glob("*.yaml")))


@cache
def shipped(name: str) -> Mapping[str, str]:
    """Reading, as text, to state."""
    root, _ = read(FOLDER / f"{name}.yaml")
    states = root.value["states"].value if isinstance(root.value, dict) else {}
    return (
        {key: node.text for key, node in states.items() if isinstance(node, Node)} if isinstance(states, dict) else {}
    )
