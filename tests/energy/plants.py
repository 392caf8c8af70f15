"""Plant files for the tests of energy and rates, loaded as any user's is."""

from pathlib import Path
from textwrap import dedent

from config.load import load
from config.plant import Plant

HEAD = """\
plant: test-01
timezone: Asia/Shanghai
data: ./data
sources:
  plc: {protocol: modbus, url: "tcp://127.0.0.1:502", every: 1s, security: {insecure: true}}
  meter: {protocol: modbus, url: "tcp://127.0.0.1:503", every: 10s, security: {insecure: true}}
"""


def plant(folder: Path, body: str, register: str = "", head: str = HEAD) -> Plant:
    """The plant of this body; `register` is a CSV without its heading."""
    text = head + dedent(body)
    if register:
        heading = "id,workshop,line,process,class,control,key,key_process,in_scope,from,until\n"
        (folder / "register.csv").write_text(heading + dedent(register), encoding="utf-8")
        text += "register: register.csv\n"
    (folder / "plant.yaml").write_text(text, encoding="utf-8")
    return load(folder / "plant.yaml")
