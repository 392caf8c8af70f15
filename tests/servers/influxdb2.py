"""InfluxDB 2.7.12, the first-class target: organisation, bucket and token are made at the first start."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode

from tests.servers import provide
from tests.servers.process import Server, ask


class InfluxDB2(Server):
    """`url`, `org`, `bucket` and an operator's `token`; all data is in the folder and outlives a restart."""

    name = "influxdb2"
    patience = 60.0
    org = "gemba"
    bucket = "gemba"
    user = "gemba"
    password = "measured-not-reported"
    token = "operator-token-of-the-tests"

    def __init__(self, folder: Path, port: int | None = None, retention: int = 0) -> None:
        super().__init__(folder, port)
        self.retention = retention  # of the first bucket [s]; 0 keeps for ever
        self._set_up = False

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def command(self) -> list[str]:
        return [
            str(provide.ensure("influxdb2")),
            f"--http-bind-address={self.host}:{self.port}",
            f"--engine-path={self.folder / 'engine'}",
            f"--bolt-path={self.folder / 'influxd.bolt'}",
            f"--sqlite-path={self.folder / 'influxd.sqlite'}",
            "--reporting-disabled",
            "--log-level=warn",
        ]

    def ready(self) -> bool:
        status, body = ask(f"{self.url}/health")
        return status == 200 and json.loads(body)["status"] == "pass"

    def started(self) -> None:
        if self._set_up:
            return
        wish = {
            "username": self.user,
            "password": self.password,
            "org": self.org,
            "bucket": self.bucket,
            "token": self.token,
            "retentionPeriodSeconds": self.retention,
        }
        status, body = ask(f"{self.url}/api/v2/setup", json.dumps(wish).encode())
        if status != 201:
            raise RuntimeError(f"influxdb2: setup was answered {status}: {body!r}")
        self._set_up = True

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.token}"}

    def write(self, lines: bytes, bucket: str | None = None) -> None:
        """Line protocol with nanoseconds."""
        where = urlencode({"org": self.org, "bucket": bucket or self.bucket, "precision": "ns"})
        status, body = ask(f"{self.url}/api/v2/write?{where}", lines, self.authorization)
        if status != 204:
            raise RuntimeError(f"influxdb2: a write was answered {status}: {body!r}")

    def query(self, influxql: str, database: str | None = None) -> str:
        """The answer as CSV with epoch nanoseconds."""
        where = urlencode({"db": database or self.bucket, "q": influxql, "epoch": "ns"})
        status, body = ask(f"{self.url}/query?{where}", headers={**self.authorization, "Accept": "application/csv"})
        if status != 200:
            raise RuntimeError(f"influxdb2: a query was answered {status}: {body!r}")
        return body.decode()
