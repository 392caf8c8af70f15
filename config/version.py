"""A plant file with the files that its numbers hang on, as one document that a store keeps, and the plant again.

Secrets are no part of it: a plant file only names where they are.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.faults import Fault, PlantError
from config.files import kept
from config.load import load
from config.plant import Plant


def version(of: Plant) -> dict[str, Any]:
    """The document: what `load` read, as it was read."""
    files = {name: _told(content) for name, content in of.files.items() if name != str(of.file)}
    return {"sha256": of.sha256, "file": str(of.file), "text": of.files[str(of.file)].decode(), "files": files}


def _told(content: bytes) -> Any:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(content).decode()}


def plant_of(told: Mapping[str, Any]) -> Plant:
    """Raises PlantError, also for a document that this release cannot understand."""
    try:
        file = str(told["file"])
        files = {str(name): _content(one) for name, one in told["files"].items()}
        files[file] = str(told["text"]).encode()
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        why = f"not a plant version: {error!r}"
        raise PlantError([Fault("", 0, "", why, None, "restart its agent, which writes it again")]) from None
    with kept(files):
        return load(Path(file))


def _content(told: Any) -> bytes:
    return told.encode() if isinstance(told, str) else b64decode(told["base64"])
