# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain chart repository and a read-only OCI registry of the lab's charts, one loopback port.

Helm only ever pulls here, so both are views of one folder: the repository is the folder itself, the
registry answers the pull half of the OCI distribution API from the same packages. `python -m
lab.chart_server FOLDER` serves; `start` and `stop` run it beside the lab.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from .chart import NAME, repository
from .command import LabError
from .paths import state

ADDRESS = "127.0.0.1"
LIMIT = 10.0  # seconds to start or to end
REPOSITORY = f"charts/{NAME}"  # name of the charts in the registry
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.cncf.helm.config.v1+json"
LAYER_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_FILE_TYPES = {".yaml": "text/yaml", ".tgz": "application/gzip"}


@dataclass
class Registry:
    """The packages of a folder as content of an OCI registry.

    :ivar manifests: by tag and by digest
    :ivar blobs: chart configs and packages, by digest
    """

    tags: list[str] = field(default_factory=list)
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Registry:
        """Read all packages of a folder."""
        registry = cls()
        for package in sorted(folder.glob(f"{NAME}-*.tgz")):
            registry.add(package)
        return registry

    def add(self, package: Path) -> None:
        """Add a package under its chart version, as `helm push` does."""
        with tarfile.open(package) as tar:
            member = tar.extractfile(f"{NAME}/Chart.yaml")
            assert member is not None, f"{package} has no Chart.yaml"
            metadata = yaml.safe_load(member)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": self._blob(CONFIG_TYPE, json.dumps(metadata).encode()),
            "layers": [self._blob(LAYER_TYPE, package.read_bytes())],
        }
        content = json.dumps(manifest).encode()
        # A tag has no "+", which a chart version may have.
        tag = str(metadata["version"]).replace("+", "_")
        self.tags.append(tag)
        self.manifests[tag] = self.manifests[_digest(content)] = content

    def _blob(self, media_type: str, content: bytes) -> dict[str, str | int]:
        digest = _digest(content)
        self.blobs[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Return media type and content of a path below /v2/; None when there is nothing."""
        if path == "":
            return "application/json", b"{}"
        if path == f"{REPOSITORY}/tags/list":
            tags = {"name": REPOSITORY, "tags": self.tags}
            return "application/json", json.dumps(tags).encode()
        for kind, media_type, known in (
            ("manifests", MANIFEST_TYPE, self.manifests),
            ("blobs", "application/octet-stream", self.blobs),
        ):
            reference = path.removeprefix(f"{REPOSITORY}/{kind}/")
            if reference != path and reference in known:
                return media_type, known[reference]
        return None


class Handler(BaseHTTPRequestHandler):
    """Answers from the server's folder, afresh each time: a new package needs no restart."""

    folder: Path

    def do_GET(self) -> None:
        """Send what lies at the path."""
        self._send(with_body=True)

    def do_HEAD(self) -> None:
        """Send only what is known about it."""
        self._send(with_body=False)

    def _send(self, *, with_body: bool) -> None:
        path = self.path.split("?")[0]
        found = self._find(path)
        status = HTTPStatus.OK if found else HTTPStatus.NOT_FOUND
        media_type, content = found or ("text/plain", f"{path}: not here\n".encode())
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        if path.startswith("/v2/"):
            self.send_header("Docker-Content-Digest", _digest(content))
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def _find(self, path: str) -> tuple[str, bytes] | None:
        if path.startswith("/v2/"):
            return Registry.of(self.folder).answer(path.removeprefix("/v2/"))
        file = self.folder / Path(path).name
        media_type = _FILE_TYPES.get(file.suffix)
        if path != f"/{file.name}" or media_type is None or not file.is_file():
            return None
        return media_type, file.read_bytes()


def start(folder: Path | None = None) -> dict[str, str]:
    """Serve all charts of the lab; a server that runs already gets the newest packages.

    :param folder: where the packages are served from, by default in the lab's state
    :returns: `chart_repository` and `oci_registry`, both URLs; Helm needs `--plain-http` for the latter
    :raises LabError: the server did not start
    """
    folder = folder or state() / "charts"
    repository(folder)
    if _running(folder) is None:
        _spawn(folder)
    urls: dict[str, str] = json.loads(_record(folder).read_text())["urls"]
    return urls


def stop(folder: Path | None = None) -> None:
    """End the server of a folder, if one runs."""
    folder = folder or state() / "charts"
    pid = _running(folder)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        _wait(lambda: _running(folder) is None, f"process {pid} does not end")
    _record(folder).unlink(missing_ok=True)


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `lab charts` to the command line."""
    help_text = "serve the charts as a chart repository and an OCI registry, and print their URLs"
    parser = subparsers.add_parser("charts", help=help_text, description=help_text)
    parser.add_argument("--stop", action="store_true", help="end the server")
    parser.set_defaults(run=_command)


def _command(arguments: argparse.Namespace) -> int:
    if arguments.stop:
        stop()
    else:
        for name, url in start().items():
            print(f"{name} {url}")
    return 0


def _record(folder: Path) -> Path:
    return folder / "server.json"


def _running(folder: Path) -> int | None:
    """Return the process that serves a folder; a number that went to another process is no answer."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        pid = int(json.loads(_record(folder).read_text())["pid"])
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if os.fsencode(folder) in arguments:
            return pid
    return None


def _spawn(folder: Path) -> None:
    _record(folder).unlink(missing_ok=True)
    package_root = Path(__file__).resolve().parent.parent
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "lab.chart_server", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(package_root)},
            start_new_session=True,  # it outlives the command that starts it
        )
    _wait(lambda: _record(folder).exists() or process.poll() is not None, "it does not start")
    if process.poll() is not None:
        raise LabError(f"the chart server ended at once; {log} says: {log.read_text()[-1000:]}")


def _wait(done: Callable[[], bool], problem: str) -> None:
    deadline = time.monotonic() + LIMIT
    while not done():
        if time.monotonic() > deadline:
            raise LabError(f"the chart server: {problem} within {LIMIT:.0f} s")
        time.sleep(0.02)


def _serve(folder: Path) -> None:
    handler = type("FolderHandler", (Handler,), {"folder": folder})
    server = ThreadingHTTPServer((ADDRESS, 0), handler)
    host = f"{ADDRESS}:{server.server_port}"
    urls = {"chart_repository": f"http://{host}", "oci_registry": f"oci://{host}/charts"}
    record = _record(folder)
    new = record.with_suffix(".new")
    new.write_text(json.dumps({"pid": os.getpid(), "urls": urls}))
    new.replace(record)
    server.serve_forever()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
