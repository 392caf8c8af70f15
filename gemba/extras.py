"""What a command needs beyond the agent, which installs alone."""

import sys


def lacking(command: str, error: ImportError, extra: str) -> int:
    """Says what is not installed and how to get it; the exit code."""
    print(f"gemba {command}: needs {error.name}; in Gemba's folder run: pip install '.[{extra}]'", file=sys.stderr)
    return 1
