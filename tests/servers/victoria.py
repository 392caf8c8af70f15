"""VictoriaMetrics of Debian: a second implementation of the v2 write API that shares no code with InfluxDB.

A field becomes a metric `<measurement>_<field>`, times are cut to milliseconds, and there is no Flux and no InfluxQL.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from tests.servers import provide
from tests.servers.process import Server, ask


class VictoriaMetrics(Server):
    name = "victoria"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def command(self) -> list[str]:
        return [
            str(provide.ensure("victoria")),
            f"-storageDataPath={self.folder / 'storage'}",
            f"-httpListenAddr={self.host}:{self.port}",
            "-retentionPeriod=100y",
            "-loggerLevel=WARN",
        ]

    def ready(self) -> bool:
        return ask(f"{self.url}/health")[0] == 200

    def export(self, match: str) -> list[dict[str, Any]]:
        """Every series that matches, as `{"metric": {...}, "values": [...], "timestamps": [ms, ...]}`."""
        ask(f"{self.url}/internal/force_flush")  # a row is otherwise invisible for a second or two
        status, body = ask(f"{self.url}/api/v1/export?{urlencode({'match[]': match})}")
        if status != 200:
            raise RuntimeError(f"victoria: an export was answered {status}: {body!r}")
        return [json.loads(line) for line in body.splitlines()]
