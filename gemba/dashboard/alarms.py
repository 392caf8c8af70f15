"""What a plant engineer has to do before the numbers can be right: nothing collected yet, no agent, sources that do not
answer, a span from before the first reading. What is wrong is said, and what to do about it."""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from config.plant import Plant
from config.zone import shown
from gemba.dashboard.markup import Document, section, text
from gemba.dashboard.words import say
from store.journal import place
from store.reader import Reader

NAMED = 5  # sources, before the others are only counted


def begun(plant: Plant) -> bool:
    """Whether anything was ever collected, as far as that can be told without asking another machine."""
    return plant.store is not None or not plant.points() or place(plant).is_dir()


def first_steps(plant: Plant, file: Path, lang: str) -> str:
    """On the first night: what the plant file has, and the commands that fill the page."""
    devices, sources = len(plant.assets), len(plant.sources)
    found = f"{say('machines', lang)}: {devices} · {say('sources', lang)}: {sources} · {file.name}"
    named = shlex.quote(str(file))
    steps = {"read": "", "register": " --out register.csv", "import": " history.csv", "agent": ""}
    if plant.register is not None:
        del steps["register"]
    lines = "".join(
        f"<li><code>gemba {command} {text(named + more)}</code><br>{text(say(f'step_{command}', lang))}</li>"
        for command, more in steps.items()
    )
    body = f'<p>{text(found)}</p><ol class="steps">{lines}</ol><p class="quiet">{text(say("step_then", lang))}</p>'
    return f'<div role="status">{section(say("nothing_yet", lang), body)}</div>'


def alarms(plant: Plant, file: Path, status: Any, health: str, lang: str) -> str:
    """What keeps numbers from coming in now; `status` is what the agent says, `health` the address of its page."""
    if status is None:
        if plant.store is not None or not plant.points():
            return ""
        do = f"<code>gemba agent {text(shlex.quote(str(file)))}</code>"
        return _alarm(f"{text(say('no_agent', lang))} {text(say('no_agent_how', lang))} {do}")
    lost = {name: one["trouble"] for name, one in status["sources"].items() if one["state"] != "up" and one["trouble"]}
    if not lost:
        return ""
    told = [f"<li>{text(name)}: {text(why)}</li>" for name, why in list(lost.items())[:NAMED]]
    if len(lost) > NAMED:
        told.append(f"<li>{text(say('more', lang))} {len(lost) - NAMED}</li>")
    head = f"{say('silent_sources', lang)}: {len(lost)} / {len(status['sources'])}"
    return _alarm(f'{text(head)} · <a href="{health}">{text(say("health", lang))}</a><ul>{"".join(told)}</ul>')


def too_early(
    rows: Iterable[Document], reader: Reader, plant: Plant, window: tuple[int, int], today: str, lang: str
) -> str:
    """Of a span of which nothing is known, because collecting began after it; `today` is the address of today."""
    if any(ms for row in rows for name, ms in row["time_ms"].items() if name != "unknown"):
        return ""
    held = reader.span()
    if held is None or held[0] < window[1]:
        return ""
    since = f"{say('collected_since', lang)} {shown(held[0], plant.timezone)[:16].replace('T', ' ')}."
    return f'<p role="status" class="card">{text(since)} <a href="{today}">{text(say("today", lang))}</a></p>'


def _alarm(body: str) -> str:
    return f'<div role="alert" class="card alarm">{body}</div>'
