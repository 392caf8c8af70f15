"""The states of a machine as a strip of colour over the hours, and as a table for those who cannot see it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from config.zone import HOUR, SECOND, Offsets, nanoseconds
from gemba.dashboard.frame import View
from gemba.dashboard.markup import Document, hours, state, table, text
from gemba.dashboard.words import STATES, named

LISTED = 200
TICKS = 9  # at most
STEPS = (1, 2, 3, 4, 6, 12)  # hours between them
HATCH = (
    '<defs><pattern id="gap" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="var(--hatch)"/><rect width="2" height="6" fill="var(--unknown)"/>'
    "</pattern></defs>"
)


def strip(view: View, lived: Document) -> str:
    stretches = lived["states"]
    if not stretches:
        return f'<p class="quiet">{text(view.say("no_data"))}</p>'
    times = [datetime.fromisoformat(each["from"]) for each in stretches]
    times.append(datetime.fromisoformat(stretches[-1]["to"]))
    whole = (times[-1] - times[0]).total_seconds() or 1.0
    bars, rows = [], []
    for each, begin, end in zip(stretches, times, times[1:], strict=False):
        x, width = (begin - times[0]).total_seconds() / whole * 1000, (end - begin).total_seconds() / whole * 1000
        fill = "url(#gap)" if each["state"] == "unknown" else "currentColor"
        told = f"{named(each['state'], STATES, view.lang)} {each['from'][11:19]} – {each['to'][11:19]}"
        bars.append(
            f'<rect class="s-{text(each["state"])}" x="{x:.2f}" width="{width:.2f}" height="44" fill="{fill}">'
            f"<title>{text(told)}</title></rect>"
        )
        lasted = hours((end - begin).total_seconds() * 1000)
        rows.append([state(each["state"], view.lang), each["from"][11:19], each["to"][11:19], lasted])
    heads = [view.say(head) for head in ("state", "from", "to", "duration")]
    return (
        '<svg class="strip" viewBox="0 0 1000 44" preserveAspectRatio="none" aria-hidden="true">'
        f"{HATCH}{''.join(bars)}</svg>{axis(times[0], times[-1], view.service.plant().timezone)}"
        f"<details><summary>{text(view.say('timeline'))} ({len(stretches)})</summary>"
        f"{table(view.say('timeline'), heads, rows[-LISTED:])}</details>"
    )


def axis(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """Full hours of the plant's clock below the strip, also where it is put forward or back; the first and the last
    instant at its ends."""
    first, whole = nanoseconds(start), nanoseconds(end) - nanoseconds(start)
    step = next((size for size in STEPS if whole <= size * HOUR * TICKS), STEPS[-1])
    ticks = [(0.0, f"{start:%m-%d %H:%M}")]
    for time in Offsets(zone, first, first + whole).hours(first, first + whole).tolist():
        at, share = datetime.fromtimestamp(time // SECOND, zone), (time - first) / whole
        if at.minute == 0 and at.hour % step == 0 and 0.08 < share < 0.92:
            ticks.append((share, f"{at:%H:%M}"))
    ticks.append((1.0, f"{end:%m-%d %H:%M}"))
    last = len(ticks) - 1
    cells = (
        f'<span class="{"first" if i == 0 else "last" if i == last else "tick"}" style="left:{share * 100:.2f}%">'
        f"{told}</span>"
        for i, (share, told) in enumerate(ticks)
    )
    return f'<div class="axis quiet" aria-hidden="true">{"".join(cells)}</div>'
