"""`gemba status`: what a running agent says of its sources, backlog, losses, disk and clock."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

WORDS = {
    "zh": ("数据源", "协议", "状态", "数据龄", "往返", "好值", "坏值", "漏询", "说明"),
    "en": ("source", "protocol", "link", "age", "round trip", "good", "bad", "missed", "trouble"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example: gemba status plant.yaml --json"
    parser.add_argument("plant", nargs="?", metavar="PLANT", help="plant file")
    parser.add_argument("--gateway", metavar="G", help="of this gateway's agent")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    from config.load import load
    from edge.status import ask, socket_path
    from store.journal import place

    plant = load(Path(args.plant))
    path = socket_path(place(plant, args.gateway))
    answer = ask(path)
    if answer is None:
        print(f"gemba status: no agent answers at {path}; start one with: gemba agent {args.plant}", file=sys.stderr)
        return 1
    status = json.loads(answer)
    if args.json:
        print(json.dumps(status, ensure_ascii=False))
    else:
        _show(status, args.lang)
    return 0


def _show(status: dict[str, Any], lang: str) -> None:
    from gemba.table import table

    rows = []
    for name, source in status["sources"].items():
        age = "—" if source["age"] is None else f"{source['age']:.1f} s"
        trip = "—" if source["round_trip"] is None else f"{1000 * source['round_trip']:.1f} ms"
        bad = " ".join(f"{reason} {count}" for reason, count in source["bad"].items()) or "0"
        missed = "—" if source["missed"] is None else str(source["missed"])
        rows.append(
            (name, source["protocol"], source["state"], age, trip, str(source["good"]), bad, missed, source["trouble"])
        )
    print(table(WORDS[lang], rows))
    journal, clock = status["journal"], status["clock"]
    synchronised = {True: "yes", False: "no", None: "?"}[clock["synchronised"]]
    if lang == "zh":
        known = {"yes": "已同步", "no": "未同步", "?": "未知"}[synchronised]
        print(f"日志库 {_size(journal['bytes'])}，磁盘剩余 {_size(journal['free'])}，丢失帧 {journal['lost']}")
        print(f"时钟 {known}，跳变 {clock['steps']} 次")
    else:
        print(f"journal {_size(journal['bytes'])}, disk free {_size(journal['free'])}, frames lost {journal['lost']}")
        print(f"clock synchronised: {synchronised}, steps {clock['steps']}")
    if status.get("influxdb"):
        print("influxdb " + ", ".join(f"{key} {value}" for key, value in status["influxdb"].items()))
    if status["trouble"]:
        print(f"! {status['trouble']}")


def _size(count: int) -> str:
    value = float(count)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
