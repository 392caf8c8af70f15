"""Where a value stands in a JSON document: `a.b[0].c`; a key that holds a dot, a bracket or a quote is quoted,
`a."b.c"` or `a["b.c"]`."""

import re

Path = tuple[str | int, ...]
_STEP = re.compile(
    r"""(?:^|(?<=.)\.) (?: "(?P<quoted>(?:[^"\\]|\\.)*)" | (?P<bare>[^."\[\]]+) )
      | \[ (?: (?P<index>[0-9]{1,9}) | "(?P<key>(?:[^"\\]|\\.)*)" ) \]""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def parse(written: str) -> Path:
    """Keys and indices from the outside in. Raises ValueError, saying from where on it is no path."""
    steps: list[str | int] = []
    at = 0
    while at < len(written) or not steps:
        found = _STEP.match(written, at)
        if not found:
            raise ValueError(f"is no JSON path from `{written[at:]}` on")
        if found["index"] is not None:
            steps.append(int(found["index"]))
        elif found["bare"] is not None:
            steps.append(found["bare"])
        else:
            quoted = found["quoted"] if found["quoted"] is not None else found["key"]
            steps.append(_ESCAPED.sub(r"\1", quoted))
        at = found.end()
    return tuple(steps)


def written(path: Path) -> str:
    """A path as `parse` reads it."""
    parts = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif step and not re.search(r'[."\[\]]', step):
            parts.append(f".{step}" if parts else step)
        else:
            quoted = step.replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'["{quoted}"]')
    return "".join(parts)
