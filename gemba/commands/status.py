"""`gemba status`: what is wrong at a running agent and what to do, then its sources, journal, database and clock."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gemba import arguments

HEADS = {
    "zh": ("数据源", "协议", "状态", "数据龄", "往返 ms", "好值", "坏值", "漏询"),
    "en": ("source", "protocol", "link", "age", "trip ms", "good", "bad", "missed"),
}
COLUMNS = ("source", "protocol", "state", "age", "round_trip", "good", "bad", "missed", "trouble")
LINKS = {
    "zh": {"up": "正常", "retrying": "重连中", "down": "启动中", "waiting": "等待", "refused": "被拒"},
    "en": {"down": "starting"},
}
BELOW = {
    "zh": (
        "采集程序  已运行 {runs}，工厂文件 {sha256:.12}",
        "本地日志  {held}，磁盘剩余 {free}，待写 {waiting:,} 值，丢失 {lost:,} 帧",
        "时钟      {clock}，跳变 {steps:,} 次",
    ),
    "en": (
        "agent     up for {runs}, plant file {sha256:.12}",
        "journal   {held}, disk free {free}, {waiting:,} values waiting, {lost:,} frames lost",
        "clock     synchronised: {clock}, {steps:,} steps",
    ),
}
STORE = {
    "zh": (
        "InfluxDB  {state}，积压 {backlog} 行，最早在 {lag} 前",
        "          已送 {delivered:,} 行，补正 {mended:,} 值，过旧未送 {too_old:,} 行",
    ),
    "en": (
        "InfluxDB  {state}, {backlog} rows behind, the oldest by {lag}",
        "          {delivered:,} rows delivered, {mended:,} values mended, {too_old:,} rows too old to send",
    ),
}
CLOCK = {"zh": {True: "已同步", False: "未同步", None: "不详"}, "en": {True: "yes", False: "no", None: "unknown"}}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example: gemba status plant.yaml --json"
    arguments.plant(parser)
    parser.add_argument("--gateway", metavar="G", help="of this gateway's agent")
    arguments.shape(parser, "one line for each source")


def run(args: argparse.Namespace) -> int:
    from config.load import load
    from edge.status import ask, socket_path
    from gemba.sources import held_by
    from store.journal import place

    plant = load(Path(args.plant))
    if fault := held_by(plant, args.gateway):
        print(f"gemba status: {fault}", file=sys.stderr)
        return 2
    path = socket_path(place(plant, args.gateway))
    answer = ask(path)
    if answer is None:
        print(f"gemba status: no agent answers at {path}; start one with: gemba agent {args.plant}", file=sys.stderr)
        return 1
    status = json.loads(answer)
    if args.json:
        print(json.dumps(status, ensure_ascii=False))
    elif args.csv:
        from gemba.table import write_csv

        write_csv([COLUMNS, *_lines(status)])
    else:
        from gemba.alarms import alarms

        for alarm in alarms(status, args.plant, plant.sha256, args.lang == "zh"):
            print("\n    ".join((f"! {alarm.what}", *alarm.where, f"→ {alarm.do}")))
            print()
        _show(status, args.lang)
    return 0


def _lines(status: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    for name, one in status["sources"].items():
        told = {"source": name, **one, "bad": sum(one["bad"].values())}
        yield tuple(told[column] for column in COLUMNS)


def _show(status: dict[str, Any], lang: str) -> None:
    from gemba.alarms import ago, size
    from gemba.table import table

    links, rows = LINKS[lang], []
    for name, one in status["sources"].items():
        trip = "—" if one["round_trip"] is None else f"{1000 * one['round_trip']:.1f}"
        missed = "—" if one["missed"] is None else f"{one['missed']:,}"
        state, bad = links.get(one["state"], one["state"]), f"{sum(one['bad'].values()):,}"
        rows.append((name, one["protocol"], state, ago(one["age"]), trip, f"{one['good']:,}", bad, missed))
    print(table(HEADS[lang], rows))
    journal, clock, influx = status["journal"], status["clock"], status.get("influxdb")
    below = {
        "runs": ago((status["time"] - status["started"]) / 1e9),
        "sha256": status["sha256"],
        "held": size(journal["bytes"]),
        "free": size(journal["free"]),
        "clock": CLOCK[lang][clock["synchronised"]],
        "steps": clock["steps"],
    }
    print("", *(line.format(**{**journal, **below}) for line in BELOW[lang]), sep="\n")
    if influx is not None:
        backlog = "—" if influx["backlog"] is None else f"{influx['backlog']:,}"
        told = {
            **influx,
            "backlog": backlog,
            "lag": ago(influx["lag"] if influx["backlog"] else None),
            "state": links.get(influx["state"], influx["state"]),
        }
        print(*(line.format(**told) for line in STORE[lang]), sep="\n")
