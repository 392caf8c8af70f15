"""An OPC UA server on node-opcua (npm), which shares no code with asyncua; every value says where it comes from."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.servers.node import NodeProgram

NAMESPACE = "urn:gemba:tests:plant"
POLICIES = ("None", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss")
MODES = ("None", "Sign", "SignAndEncrypt")


def double(node: int, sequence: int = 0) -> float:
    """What node `n<node>` says as a Double (also Int64 and UInt64) after `sequence` updates."""
    return float(node * 1000000 + sequence)


class NodeOpcUa(NodeProgram):
    """Nodes `nsu=urn:gemba:tests:plant;s=n0` and on; types go round `types`; all rise together `hz` times a second.

    `namespaces_before` moves the index of the namespace; `limits` are OperationLimits such as `maxNodesPerRead`.
    """

    name = "nodeopcua"
    script = "opcua.js"
    user = "gemba"
    password = "measured"

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        nodes: int = 10,
        types: Sequence[str] = ("Double",),
        hz: float = 0,
        anonymous: bool = True,
        policies: Sequence[str] = POLICIES,
        modes: Sequence[str] = MODES,
        trust_clients: bool = True,
        namespaces_before: int = 0,
        limits: Mapping[str, int] | None = None,
        bad: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__(folder, port)
        self.nodes, self.types, self.hz, self.anonymous = nodes, types, hz, anonymous
        self.policies, self.modes, self.trust_clients = policies, modes, trust_clients
        self.namespaces_before = namespaces_before
        self.limits = dict(limits or {})
        self.bad = dict(bad or {})

    @property
    def url(self) -> str:
        return f"opc.tcp://{self.host}:{self.port}"

    @property
    def certificate(self) -> Path:
        """The server's own, DER or PEM as node-opcua wrote it."""
        return self.folder / "pki" / "own" / "certs" / "certificate.pem"

    def node_id(self, node: int) -> str:
        """With the index of this start; by URI it is the same at each."""
        return f"ns={self.namespaces_before + 2};s=n{node}"

    def options(self) -> dict[str, Any]:
        # A killed server leaves its lock on the key store, which node-opcua then respects for two minutes.
        for store in ("pki", "users"):
            shutil.rmtree(self.folder / store / "mutex.lock", ignore_errors=True)
        return {
            "host": self.host,
            "port": self.port,
            "folder": str(self.folder.resolve()),
            "nodes": self.nodes,
            "types": list(self.types),
            "hz": self.hz,
            "anonymous": self.anonymous,
            "users": {self.user: self.password},
            "policies": list(self.policies),
            "modes": list(self.modes),
            "trustClients": self.trust_clients,
            "namespacesBefore": self.namespaces_before,
            "limits": self.limits,
        }

    def started(self) -> None:
        for node, status in self.bad.items():
            self.status(node, status)

    def status(self, node: int, status: str = "Good") -> None:
        """From now on the node carries this StatusCode, such as `BadSensorFailure`."""
        self.order("status", node=node, status=status)

    def step(self) -> int:
        """One update of every node; the sequence number that all of them now carry."""
        return int(self.order("step")["sequence"])

    def sequence(self) -> int:
        return int(self.order("sequence")["sequence"])
