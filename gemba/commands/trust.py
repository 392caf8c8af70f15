"""`gemba trust`: certificates of OPC UA servers that were seen, accepted or end soon; and the accepting of one."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gemba import arguments

if TYPE_CHECKING:
    from config.plant import Plant
    from connectors.opcua.security import Certificate

STATES = {
    "zh": {"own": "本机", "accepted": "已信任", "rejected": "未信任"},
    "en": {"own": "own", "accepted": "accepted", "rejected": "seen"},
}
INDENT = 12  # the longest state and what marks it; then a fingerprint still fits into 80 columns
COLUMNS = ("state", "subject", "uri", "url", "from", "until", "days", "warning", "fingerprint", "file")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example: gemba trust plant.yaml --accept 83b23faf527f86b6"
    arguments.plant(parser)
    parser.add_argument("--accept", metavar="FINGERPRINT", help="trust this one; its first letters are enough")
    arguments.shape(parser)


def run(args: argparse.Namespace) -> int:
    from config.load import load

    plant = load(Path(args.plant))
    accepted = None
    if args.accept is not None:
        accepted = _accept(plant, args.accept)
        if accepted is None:
            return 2
    rows = [_row(one) for one in _kept(plant)]
    if args.json:
        print(json.dumps({"plant": plant.id, "accepted": accepted, "certificates": rows}, ensure_ascii=False))
    elif args.csv:
        from gemba.table import write_csv

        write_csv([COLUMNS, *([row[name] for name in COLUMNS] for row in rows)])
    else:
        _show(rows, accepted, args.lang)
    return 0


def _folders(plant: "Plant") -> list[Path]:
    """The trust folders of the plant's OPC UA sources; where it has none, the one that they would have."""
    own = plant.data / "trust"
    found = [source.security.trust or own for source in plant.sources.values() if source.protocol == "opcua"]
    return list(dict.fromkeys(found)) or [own]


def _kept(plant: "Plant") -> "list[Certificate]":
    from connectors.opcua.security import certificate, kept

    named = {source.security.cert for source in plant.sources.values() if source.protocol == "opcua"}
    own = [certificate(file, "own") for file in sorted(named - {None}, key=str) if file]
    return [one for one in own if one] + [one for folder in _folders(plant) for one in kept(folder)]


def _accept(plant: "Plant", beginning: str) -> str | None:
    """The fingerprint of the certificate that is trusted now; None, and why, where it is not one that was seen."""
    from connectors.opcua.security import accept, matches

    found = {one.fingerprint for folder in _folders(plant) for one in accept(folder, beginning)}
    found = found or {one.fingerprint for one in _kept(plant) if one.state == "accepted" and matches(one, beginning)}
    if len(found) == 1:
        return found.pop()
    if found:
        what = f"{len(found)} certificates begin so: {', '.join(sorted(found))}; give more letters"
    else:
        what = f"no such certificate was seen; gemba trust {plant.file} lists those that were"
    print(f"gemba trust: --accept (got {beginning}): {what}", file=sys.stderr)
    return None


def _row(one: "Certificate") -> dict[str, Any]:
    from connectors.opcua.security import uri_of, warning

    now = datetime.now(UTC)
    found = one.x509
    return {
        "state": one.state,
        "subject": found.subject.rfc4514_string(),
        "uri": uri_of(found),
        "url": one.url,
        "from": found.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
        "until": found.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        "days": (found.not_valid_after_utc - now).days,
        "warning": warning(found, now),
        "fingerprint": one.fingerprint,
        "file": str(one.file),
    }


def _show(rows: list[dict[str, Any]], accepted: str | None, lang: str) -> None:
    from gemba.table import padded

    zh = lang == "zh"
    if accepted:
        print(f"已信任 {accepted}" if zh else f"accepted {accepted}")
    if not rows:
        print("尚未见到证书" if zh else "no certificate was seen yet")
    for row in rows:
        state = STATES[lang][row["state"]] + ("" if row["warning"] is None else " !")
        lines = [row["subject"], row["url"], _ending(row, zh), row["fingerprint"]]
        print(padded(state, INDENT) + ("\n" + " " * INDENT).join(line for line in lines if line))


def _ending(row: dict[str, Any], zh: bool) -> str:
    when, days = row["until"][:10], row["days"]
    if days < 0:
        return f"已于 {when} 过期" if zh else f"ended on {when}"
    return f"{when} 到期，剩余 {days} 天" if zh else f"ends on {when}, in {days} days"
