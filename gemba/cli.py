"""One command, `gemba`: finds the command's module, lets it declare its arguments, and runs it."""

import argparse
import importlib
import io
import locale
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NoReturn

from gemba.outcome import outcome

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("a simulated plant, an agent, the KPIs and a filled form", "演示：模拟工厂、采集、指标与填好的表"),
    "check": ("every fault of a plant file, or its summary", "检查工厂文件与设备台账"),
    "discover": ("what a device, server or broker has, as a plant file", "发现设备上的数据点，生成工厂文件"),
    "read": ("one poll of every point", "读取一次所有数据点"),
    "agent": ("the edge agent, in the foreground", "运行边缘采集程序"),
    "serve": ("KPI API and dashboard", "指标接口与看板"),
    "up": ("agent and serve in one process", "采集与看板合一运行"),
    "status": ("sources, backlog, losses, disk, clock of a running agent", "采集程序的运行状态"),
    "quarantine": ("what InfluxDB refused", "被 InfluxDB 拒收的数据"),
    "trust": ("certificates seen, accepted, expiring", "证书：列出与信任"),
    "token": ("API tokens", "接口令牌"),
    "simulate": ("simulated devices for any plant file", "为任意工厂文件模拟设备"),
    "import": ("history from CSV into the journal", "从 CSV 导入历史数据"),
    "export": ("rows out of the store", "导出数据"),
    "register": ("a starter equipment register from the assets", "由资产生成设备台账初稿"),
    "kpi": ("KPIs and rates", "指标与比率"),
    "energy": ("energy by carrier, standard coal, CO2", "分品种能耗、折标煤与碳排放"),
    "templates": ("the official forms, and answer files to fill", "官方模板与空白答卷"),
    "score": ("score a declared answer file", "为填报答卷评分"),
    "assess": ("measured and declared together", "实测与填报合并评估"),
}


def language(asked: str | None = None) -> str:
    """zh or en: asked for, else GEMBA_LANG, else the locale's."""
    for word in (asked, os.environ.get("GEMBA_LANG"), os.environ.get("LC_ALL"), os.environ.get("LANG")):
        if word:
            return "zh" if word.lower().startswith("zh") else "en"
    return "zh" if (locale.getlocale()[0] or "").startswith(("zh", "Chinese")) else "en"


def _spoken(words: Sequence[str]) -> str | None:
    """What `--lang` says, known before argparse reads it: help and faults of arguments are in that language too."""
    told = [after for word, after in pairwise(words) if word == "--lang"]
    told += [word.removeprefix("--lang=") for word in words if word.startswith("--lang=")]
    return told[0] if told else None


def _overview(lang: str) -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {words[lang == 'zh']}" for name, words in COMMANDS.items()]
    head, more = (
        ("用法：gemba 命令 [参数]", "每个命令：gemba 命令 --help。示例：gemba demo")
        if lang == "zh"
        else ("usage: gemba COMMAND [ARGUMENT …]", "More of each: gemba COMMAND --help. Example: gemba demo")
    )
    return "\n".join([head, "", *lines, "", more])


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        (file or sys.stderr).write(message)  # argparse itself keeps quiet where that fails

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def _version() -> str:
    from importlib.metadata import version

    return version("gemba")


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    return outcome(lambda: _main(words, language(_spoken(words))))


def _main(words: list[str], lang: str) -> int:
    before = 2 if words[:1] == ["--lang"] else int(bool(words) and words[0].startswith("--lang="))
    ahead, words = words[:before], words[before:]
    if not words or words[0] in ("-h", "--help", "help"):
        print(_overview(lang), file=sys.stdout if words else sys.stderr)
        return 0 if words else 2
    if words[0] in ("-V", "--version"):
        print(f"gemba {_version()}")
        return 0
    name = words[0]
    if name not in COMMANDS:
        from difflib import get_close_matches

        near = get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean `{near[0]}`?" if near else "gemba --help lists them"
        print(f"gemba: no such command (got {name}); {hint}", file=sys.stderr)
        return 2
    return _run(name, [*ahead, *words[1:]], lang)


def _run(name: str, words: list[str], lang: str) -> int:
    module = importlib.import_module(f"gemba.commands.{name + '_' if name == 'import' else name}")
    formatter: type[argparse.HelpFormatter] = argparse.RawDescriptionHelpFormatter
    if lang == "zh" and {"-h", "--help"} & set(words):
        from gemba.help import Chinese

        formatter = Chinese
    parser = _Parser(prog=f"gemba {name}", description=COMMANDS[name][lang == "zh"], formatter_class=formatter)
    parser.add_argument(
        "--lang", choices=("zh", "en"), default=None, help="zh or en; default GEMBA_LANG, or the locale"
    )
    module.configure(parser)
    for word in words:  # what argparse makes of `--port=--` is a list
        if word.startswith("--") and word.endswith("=--"):
            parser.error(f"argument {word[:-3]}: expected one argument (got --)")
    args = parser.parse_args(words)
    args.lang = lang
    if hasattr(args, "plant") and args.plant is None:
        args.plant = os.environ.get("GEMBA_PLANT")
        if not args.plant:
            parser.error("which plant file? give PLANT, or set GEMBA_PLANT")
    _speak(bool(getattr(args, "json", False)))
    return int(module.run(args))


def _speak(json: bool) -> None:
    """JSON is UTF-8, whatever the terminal is; of anything else what it has no letters for is escaped."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8" if json else sys.stdout.encoding, errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
