"""What a server said to a request, and what that means for the lines it was given."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

Verdict = Literal["done", "wait", "alarm", "large", "bad"]
SHOWN = 500  # characters of a server's message


@dataclass(frozen=True, slots=True)
class Answer:
    """`done`: taken. `wait`: not now, keep and come again (`after` seconds, where the server said so). `alarm`: not
    until somebody does something. `large`: in smaller parts. `bad`: something in it will never be taken."""

    verdict: Verdict
    text: str = ""
    after: float | None = None


DONE = Answer("done")


def verdict(status: int) -> Verdict:
    """Of an HTTP status; 0 is no answer within the deadline."""
    if 200 <= status < 300:
        return "done"
    if status in (0, 408, 429) or status >= 500:
        return "wait"
    if status == 413:
        return "large"
    return "bad" if status in (400, 422) else "alarm"


def answered(status: int, body: bytes | str | None, headers: Mapping[str, str] | None = None) -> Answer:
    of = verdict(status)
    if of == "done":
        return DONE
    return Answer(of, f"{status} {message(body)}".strip(), after((headers or {}).get("Retry-After")))


def message(body: bytes | str | None) -> str:
    """The server's own words, out of its JSON where it is that."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if isinstance(told, dict):
        text = str(told.get("message") or told.get("error") or text)
    return " ".join(text.split())[:SHOWN]


def after(header: str | None) -> float | None:
    """Seconds of a Retry-After, which is a number or a date."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
