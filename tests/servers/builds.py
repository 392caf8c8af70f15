"""The smaller builds: the Modbus server, the packages of npm, and the peers of the benchmarks."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tests.servers.cache import Run, build, built, need

HERE = Path(__file__).parent
MODBUS_SOURCE = HERE / "native" / "modbus_server.c"
NODE_FOLDER = HERE / "node"

TELEGRAF = "1.37.2"
# Without the tags it needs modules that are not to be had.
TELEGRAF_TAGS = (
    "custom,inputs.modbus,inputs.opcua,inputs.mqtt_consumer,outputs.discard,outputs.file,outputs.influxdb_v2,"
    "serializers.influx,parsers.json_v2"
)
THINGSBOARD = "3.8.5"
# What its Modbus connector would otherwise install by itself at its first start.
THINGSBOARD_MODBUS = ("pymodbus==3.9.2", "pyserial==3.5", "pyserial-asyncio==0.6")


def libmodbus() -> Path | None:
    """The Modbus server; compiled at once where that is possible, as it takes less than a second."""
    if not built(_modbus_name()):
        if not all(shutil.which(tool) for tool in ("cc", "pkg-config")):
            return None
        if subprocess.run(["pkg-config", "--exists", "libmodbus"], check=False).returncode:
            return None
        build_libmodbus()
    return (built(_modbus_name()) or Path()) / "modbus_server"


def build_libmodbus() -> None:
    need("the libmodbus server", "cc", "pkg-config")
    asked = ["pkg-config", "--cflags", "--libs", "libmodbus"]
    flags = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()

    def make(folder: Path, run: Run) -> None:
        run(["cc", "-O2", "-o", str(folder / "modbus_server"), str(MODBUS_SOURCE), *flags])

    build(_modbus_name(), make)


def _modbus_name() -> str:
    return f"modbus-server-{_digest(MODBUS_SOURCE)}"


def node_modules() -> Path | None:
    """What `node/package-lock.json` names, installed."""
    folder = built(_node_name())
    return folder / "node_modules" if folder and shutil.which("node") else None


def install_node_modules() -> None:
    need("node-opcua and sparkplug-payload", "node", "npm")

    def make(folder: Path, run: Run) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(NODE_FOLDER / name, folder)
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=warn"])

    build(_node_name(), make)


def _node_name() -> str:
    return f"node-{_digest(NODE_FOLDER / 'package-lock.json')}"


def telegraf() -> Path | None:
    folder = built(f"telegraf-{TELEGRAF}")
    return folder / "telegraf" if folder else None


def build_telegraf() -> None:
    """Two minutes from a cold cache."""
    need("telegraf", "go")

    def make(folder: Path, run: Run) -> None:
        module = f"github.com/influxdata/telegraf/cmd/telegraf@v{TELEGRAF}"
        run(["go", "install", "-tags", TELEGRAF_TAGS, module], {"GOBIN": str(folder), "GOFLAGS": "-buildvcs=false"})

    build(f"telegraf-{TELEGRAF}", make)


def thingsboard() -> Path | None:
    """The Python of an environment of its own: `python -m thingsboard_gateway.tb_gateway`."""
    folder = built(_thingsboard_name())
    return folder / "bin" / "python" if folder else None


def install_thingsboard() -> None:
    def make(folder: Path, run: Run) -> None:
        run([sys.executable, "-m", "venv", str(folder)])
        packages = [f"thingsboard-gateway=={THINGSBOARD}", *THINGSBOARD_MODBUS]
        run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *packages])

    build(_thingsboard_name(), make)


def _thingsboard_name() -> str:
    return f"thingsboard-gateway-{THINGSBOARD}-modbus"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
