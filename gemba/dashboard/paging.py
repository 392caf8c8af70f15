"""Long lists in pages: which part is shown, how to find a line, and where the others are."""

from collections.abc import Sequence
from math import ceil
from typing import TypeVar

from gemba.dashboard.frame import View
from gemba.dashboard.markup import text

PAGE = 100
T = TypeVar("T")


def page(view: View, names: Sequence[T]) -> tuple[Sequence[T], str]:
    """The part that was asked for, and the links to the parts before and after it."""
    last = max(1, ceil(len(names) / PAGE))
    asked = view.request.query_params.get("page", "1")
    at = min(last, max(1, int(asked))) if asked.isdecimal() else 1
    part = names[(at - 1) * PAGE : at * PAGE]
    if last == 1:
        return part, ""
    path, word = view.request.url.path, view.request.query_params.get("q", "")
    links = [
        f'<a href="{view.link(path, q=word, page=str(to))}">{text(view.say(key))}</a>'
        for key, to in (("previous", at - 1), ("next", at + 1))
        if 1 <= to <= last
    ]
    return part, f'<p class="bar"><span>{at} / {last}</span>{" ".join(links)}</p>'


def word(view: View) -> str:
    """What is looked for, in lower case."""
    return view.request.query_params.get("q", "").strip().lower()


def find(view: View) -> str:
    """The form that looks for lines."""
    label, path = text(view.say("filter")), text(view.request.url.path)
    span = "".join(f'<input type="hidden" name="{k}" value="{text(v)}">' for k, v in view.span.items())
    return (
        f'<form class="find" role="search" action="{path}" method="get">{span}'
        f'<input type="search" name="q" value="{text(view.request.query_params.get("q", ""))}" '
        f'aria-label="{label}" placeholder="{label}"><button>{text(view.say("find"))}</button></form>'
    )
