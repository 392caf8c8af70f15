"""A secret is read when a connection needs it, and never shown."""

import os

from config.plant import Secret
from connectors.base import Disconnected


def secret(of: Secret) -> str:
    """The text of a secret. Raises `Disconnected` where it is not there."""
    try:
        return os.environ[of.env] if of.env else of.file.read_text("utf-8").strip() if of.file else ""
    except (OSError, KeyError, UnicodeDecodeError):
        raise Disconnected(f"the secret in {of.env or of.file} cannot be read") from None
