# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Charts: pulled once into a checksummed cache, or read from a file (G53)."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from .._core.errors import HelmError
from .._core.ports import ChartArchive, Json
from .folders import own_folder
from .libraries import parse, yaml

CHART = "vcluster"
PULL_SECONDS = 120
# Far above any released chart (0.36.1: 100 KB packed, values.schema.json 230 KB).
LARGEST_MEMBER = 16 * 1024 * 1024
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|\[::1\]")


class Pull(Protocol):
    """`helm pull REFERENCE --destination FOLDER`."""

    def __call__(self, reference: list[str], folder: Path, seconds: int) -> None: ...


class Charts:
    """The chart archives a run uses.

    Args:
        pull: Fetches a chart into a folder.
        cache: Folder of the cache; `$XDG_CACHE_HOME/fleetops.vcluster/charts` by default.
    """

    def __init__(self, pull: Pull, cache: Path | None = None) -> None:
        self._pull = pull
        self._cache = cache or _default_cache()
        self._opened: dict[tuple[str, str], ChartArchive] = {}

    def get(self, chart: str, version: str) -> ChartArchive:
        """The archive of a chart.

        Args:
            chart: A chart repository (`https://...`), an `oci://` reference, the path of an archive, or of a folder of
                archives `vcluster-VERSION.tgz`, as `helm pull` names them.
            version: Chart version; an archive of another version is an error.

        Raises:
            HelmError: It cannot be had, or is not the chart asked for.
        """
        key = chart, version
        if key not in self._opened:
            remote = re.match(r"(https?|oci)://", chart)
            path = self._fetch(chart, version) if remote else _local(chart, version)
            self._opened[key] = open_archive(path, version)
        return self._opened[key]

    def _fetch(self, chart: str, version: str) -> Path:
        key = hashlib.sha256(f"{chart}\n{version}".encode()).hexdigest()[:16]
        folder = self._cache / key
        path = folder / f"{CHART}-{version}.tgz"
        with _exclusive(folder):
            if not _intact(path):
                self._download(chart, version, path)
        return path

    def _download(self, chart: str, version: str, path: Path) -> None:
        with tempfile.TemporaryDirectory(dir=path.parent) as temporary:
            self._pull(_reference(chart, version), Path(temporary), PULL_SECONDS)
            pulled = next(Path(temporary).glob("*.tgz"), None)
            if pulled is None:
                raise HelmError(f"helm pull of {chart} {version} brought no archive.")
            _checksum_file(path).write_text(_digest(pulled))
            pulled.replace(path)


def open_archive(path: Path, version: str) -> ChartArchive:
    """Read what the planner needs from a chart archive."""
    members = {"Chart.yaml": b"", "values.yaml": b"{}", "values.schema.json": b"{}"}
    try:
        content = path.read_bytes()
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for name in members:
                members[name] = _member(archive, f"{CHART}/{name}") or members[name]
        metadata = _yaml(members["Chart.yaml"])
        schema: Json = json.loads(members["values.schema.json"])
        defaults = _yaml(members["values.yaml"])
    except (OSError, tarfile.TarError, ValueError, yaml.YAMLError) as error:
        raise HelmError(f"{path} is not a chart archive: {error}.") from error
    if metadata.get("name") != CHART:
        raise HelmError(f"{path} holds no chart named {CHART}.", "Check vcluster_chart.")
    found = str(metadata.get("version", ""))
    if version and found != version:
        raise HelmError(
            f"{path} holds version {found}, and vcluster_version asks for {version}.",
            "Make the two agree.",
        )
    return ChartArchive(path, hashlib.sha256(content).hexdigest(), found, schema, defaults)


def _local(chart: str, version: str) -> Path:
    path = Path(chart).expanduser()
    if path.is_dir():
        path /= f"{CHART}-{version}.tgz"
    if not path.is_file():
        raise HelmError(
            f"The chart {path} does not exist.",
            "vcluster_chart is a repository (https://...), an oci:// reference, the path of an archive or of a folder "
            f"with archives such as {CHART}-{version}.tgz.",
        )
    return path.absolute()


def _reference(chart: str, version: str) -> list[str]:
    if not chart.startswith("oci://"):
        return [CHART, "--repo", chart, "--version", version]
    host = urlsplit(chart).netloc.rsplit(":", 1)[0]
    plain = ["--plain-http"] if _LOOPBACK.fullmatch(host) else []
    return [chart, "--version", version, *plain]


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    try:
        member = archive.getmember(name)
    except KeyError:
        return b""
    file = archive.extractfile(member)
    return file.read(LARGEST_MEMBER) if file else b""


def _yaml(content: bytes) -> dict[str, Any]:
    document = parse(content)
    return document if isinstance(document, dict) else {}


def _default_cache() -> Path:
    return own_folder("XDG_CACHE_HOME", "~/.cache") / "charts"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _checksum_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _intact(path: Path) -> bool:
    """Whether the cached archive is there and is what was pulled."""
    checksum = _checksum_file(path)
    return path.is_file() and checksum.is_file() and checksum.read_text() == _digest(path)


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """One process at a time: Ansible's forks want the same chart at the same moment."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
