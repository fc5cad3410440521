# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The helm command: 3.13 or later, or 4."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from .._core.errors import HelmError
from .._core.ports import NO_NOTE, ChartArchive, Json, Note
from .._core.spec import Access
from .charts import Charts
from .folders import own_folder
from .helm_errors import explain
from .kubeconfig import kubeconfig_path
from .libraries import fast_loader, yaml

OLDEST = (3, 13)
VERSION = re.compile(r"v?(\d+\.\d+\.\d+\S*)")
HISTORY = 10
# Helm gets this long beyond its own --timeout before it is ended.
GRACE = 30
QUICK = 60


class HelmCommand:
    """Runs helm against one host cluster (see the port `Helm`).

    Values travel in files of mode 0600 that are removed again, never in argv. Helm 4 is run with client-side apply, as
    Helm 3 always does: its server-side apply ends in a conflict on any field that somebody else owns (a
    `kubectl scale` on `replicas`), and can only be forced for all fields of a release at once. So both give the
    same result: what the chart renders wins, what it does not render is left alone (G64).

    Args:
        access: How to reach the host cluster.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._charts = Charts(self._pull)

    @cached_property
    def version(self) -> str:
        """Version such as `3.22.0`.

        Raises:
            HelmError: There is no helm, or it is too old.
        """
        output = self._version_output()
        match = VERSION.search(output)
        found = match[1] if match else ""
        numbers = tuple(int(part) for part in found.split(".")[:2]) if match else (0,)
        if numbers < OLDEST:
            raise HelmError(
                f"Helm {found or output.strip()!r} ({self._program}) is too old.",
                "Install helm 3.13 or later, or 4.",
            )
        return found

    def _version_output(self) -> str:
        """What `helm version` says; remembered for this very program, since starting Helm costs more than a plan."""
        program = Path(self._program).resolve()
        found = program.stat()
        identity = f"{program}\n{found.st_size}\n{found.st_mtime_ns}"
        name = hashlib.sha256(identity.encode()).hexdigest()[:16]
        memory = own_folder("XDG_CACHE_HOME", "~/.cache") / "helm" / name
        with suppress(OSError):
            return memory.read_text()
        output = self._run(["version", "--template", "{{.Version}}"], QUICK, cluster=False)
        if not VERSION.search(output):
            return output
        with suppress(OSError):
            memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            whole = memory.with_suffix(f".{os.getpid()}")
            whole.write_text(output)
            whole.replace(memory)
        return output

    def pull(self, chart: str, version: str) -> ChartArchive:
        """See Helm. A chart that is a file is read where it lies."""
        return self._charts.get(chart, version)

    def upgrade(
        self,
        name: str,
        namespace: str,
        chart: ChartArchive,
        values: Mapping[str, Any],
        seconds: int,
        note: Note = NO_NOTE,
    ) -> None:
        """See Helm. `values` is all of the release's user values: none are carried over from the last revision."""
        with _values_file(values) as file:
            command = ["upgrade", name, str(chart.path), "--install", "--reset-values"]
            command += ["--values", str(file), *self._history(), *self._apply(), *_noted(note)]
            self._change(command, namespace, seconds)

    def rollback(self, name: str, namespace: str, revision: int, seconds: int) -> None:
        """See Helm."""
        command = ["rollback", name, str(revision), *self._history(), *self._apply()]
        self._change(command, namespace, seconds)

    def uninstall(self, name: str, namespace: str, seconds: int) -> None:
        """See Helm."""
        self._change(["uninstall", name, "--ignore-not-found"], namespace, seconds)

    def template(
        self,
        name: str,
        namespace: str,
        chart: ChartArchive,
        values: Mapping[str, Any],
        host_version: str,
    ) -> list[Json]:
        """See Helm. `host_version` (such as 1.36) decides what the chart renders: facts 17.11."""
        with _values_file(values) as file:
            command = ["template", name, str(chart.path), "--namespace", namespace]
            command += ["--values", str(file), "--kube-version", host_version]
            output = self._run(command, QUICK, cluster=False)
        documents = yaml.load_all(output, Loader=fast_loader())
        return [document for document in documents if document]

    @cached_property
    def _program(self) -> str:
        asked = os.environ.get("HELM") or "helm"
        found = shutil.which(asked)
        if not found:
            raise HelmError(
                f"The program {asked} was not found.",
                "Install helm (3.13 or later, or 4), or set the environment variable HELM to its path.",
            )
        return found

    def _history(self) -> list[str]:
        return ["--history-max", str(HISTORY)]

    def _apply(self) -> list[str]:
        return ["--server-side=false"] if self.version.startswith("4.") else []

    def _change(self, command: list[str], namespace: str, seconds: int) -> None:
        timeout = ["--namespace", namespace, "--timeout", f"{seconds}s"]
        self._run([*command, *timeout], seconds + GRACE, cluster=True)

    def _pull(self, reference: list[str], folder: Path, seconds: int) -> None:
        self._run(["pull", *reference, "--destination", str(folder)], seconds, cluster=False)

    def _run(self, command: list[str], seconds: float, cluster: bool) -> str:
        with self._environment(cluster) as (environment, flags):
            try:
                done = subprocess.run(
                    [self._program, *command, *flags],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise HelmError(
                    f"helm {command[0]} did not end within {seconds:.0f} s and was stopped.",
                    "Check the host cluster, then run again: the next run repairs what was left.",
                ) from error
        if done.returncode != 0:
            raise explain(command, done.stderr or done.stdout)
        return done.stdout

    @contextmanager
    def _environment(self, cluster: bool) -> Iterator[tuple[dict[str, str], list[str]]]:
        """Helm's environment and the flags that choose the host cluster."""
        environment = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
        # Releases are read as Secrets; debug output would print values.
        environment.update(HELM_DRIVER="secret", HELM_DEBUG="false")
        # Helm keeps the index of a repository there, and fails where there is no home directory.
        cache = own_folder("XDG_CACHE_HOME", "~/.cache") / "helm-cache"
        environment.setdefault("HELM_CACHE_HOME", str(cache))
        if not cluster:
            yield environment, []
        elif self._access.host:
            with _private_file(json.dumps(_kubeconfig(self._access)), "kubeconfig") as file:
                yield {**environment, "KUBECONFIG": str(file)}, []
        else:
            path = kubeconfig_path(self._access)
            if path:
                environment["KUBECONFIG"] = path
            context = self._access.context
            yield environment, (["--kube-context", context] if context else [])


def _noted(note: Note) -> list[str]:
    flags = ["--description", note.description] if note.description else []
    labels = ",".join(f"{key}={value}" for key, value in note.labels.items())
    return [*flags, "--labels", labels] if labels else flags


def _kubeconfig(access: Access) -> Json:
    """A kubeconfig for address, token and CA."""
    cluster: Json = {"server": access.host}
    if access.ca_cert:
        cluster["certificate-authority"] = str(Path(access.ca_cert).expanduser().absolute())
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "host", "cluster": cluster}],
        "users": [{"name": "host", "user": {"token": access.token or ""}}],
        "contexts": [{"name": "host", "context": {"cluster": "host", "user": "host"}}],
        "current-context": "host",
    }


def _values_file(values: Mapping[str, Any]) -> Any:
    """Values as JSON: no YAML scalar changes its type on the way (G58)."""
    return _private_file(json.dumps(values), "values.json")


@contextmanager
def _private_file(content: str, name: str) -> Iterator[Path]:
    """A file that only this user can read, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="fleetops-") as folder:
        path = Path(folder) / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        yield path
