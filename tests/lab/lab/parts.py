# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's programs, each built once from its Go module in tests/lab/go into the cache.

A module makes one executable; where it holds several programs they are symbolic links to it,
and it acts as the one whose name it is called by. A build is known by a digest of its sources,
its flags and the version of Go, and appears in the cache whole or not at all.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from .command import LabError
from .lock import cache_lock
from .paths import LAB, cache
from .toolchain import GO_SETTINGS, Go, go

MODULES = LAB / "go"
BUILD_TIMEOUT = 3600  # seconds; Kubernetes with empty caches on a busy machine of two cores
LOG_LINES = 40


@dataclass(frozen=True, eq=False)
class Part:
    """A Go module of tests/lab/go and the programs that come out of it.

    `programs` maps the name a program has in the lab to the name it must be called by.
    `package` is what `go build` takes. `variables` are string variables set at link time, by
    their full names; `tags` are build tags. `heavy` parts take some 4 GB of memory to link.
    `duration` is for people. `folder` is that of the module where two parts come out of one.
    """

    module: str
    programs: Mapping[str, str]
    package: str = "."
    variables: Mapping[str, str] = field(default_factory=dict)
    tags: str = ""
    heavy: bool = False
    duration: str = "1 min"
    folder: str = ""

    @property
    def sources(self) -> Path:
        return MODULES / (self.folder or self.module)

    def flags(self) -> list[str]:
        settings = [f"-X {name}={value}" for name, value in sorted(self.variables.items())]
        tags = ["-tags", self.tags] if self.tags else []
        # -s -w leaves debugging symbols out; not writing them at all saves a fifth of a build
        return [*tags, "-gcflags=all=-dwarf=false", "-ldflags", " ".join(["-s -w", *settings])]

    def digest(self, toolchain: Go) -> str:
        """What a build depends on, as 16 hexadecimal digits."""
        if not (self.sources / "go.mod").is_file():
            raise LabError(f"{self.sources}: no go.mod there, so {self.module} can't be built")
        digest = hashlib.sha256()
        facts: list[object] = [toolchain.version, self.package, *self.flags()]
        facts += [*GO_SETTINGS.items(), *sorted(self.programs.items())]
        for fact in facts:
            digest.update(f"{fact}\0".encode())
        for source in sorted(self.sources.rglob("*")):
            if source.is_file() and not source.name.endswith("_test.go"):
                content = source.read_bytes()
                name = source.relative_to(self.sources).as_posix()
                digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:16]


def _kubernetes(version: str) -> dict[str, str]:
    # Without it the programs say v0.0.0, and `kubectl version` fails on that.
    return {
        "k8s.io/component-base/version.gitVersion": version,
        "k8s.io/component-base/version.gitMajor": version.removeprefix("v").split(".")[0],
        "k8s.io/component-base/version.gitMinor": version.split(".")[1],
        "k8s.io/component-base/version.gitTreeState": "clean",
    }


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _kine(name: str, version: str) -> Part:
    return Part(
        name,
        {name: "kine"},
        package="github.com/k3s-io/kine",
        variables={"github.com/k3s-io/kine/pkg/version.Version": version},
    )


def _prometheus(program: str, duration: str) -> Part:
    """One of two programs of a module: rules are tested without building the server."""
    return Part(
        program,
        _same(program),
        package=f"github.com/prometheus/prometheus/cmd/{program}",
        variables={"github.com/prometheus/common/version.Version": "3.15.1"},
        # Of some thirty ways to find targets the one that is used. The web pages are not in the module.
        tags="remove_all_sd,enable_kubernetes_sd",
        duration=duration,
        folder="prometheus",
    )


_ALL = (
    Part(
        "kubernetes-1.36",
        _same(
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "kube-proxy",
            "kubectl",
        ),
        variables=_kubernetes("v1.36.3"),
        heavy=True,
        duration="5 min",
    ),
    Part(
        "kubernetes-1.35",
        {
            "kube-apiserver-1.35": "kube-apiserver",
            "kube-controller-manager-1.35": "kube-controller-manager",
        },
        variables=_kubernetes("v1.35.4"),
        heavy=True,
        duration="5 min",
    ),
    Part("etcd-3.6", _same("etcd", "etcdctl", "etcdutl")),
    Part("etcd-3.5", {f"{name}-3.5": name for name in ("etcd", "etcdctl", "etcdutl")}),
    _kine("kine", "v0.17.5"),
    _kine("kine-0.17.2", "v0.17.2"),
    Part(
        "metrics-server",
        _same("metrics-server"),
        package="sigs.k8s.io/metrics-server/cmd/metrics-server",
        duration="2 min",
    ),
    Part("coredns", _same("coredns"), duration="2 min"),
    Part(
        "helm-3",
        {"helm3": "helm"},
        package="helm.sh/helm/v3/cmd/helm",
        variables={"helm.sh/helm/v3/internal/version.version": "v3.22.0"},
        duration="2 min",
    ),
    Part(
        "helm-4",
        {"helm4": "helm"},
        package="helm.sh/helm/v4/cmd/helm",
        variables={"helm.sh/helm/v4/internal/version.version": "v4.3.1"},
        duration="2 min",
    ),
    Part("syncer", _same("syncer")),
    _prometheus("promtool", "2 min"),
    _prometheus("prometheus", "2 min"),
)
PARTS: dict[str, Part] = {part.module: part for part in _ALL}
PROGRAMS: dict[str, Part] = {name: part for part in _ALL for name in part.programs}


def build(names: Iterable[str] = ()) -> dict[str, Path]:
    """Build what the cache lacks and return the executables of these programs (default: all).

    A name is that of a program or of a part. Light parts are built beside heavy ones, since a
    link keeps one core busy; heavy ones one after the other, since two links need 8 GB.
    """
    wanted = dict.fromkeys(_programs(names))
    parts = list(dict.fromkeys(PROGRAMS[name] for name in wanted))
    toolchain = go()
    lanes = [[part for part in parts if part.heavy is heavy] for heavy in (True, False)]

    def work(lane: Sequence[Part]) -> dict[str, Path]:
        return {part.module: _folder(part, toolchain) for part in lane}

    with ThreadPoolExecutor(len(lanes)) as pool:
        folders = {module: path for lane in pool.map(work, lanes) for module, path in lane.items()}
    return {name: folders[PROGRAMS[name].module] / PROGRAMS[name].programs[name] for name in wanted}


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `lab build` and `lab path` to the command line."""
    help_text = "build programs into the cache (default: all)"
    parser = subparsers.add_parser("build", help=help_text, description=help_text)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a program or a part")
    parser.set_defaults(run=_print_all)
    help_text = "print the path of a program, built if need be"
    parser = subparsers.add_parser("path", help=help_text, description=help_text)
    parser.add_argument("name", metavar="NAME", choices=sorted(PROGRAMS))
    parser.set_defaults(run=_print_one)


def _print_all(arguments: argparse.Namespace) -> int:
    for name, path in sorted(build(arguments.names).items()):
        print(f"{name} {path}")
    return 0


def _print_one(arguments: argparse.Namespace) -> int:
    print(build([arguments.name])[arguments.name])
    return 0


def _programs(names: Iterable[str]) -> list[str]:
    chosen: list[str] = []
    for name in list(names) or PARTS:
        if name in PROGRAMS:
            chosen.append(name)
        elif name in PARTS:
            chosen.extend(PARTS[name].programs)
        else:
            known = ", ".join(sorted({*PARTS, *PROGRAMS}))
            raise LabError(f"{name}: no program or part of the lab; there are {known}")
    return chosen


def _folder(part: Part, toolchain: Go) -> Path:
    """The folder of the part's programs, built now unless it is there."""
    folder = cache() / "programs" / f"{part.module}-{part.digest(toolchain)}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with cache_lock("build-heavy" if part.heavy else "build-light"):  # one of each on a machine
        if not folder.is_dir():  # another process may have built it while this one waited
            _build(part, folder, toolchain)
    return folder


def _build(part: Part, folder: Path, toolchain: Go) -> None:
    _say(f"building {part.module} (about {part.duration} when the caches are empty) ...")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{part.module}-") as scratch:
        result = Path(scratch) / "programs"
        result.mkdir()
        program, *links = sorted(set(part.programs.values()))
        _compile(part, result / program, toolchain)
        for link in links:
            (result / link).symlink_to(program)
        result.rename(folder)
    _say(f"built {part.module} in {time.monotonic() - started:.0f} s")


def _compile(part: Part, output: Path, toolchain: Go) -> None:
    argv = [str(toolchain.path), "build", *part.flags(), "-o", str(output), part.package]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        try:
            status = subprocess.run(
                argv,
                cwd=part.sources,
                env=toolchain.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=BUILD_TIMEOUT,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            status = None
        log.seek(0)
        last = "".join(log.readlines()[-LOG_LINES:]).rstrip()
    if status != 0:
        reason = f"took more than {BUILD_TIMEOUT} s" if status is None else f"exit status {status}"
        raise LabError(f"{part.module}: go build failed in {part.sources} ({reason}):\n{last}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
