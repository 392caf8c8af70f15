"""The API and the dashboard on one server."""

import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from config.load import load
from edge.status import ask, socket_path
from kpi.api.app import application
from store import StoreError
from store.journal import place


def app(plant_file: Path) -> FastAPI:
    """With the agent's own metrics, where one runs beside it."""
    folder = place(load(plant_file))

    def metrics() -> bytes:
        return ask(socket_path(folder), "/metrics") or b"gemba_up 0\n"

    return application(plant_file, metrics)


def listening(host: str, port: int) -> socket.socket:
    """Raises `StoreError` when the address is taken."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise StoreError(f"{host}:{port}: {error.strerror}; give another --port") from error


def serve(plant_file: Path, host: str, port: int) -> None:
    door = listening(host, port)
    shown = f"[{host}]" if ":" in host else host
    print(f"http://{shown}:{door.getsockname()[1]}/", file=sys.stderr, flush=True)
    config = uvicorn.Config(
        app(plant_file), log_level="warning", access_log=False, server_header=False, proxy_headers=False
    )
    uvicorn.Server(config).run(sockets=[door])
