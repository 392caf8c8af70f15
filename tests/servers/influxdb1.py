"""InfluxDB 1.6.7 of Debian: `/write` and InfluxQL, no token, no v2 API."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import urlencode

from tests.servers import provide
from tests.servers.process import Server, ask, free_port

CONFIG = """\
reporting-disabled = true
bind-address = "{host}:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[http]
  bind-address = "{host}:{port}"
  auth-enabled = {auth}
  log-enabled = false
"""


class InfluxDB1(Server):
    """`url`, and one `database`; with `password=` it asks for `user` and that password."""

    name = "influxdb1"
    database = "gemba"
    user = "gemba"

    def __init__(self, folder: Path, port: int | None = None, password: str | None = None) -> None:
        super().__init__(folder, port)
        self.password = password
        self._rpc = free_port()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def command(self) -> list[str]:
        config = self.folder / "influxdb.conf"
        auth = "true" if self.password else "false"
        config.write_text(
            CONFIG.format(host=self.host, rpc=self._rpc, port=self.port, folder=self.folder.resolve(), auth=auth)
        )
        return [str(provide.ensure("influxdb1")), "-config", str(config)]

    def ready(self) -> bool:
        return ask(f"{self.url}/ping")[0] == 204

    def started(self) -> None:
        if self.password:
            # The first user may be made by anybody; afterwards this is refused, and needed no more.
            self._post(f"CREATE USER {self.user} WITH PASSWORD '{self.password}' WITH ALL PRIVILEGES")
        self.query(f'CREATE DATABASE "{self.database}"')

    @property
    def authorization(self) -> dict[str, str]:
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {login}"} if self.password else {}

    def write(self, lines: bytes, database: str | None = None) -> None:
        """Line protocol with nanoseconds."""
        where = urlencode({"db": database or self.database, "precision": "ns"})
        status, body = ask(f"{self.url}/write?{where}", lines, self.authorization)
        if status != 204:
            raise RuntimeError(f"influxdb1: a write was answered {status}: {body!r}")

    def query(self, influxql: str, database: str | None = None) -> str:
        """The answer as CSV with epoch nanoseconds."""
        status, body = self._post(influxql, db=database or self.database, epoch="ns")
        if status != 200:
            raise RuntimeError(f"influxdb1: a query was answered {status}: {body!r}")
        return body.decode()

    def _post(self, influxql: str, **parameters: str) -> tuple[int, bytes]:
        form = urlencode({"q": influxql, **parameters}).encode()
        return ask(f"{self.url}/query", form, {"Accept": "application/csv", **self.authorization})
