"""A small plant with a day of history in its journal, and the API over it."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient

from config.load import load
from gemba.demo.past import write
from gemba.web import listening
from kpi.api.app import application
from kpi.api.tokens import Tokens
from simulators.plant import VirtualPlant
from store.journal import place

HOUR = 3600 * 10**9
END = 1_795_190_400 * 10**9  # 2026-11-21T00:00+08:00
PLANT = """
plant: api-01
name: 接口
timezone: Asia/Shanghai
data: ./data
register: register.csv
sources:
  plc: {protocol: modbus, url: "tcp://192.168.10.11:502", every: 1s}
  meter: {protocol: modbus, url: "tcp://192.168.10.12:502", every: 10s}
assets:
  press-01:
    ideal_cycle: 60s
    points:
      state: {source: plc, at: "holding:0", states: {0: off, 1: idle, 2: running, 3: down, 4: setup}}
      total: {source: plc, at: "holding:2", type: uint32, counter: {max_rate: 1/s}}
      good: {source: plc, at: "holding:4", type: uint32, counter: {max_rate: 1/s}}
      hot: {source: plc, at: "holding:6", type: float32, unit: Cel, scale: 0.1}
  press-02:
    ideal_cycle: 75s
    points:
      state: {source: plc, at: "holding:20", states: {0: off, 1: idle, 2: running, 3: down, 4: setup}}
      total: {source: plc, at: "holding:22", type: uint32, counter: {max_rate: 1/s}}
      good: {source: plc, at: "holding:24", type: uint32, counter: {max_rate: 1/s}}
meters:
  main: {carrier: electricity, point: {source: meter, at: "input:0", type: uint32, unit: kWh, scale: 0.1}}
"""
REGISTER = """id,name,workshop,line,process,class,control,key,key_process
press-01,一号冲床,A,stamping,冲压,production,native,yes,yes
press-02,二号冲床,A,stamping,冲压,production,native,no,no
drill-01,钻床,B,,钻孔,production,none,no,no
"""


@contextmanager
def answering(plant_file: Path) -> Iterator[str]:
    """The address of a server of its own, for clients that are not of this process."""
    door = listening("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(application(plant_file), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{door.getsockname()[1]}"
    server.should_exit = True
    thread.join(60)


@pytest.fixture(scope="session")
def plant_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plant")
    path = folder / "plant.yaml"
    path.write_text(PLANT, encoding="utf-8")
    (folder / "register.csv").write_text(REGISTER, encoding="utf-8")
    plant = load(path)
    start = END - 48 * HOUR
    write(place(plant), plant, VirtualPlant(plant, start), start, END, {})
    return path


@pytest.fixture
def own(plant_file: Path, tmp_path: Path) -> Path:
    """The plant with its journal, nothing formed, for one test alone."""
    shutil.copytree(plant_file.parent, tmp_path / "own", ignore=shutil.ignore_patterns("facts", "answers"))
    return tmp_path / "own" / "plant.yaml"


@pytest.fixture
def client(plant_file: Path) -> Iterator[TestClient]:
    """From loopback, without any token."""
    with TestClient(application(plant_file), base_url="http://localhost", client=("127.0.0.1", 5000)) as found:
        yield found


@pytest.fixture
def tokens(plant_file: Path) -> Iterator[Tokens]:
    """Tokens of the plant; none is left behind."""
    kept = Tokens(load(plant_file).data)
    yield kept
    kept.path.unlink(missing_ok=True)
