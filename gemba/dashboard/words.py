"""The words of the trade in English and Chinese: those of the listings, and what only the pages need besides."""

from collections.abc import Mapping

from gemba.dashboard.phrases import SAY
from kpi import energy_listing, rate
from kpi.forms.wording import ORIGINS as BY_ORIGIN
from kpi.forms.wording import TERMS
from kpi.listing import FLAGS, NAMES, REASONS

ROLES = energy_listing.ROLES
STATES: Mapping[str, tuple[str, str]] = {
    **energy_listing.STATES,
    "up": ("up", "正常"),
    "retrying": ("retrying", "重连中"),
    "not_connected": ("not connected", "未联网"),
}
POINTS: Mapping[str, tuple[str, str]] = {
    "state": ("state", "状态"),
    "total": ("all pieces", "总产量"),
    "good": ("good pieces", "合格"),
    "reject": ("rejects", "废品"),
    "rework": ("rework", "返工"),
    "product": ("product", "产品"),
    "alarm": ("alarm", "报警"),
    "mode": ("mode", "控制方式"),
    "energy": ("energy register", "电能读数"),
    "power": ("power", "功率"),
}
MODES: Mapping[str, tuple[str, str]] = {
    "automatic": ("automatic", "自动"),
    "manual": ("manual", "手动"),
    "apc": ("advanced control", "先进控制"),
}
STATUS: Mapping[str, tuple[str, str]] = {
    "official": ("official", "官方"),
    "derived": ("derived", "推算"),
    "unverified": ("unverified", "未核实"),
}
EXCLUDED: Mapping[str, tuple[str, str]] = {
    **rate.REASONS,
    **REASONS,
    "not_defined": ("the official text does not define it", "原文没有定义"),
    "not_recorded": ("nothing that is read tells of it", "没有可读取的记录"),
}
ORIGINS, _TERMS = (
    {name: (english, chinese) for name, (chinese, english) in told.items()} for told in (BY_ORIGIN, TERMS)
)
_ALL = (SAY, STATES, ROLES, ORIGINS, NAMES, REASONS, FLAGS, _TERMS)


def kpi(key: str, lang: str) -> str:
    """The name of a KPI or rate, as a heading."""
    name = named(key, NAMES, lang)
    return name[:1].upper() + name[1:]


def say(key: str, lang: str) -> str:
    """In the words of the pages; a key without any is shown as it is."""
    return next((words[key][lang == "zh"] for words in _ALL if key in words), key)


def named(key: str, words: Mapping[str, tuple[str, str]], lang: str) -> str:
    return words[key][lang == "zh"] if key in words else key
