"""InfluxDB 2.7.12 from its public Go module: no package index ships a binary of it.

The Flux engine inside is Rust, which cgo reaches through a pkg-config of InfluxData's own that calls cargo. Flux pins
an old toolchain and denies warnings; both have to be answered from outside, as its sources stay as published.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.servers.cache import Run, build, built, need

VERSION = "2.7.12"
NAME = f"influxdb-{VERSION}"
MODULE = "github.com/influxdata/influxdb/v2"
PKG_CONFIG = "github.com/influxdata/pkg-config@v0.2.7"

# RUSTFLAGS does not reach build scripts; a wrapper around rustc does. cargo passes --cap-lints itself for dependencies.
WRAPPER = """#!/bin/sh
case "$*" in *--cap-lints*) exec "$@" ;; esac
exec "$@" --cap-lints warn
"""


def find() -> Path | None:
    folder = built(NAME)
    return folder / "influxd" if folder else None


def install() -> None:
    """About four minutes on two cores from a cold cache."""
    build(NAME, _make)


def _make(folder: Path, run: Run) -> None:
    need(NAME, "go", "cargo", "cc")
    work = folder / "work"
    work.mkdir()
    wrapper = work / "rustc-wrapper"
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o755)
    env = {
        "GOBIN": str(work),
        "RUSTC_WRAPPER": str(wrapper),
        "GOFLAGS": "-buildvcs=false",
        "CGO_ENABLED": "1",
        **_toolchain(),
    }
    run(["go", "install", PKG_CONFIG], env)
    env["PKG_CONFIG"] = str(work / "pkg-config")
    # `go install module@version` refuses a module with replacements, so it is built from an empty one that requires it.
    (folder / "go.mod").write_text("module influxd\n\ngo 1.24\n")
    run(["go", "get", f"{MODULE}@v{VERSION}"], env)
    tags = "sqlite_foreign_keys sqlite_json"
    run(["go", "build", "-mod=mod", "-tags", tags, "-o", str(folder / "influxd"), f"{MODULE}/cmd/influxd"], env)
    shutil.rmtree(work)


def _toolchain() -> dict[str, str]:
    """The Rust that is installed, in place of the one that Flux pins and rustup would go and download."""
    if not shutil.which("rustup"):
        return {}
    asked = ["rustup", "show", "active-toolchain"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=Path.home()).stdout.split()
    return {"RUSTUP_TOOLCHAIN": os.environ.get("RUSTUP_TOOLCHAIN") or (said[0] if said else "stable")}
