# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in chart `vcluster`, packaged for one line of the product at a time.

The templates are the same for all lines. A line is one file, chart/lines/LINE.yaml: its version,
its differing default values, keys it has or lacks, keys its templates refuse, rules of the Role,
and features. `like` names the line that it differs from; without, that is the one of
chart/values.yaml, chart/schema.yaml and chart/role.yaml.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .chart_schema import SchemaBuilder
from .command import LabError
from .paths import cache

NAME = "vcluster"
SOURCE = Path(__file__).resolve().parent.parent / "chart"
CREATED = "2026-01-01T00:00:00Z"  # a fixed time keeps packages and indexes reproducible


@dataclass(frozen=True)
class Line:
    """One line of the chart: what its file in chart/lines says, and those of the lines it is like.

    :ivar name: chart minor, such as "0.36"
    :ivar version: chart version that stands for the line, such as "0.36.1"
    :ivar values: default values that differ from chart/values.yaml
    :ivar keys: schema keys of this line alone, path to shape
    :ivar absent: paths of values and schema that this line does not have; of the values alone
        where `keys` has the path
    :ivar refused: paths that the schema takes and the templates refuse
    :ivar features: switches the templates read
    :ivar role: rules of the Role that no value changes, where they differ from chart/role.yaml
    """

    name: str
    version: str
    features: dict[str, bool]
    refused: list[str]
    values: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    role: list[dict[str, Any]] | None = None

    @property
    def metadata(self) -> dict[str, str]:
        """Content of Chart.yaml. Like the vendor's, it has no appVersion."""
        return {
            "apiVersion": "v2",
            "name": NAME,
            "version": self.version,
            "type": "application",
            "description": "Stand-in of the fleetops.vcluster lab for the vCluster chart",
        }

    def default_values(self) -> dict[str, Any]:
        """Return the default values of the line."""
        values = _merge(_load(SOURCE / "values.yaml"), self.values)
        for path in self.absent:
            _remove(values, path.split("."))
        return values

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the line's values."""
        builder = SchemaBuilder(_load(SOURCE / "schema.yaml"))
        absent = [path for path in self.absent if path not in self.keys]
        return builder.build(self.default_values(), self.keys, absent)


def lines() -> dict[str, Line]:
    """Return the lines the lab has, oldest first, by name."""
    files = sorted(SOURCE.glob("lines/*.yaml"), key=lambda file: _numbers(file.stem))
    told = {file.stem: _load(file) for file in files}
    return {name: Line(name=name, **_with_base(name, told)) for name in told}


def find(line_or_version: str) -> Line:
    """Return a line by its name ("0.36") or by its chart version ("0.36.1").

    :raises LabError: the lab has no such line
    """
    known = lines()
    for line in known.values():
        if line_or_version in (line.name, line.version):
            return line
    versions = ", ".join(line.version for line in known.values())
    raise LabError(f"the lab has no chart {line_or_version}; it has {versions}")


def package(line_or_version: str) -> Path:
    """Package a line's chart and return the .tgz in the cache, named as `helm package` names it.

    The folder in the cache is named by the package's content: a changed template is a new path.
    """
    line = find(line_or_version)
    archive = _archive(line)
    digest = hashlib.sha256(archive).hexdigest()
    path = cache() / "charts" / digest[:16] / f"{NAME}-{line.version}.tgz"
    if not path.exists():
        write_atomically(path, archive)
    return path


def repository(directory: Path) -> Path:
    """Fill a folder with the packages of all lines and the index of a plain chart repository.

    :returns: the folder's index.yaml; URLs in it are relative to it
    """
    entries = []
    for line in reversed(lines().values()):
        archive = package(line.name).read_bytes()
        write_atomically(directory / f"{NAME}-{line.version}.tgz", archive)
        entries.append(
            {
                **line.metadata,
                "created": CREATED,
                "digest": hashlib.sha256(archive).hexdigest(),
                "urls": [f"{NAME}-{line.version}.tgz"],
            }
        )
    index = {"apiVersion": "v1", "generated": CREATED, "entries": {NAME: entries}}
    path = directory / "index.yaml"
    write_atomically(path, yaml.safe_dump(index).encode())
    return path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def _archive(line: Line) -> bytes:
    files = {
        "Chart.yaml": yaml.safe_dump(line.metadata).encode(),
        "values.yaml": yaml.safe_dump(line.default_values(), sort_keys=False).encode(),
        "values.schema.json": json.dumps(line.schema()).encode(),
        "line.yaml": yaml.safe_dump(_read_by_templates(line)).encode(),
    }
    for template in sorted(SOURCE.glob("templates/*")):
        files[f"templates/{template.name}"] = template.read_bytes()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{NAME}/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(content.getvalue(), mtime=0)


def _read_by_templates(line: Line) -> dict[str, Any]:
    role = _load(SOURCE / "role.yaml") if line.role is None else line.role
    return {"features": line.features, "refused": line.refused, "role": role}


def _with_base(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """Return what a line's file says, over what the file of the line says that it is like."""
    own = {key: value for key, value in told[name].items() if key != "like"}
    if "like" not in told[name]:
        return own
    base = _with_base(told[name]["like"], told)
    absent = [*base.get("absent", []), *own.get("absent", [])]
    return {**_merge(base, own), "absent": absent}


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merge(base[key], value) if both else value
    return merged


def _remove(values: dict[str, Any], keys: list[str]) -> None:
    *parents, last = keys
    for key in parents:
        values = values.get(key, {})
    values.pop(last, None)


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split("."))
