"""A plant file with the files that its numbers hang on, as one document that a store keeps, and the plant again.

Secrets are no part of it: a plant file only names where they are. What is no text, or more of it than a database takes
as one field (1 MiB), is packed.
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.faults import Fault, PlantError
from config.files import kept
from config.load import load
from config.plant import Plant

PLAIN = 200_000  # bytes of a file that are kept as they are


def version(of: Plant) -> dict[str, Any]:
    """The document: what `load` read, as it was read."""
    files = {name: _told(content) for name, content in of.files.items() if name != str(of.file)}
    return {"sha256": of.sha256, "file": str(of.file), "text": _told(of.files[str(of.file)]), "files": files}


def _told(content: bytes) -> Any:
    try:
        if len(content) <= PLAIN:
            return content.decode()
    except UnicodeDecodeError:
        pass
    return {"zlib": b64encode(zlib.compress(content)).decode()}


def plant_of(told: Mapping[str, Any]) -> Plant:
    """Raises PlantError, also for a document that this release cannot understand."""
    try:
        file = str(told["file"])
        files = {str(name): _content(one) for name, one in told["files"].items()}
        files[file] = _content(told["text"])
    except (LookupError, TypeError, ValueError, AttributeError, zlib.error) as error:
        why = f"not a plant version: {error!r}"
        raise PlantError([Fault("", 0, "", why, None, "restart its agent, which writes it again")]) from None
    with kept(files):
        return load(Path(file))


def _content(told: Any) -> bytes:
    return told.encode() if isinstance(told, str) else zlib.decompress(b64decode(told["zlib"]))
