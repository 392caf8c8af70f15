"""`gemba discover`: what a device, server or broker has, as the smallest plant file that reads all of it."""

import argparse
import asyncio
import json
import logging
import os
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.document import Node
    from config.plant import Plant, Point, Source
    from connectors.found import Findings

from gemba.arguments import above_zero, utf8

EXAMPLE = """examples:
  gemba discover opcua opc.tcp://192.168.10.21:4840 --insecure > plant.yaml
  gemba discover modbus 192.168.10.11 --units 1-3 --registers 0-199 --into plant.yaml
  gemba discover mqtt mqtts://192.168.10.2:8883 --user gemba --password-env MQTT_PASSWORD --seconds 60
  gemba discover plant.yaml --source cell --into plant.yaml"""
PROTOCOLS = ("opcua", "modbus", "mqtt")
LOCALTIME = Path("/etc/localtime")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    parser.add_argument(
        "what", nargs="?", metavar="opcua|modbus|mqtt|PLANT", help="a protocol, or a plant file with --source"
    )
    parser.add_argument(
        "url", nargs="?", type=utf8, metavar="URL", help="opc.tcp://…, HOST[:PORT] or rtu://…, mqtt(s)://…"
    )
    parser.add_argument("--source", metavar="S", help="of the plant file, with its own settings")
    parser.add_argument("--into", metavar="PLANT", help="only what is missing in this plant file")
    parser.add_argument("--user", type=utf8, metavar="U", help="who signs in; the password by --password-env")
    parser.add_argument(
        "--password-env", type=utf8, metavar="V", help="the environment variable that holds the password"
    )
    parser.add_argument("--policy", type=utf8, metavar="P", help="OPC UA, as Basic256Sha256 (signed and encrypted)")
    parser.add_argument("--insecure", action="store_true", help="without security, or without checking a certificate")
    parser.add_argument("--topic", default="#", type=utf8, metavar="T", help="MQTT, default #")
    parser.add_argument("--seconds", type=above_zero, default=15.0, metavar="S", help="MQTT: how long to listen")
    parser.add_argument("--units", metavar="1-5", help="Modbus, default 1, or that of the source")
    parser.add_argument("--registers", default="0-99", metavar="0-99", help="Modbus, default 0-99")
    parser.add_argument("--bits", metavar="0-99", help="Modbus: coils and discrete inputs too, default none")
    parser.add_argument("--json", action="store_true", help="one JSON document")


class Wrong(Exception):
    """The arguments do not say what to do."""


def run(args: argparse.Namespace) -> int:
    from connectors.base import Disconnected

    for name in ("asyncua", "pymodbus"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    args.what = args.what or os.environ.get("GEMBA_PLANT", "")
    try:
        plant, source = _asked(args)
        options = _options(args, source)
        into = _known(args)
        findings = asyncio.run(_find(plant, source, options))
    except Wrong as error:
        print(f"gemba discover: {error}", file=sys.stderr)
        return 2
    except Disconnected as error:
        print(f"gemba discover: {error}", file=sys.stderr)
        return 1
    _show(args, source, findings, into)
    return 0


def _asked(args: argparse.Namespace) -> "tuple[Plant, Source]":
    from config.load import load

    if args.what in PROTOCOLS:
        if not args.url:
            raise Wrong(f"of what? give the address: gemba discover {args.what} URL")
        return _made(args)
    if args.url is not None or not Path(args.what).is_file():
        raise Wrong(
            f"neither a protocol nor a plant file (got {args.what or 'nothing'}); "
            "write opcua, modbus, mqtt, or PLANT --source S"
        )
    plant = load(Path(args.what))
    if args.source not in plant.sources:
        got = f" (got {args.source})" if args.source else ""
        raise Wrong(f"which source?{got}; give --source with one of {', '.join(plant.sources)}")
    return plant, plant.sources[args.source]


def _made(args: argparse.Namespace) -> "tuple[Plant, Source]":
    """A plant of this one source, loaded as any other is, so that its faults are told in the same words."""
    from config.faults import PlantError
    from config.load import load

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plant.yaml"
        path.write_text(_head(args) + "\n".join(_source(args)) + "\n", encoding="utf-8")
        try:
            plant = load(path)
        except PlantError as error:
            fault = error.faults[-1]  # of several the cause comes last
            got = f" (got {fault.got})" if fault.got else ""
            ways = "--policy Basic256Sha256" if args.what == "opcua" else "another address"
            do = f"give {ways}, or --insecure to accept that" if "insecure" in fault.do else fault.do
            raise Wrong(f"{fault.what}{got}; {do}") from error
    here = Path.cwd() / "data"
    source = plant.sources[args.what]
    if source.security.trust is not None and source.security.trust.is_relative_to(plant.data):
        trust = here / source.security.trust.relative_to(plant.data)
        source = replace(source, security=replace(source.security, trust=trust))
    return replace(plant, data=here, sources={source.id: source}), source


def _head(args: argparse.Namespace) -> str:
    return f"plant: {args.what}-01\ntimezone: {_zone()}; days and shifts are told by it\ndata: ./data\n"


def _zone() -> str:
    """This machine's time zone by name, where it has one, and that the plant may lie in another."""
    if LOCALTIME.is_symlink() and "zoneinfo/" in (target := str(LOCALTIME.readlink())):
        name = target.split("zoneinfo/", 1)[1]
        if "/" in name:
            return f"{name}  # this machine's: is it the plant's?"
    return "Asia/Shanghai  # a guess: is it the plant's?"


def _source(args: argparse.Namespace) -> list[str]:
    security = []
    if args.policy:
        security += [f"policy: {_quoted(args.policy)}", "mode: SignAndEncrypt"]
    if args.user:
        security.append(f"user: {_quoted(args.user)}")
    if args.password_env:
        security.append(f"password: {{env: {_quoted(args.password_env)}}}")
    if args.insecure:
        security.append("insecure: true")
    shown = f", security: {{{', '.join(security)}}}" if security else ""
    return ["sources:", f"  {args.what}: {{protocol: {args.what}, url: {_quoted(_url(args))}{shown}}}"]


def _url(args: argparse.Namespace) -> str:
    if args.what == "modbus" and "://" not in args.url:
        host, _, port = args.url.rpartition(":") if args.url.count(":") == 1 else (args.url, "", "")
        return f"tcp://{host}:{port or 502}" if host else f"tcp://{args.url}:502"
    return str(args.url)


def _given(path: Path, source: str) -> tuple[list[str], list[str]]:
    """The head and one source of a plant file, as they stand there."""
    from config.document import read

    node, _ = read(path)
    top = node.value
    assert isinstance(top, dict)
    sources = top["sources"].value
    assert isinstance(sources, dict)
    head = [f"{key}: {_flow(top[key])}" for key in ("plant", "timezone", "data")]
    return head, ["sources:", f"  {_quoted(source)}: {_flow(sources[source])}"]


def _flow(node: "Node") -> str:
    """A value of a plant file on one line."""
    if isinstance(node.value, dict):
        return (
            "{"
            + ", ".join(
                f"{key if key.isidentifier() else _quoted(key)}: {_flow(value)}" for key, value in node.value.items()
            )
            + "}"
        )
    if isinstance(node.value, list):
        return "[" + ", ".join(map(_flow, node.value)) + "]"
    return _quoted(node.value) if isinstance(node.value, str) else node.text


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _options(args: argparse.Namespace, source: "Source") -> dict[str, Any]:
    from config.addresses import is_filter

    if source.protocol == "modbus":
        return {
            "units": _range("--units", args.units or str(source.unit), 0, 255),
            "registers": _range("--registers", args.registers, 0, 65_535),
            "bits": _range("--bits", args.bits, 0, 65_535) if args.bits else (),
        }
    if source.protocol == "mqtt":
        if not is_filter(args.topic):
            what = "write + for one whole level and # for the last ones only"
            raise Wrong(f"--topic is no MQTT topic (got {args.topic[:99]}); {what}")
        return {"topic": args.topic, "seconds": args.seconds}
    return {}


def _range(name: str, text: str, low: int, high: int) -> range:
    first, _, last = text.partition("-")
    if not re.fullmatch(r"[0-9]{1,9}(-[0-9]{1,9})?", text):
        raise Wrong(f"{name} must be a number or a range (got {text[:99]}); write 1-5")
    found = range(int(first), int(last or first) + 1)
    if not found or found[0] < low or found[-1] > high:
        raise Wrong(f"{name} must lie between {low} and {high} (got {text}); write 1-5")
    return found


async def _find(plant: "Plant", source: "Source", options: dict[str, Any]) -> "Findings":
    import importlib

    module = importlib.import_module(f"connectors.{source.protocol}.discover")
    found: Findings = await module.discover(source, plant, **options)
    return found


# -- what is shown -----------------------------------------------------------------------------------------------------
def _show(args: argparse.Namespace, source: "Source", findings: "Findings", into: "Plant | None") -> None:
    if args.json:
        from dataclasses import asdict

        print(json.dumps(asdict(findings), ensure_ascii=False))
        return
    for what in findings.left_out:
        print(f"# {what}", file=sys.stderr)
    lines = [f"# {name}: {value}" for name, value in findings.identity.items()]
    head, own = (
        (_head(args).splitlines(), _source(args)) if args.what in PROTOCOLS else _given(Path(args.what), source.id)
    )
    if into is None:
        lines += [*head, *own, *_assets(findings, source, frozenset())]
    else:
        alike = _alike(into, source)
        lines += [] if alike else own
        known = next((s for s in alike if s.id == source.id), alike[0] if alike else source)
        lines += _assets(findings, known, _places_of(into, alike, findings.namespaces)) or ["# nothing is missing"]
    print("\n".join(lines))


def _known(args: argparse.Namespace) -> "Plant | None":
    from config.load import load

    return load(Path(args.into)) if args.into else None


def _alike(plant: "Plant", source: "Source") -> "list[Source]":
    """Its sources that read the same device, server or broker."""
    from config.urls import place

    return [each for each in plant.sources.values() if place(each.url)[0] == place(source.url)[0]]


def _places_of(plant: "Plant", sources: "Sequence[Source]", namespaces: "Sequence[str]") -> frozenset[str]:
    """What these sources read already, and the names that are taken."""
    ids = {source.id for source in sources}
    points = [point for point in plant.points() if point.source in ids]
    return frozenset(
        place for point in points for place in (*_places(point, namespaces), f"{point.asset}.{point.name}")
    )


def _assets(findings: "Findings", source: "Source", have: frozenset[str]) -> list[str]:
    """As YAML; what there is already is left out."""
    lines: list[str] = []
    last = None
    for found in findings.found:
        place = _place(found.at) if found.device is None else f"{found.at} of {found.device}"
        if {place, f"{found.asset}.{found.point}"} & have:
            continue
        if found.asset != last:
            lines += [f"  {_quoted(found.asset)}:", "    points:"]
            last = found.asset
        lines.append(
            f"      {_quoted(found.point)}: {{{_point(source, found)}}}" + (f"  # {found.shown}" if found.shown else "")
        )
    return ["assets:", *lines] if lines else [] if findings.found else ["# nothing was found"]


def _place(at: "str | Mapping[str, str]") -> str:
    return at if isinstance(at, str) else f"{at['topic']} {at.get('path')}"


def _places(point: "Point", namespaces: "Sequence[str]") -> list[str]:
    """Where it is read, as discovery says it: of a value of several registers, each of them; of a wildcard, its own."""
    from config.addresses import SPARKPLUG
    from config.plant import ModbusAddress, MqttAddress

    at = point.at
    if isinstance(at, ModbusAddress):
        from connectors.modbus.plan import width

        return [f"{at.table}:{n} of {at.unit}" for n in range(at.address, at.address + width(point))]
    if isinstance(at, MqttAddress):
        own = at.topic if at.topic.startswith(SPARKPLUG) else at.topic.replace("+", point.asset)
        return [f"{own} {at.path}"]
    from connectors.opcua import plan

    return [plan.address(plan.node(at.node, namespaces), namespaces)]


def _point(source: "Source", found: Any) -> str:
    at = found.at
    if not isinstance(at, str):
        at = "{" + ", ".join(f"{key}: {_quoted(value)}" for key, value in at.items()) + "}"
    else:
        at = _quoted(at)
    parts = [f"source: {source.id}", f"at: {at}"]
    if found.device not in (None, source.unit):
        parts.append(f"unit: {found.device}")
    if found.type:
        parts.append(f"type: {found.type}")
    if found.unit:
        parts.append(f"unit: {_quoted(found.unit)}")
    return ", ".join(parts)
