# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the integration tests run on: the lab, an operator with minimal rights, and playbooks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
RBAC = ROOT / "docs" / "rbac"
ROLES = tuple(
    RBAC / f"{name}.yaml" for name in ("cluster-role", "restore-cluster-role", "drill-cluster-role")
)
SAVING_ROLES = (ROLES[0], RBAC / "backup-cluster-role.yaml")
PLAYBOOK_LIMIT = 900  # seconds


@dataclass(frozen=True)
class Lab:
    """The running lab, as build/lab/lab.json describes it."""

    facts: dict[str, Any]

    @classmethod
    def running(cls) -> Lab:
        state = Path(os.environ.get("FLEETOPS_LAB_STATE", ROOT / "build" / "lab"))
        path = state / "lab.json"
        if not path.exists():
            raise RuntimeError(f"no lab is running ({path} is missing): `make lab-up` starts one")
        return cls(json.loads(path.read_text()))

    @property
    def clusters(self) -> dict[str, Path]:
        """Administrator kubeconfigs by host cluster; only the harness itself uses them."""
        return {entry["name"]: Path(entry["kubeconfig"]) for entry in self.facts["clusters"]}

    @property
    def gateways(self) -> dict[str, str]:
        """Address of this machine that the pods of a host cluster reach, by host cluster."""
        return {entry["name"]: entry["gateway"] for entry in self.facts["clusters"]}

    @property
    def chart_repository(self) -> str:
        return str(self.facts["chart_repository"])


def program(name: str) -> str:
    """The path of one of the lab's programs (kubectl, helm3, helm4, etcdctl ...)."""
    return lab_command("path", name).strip()


def lab_command(*arguments: str) -> str:
    """What the lab's command line says."""
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "lab")}
    command = [sys.executable, "-m", "lab", *arguments]
    return subprocess.check_output(command, text=True, timeout=60, env=surroundings)


def kubectl(kubeconfig: Path, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl to its end; its error output is the test's error."""
    result = subprocess.run(
        [program("kubectl"), f"--kubeconfig={kubeconfig}", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if result.returncode:
        raise AssertionError(f"kubectl {' '.join(arguments)}: {result.stderr.strip()}")
    return result.stdout


def operator_kubeconfig(
    name: str, admin: Path, folder: Path, who: str = "operator", roles: Sequence[Path] = ROLES[:1]
) -> Path:
    """A kubeconfig that may do what these files of docs/rbac grant, and nothing more."""
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fleetops"}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": who, "namespace": "fleetops"},
        },
    ]
    for path in roles:
        kubectl(admin, "apply", "-f", str(path))
        role = yaml.safe_load(path.read_text())["metadata"]["name"]
        objects.append(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": f"{role}-{who}"},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": role,
                },
                "subjects": [{"kind": "ServiceAccount", "name": who, "namespace": "fleetops"}],
            }
        )
    kubectl(admin, "apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
    token = kubectl(admin, "-n", "fleetops", "create", "token", who, "--duration=8h").strip()
    config = yaml.safe_load(admin.read_text())
    config["users"] = [{"name": who, "user": {"token": token}}]
    for context in config["contexts"]:
        context["context"]["user"] = who
    path = folder / f"{name}-{who}.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))
    return path


@dataclass(frozen=True)
class Run:
    """A finished ansible-playbook."""

    returncode: int
    output: str

    def succeeded(self) -> Run:
        assert self.returncode == 0, self.output
        return self

    def failed(self) -> Run:
        assert self.returncode != 0, self.output
        assert "Traceback" not in self.output, self.output
        return self


@dataclass(frozen=True)
class Fleet:
    """An inventory and the surroundings its playbooks run in."""

    inventory: Path
    surroundings: dict[str, str]
    ansible: Path = Path(sys.executable).parent / "ansible-playbook"

    def play(self, playbook: str, *arguments: str) -> Run:
        """Run `fleetops.vcluster.PLAYBOOK`, as a person would."""
        return self._run(self.command(playbook, *arguments))

    def play_file(self, playbook: Path, *arguments: str) -> Run:
        """Run a playbook of the test's own."""
        return self._run([*self.command("site")[:3], str(playbook), *arguments])

    def _run(self, command: list[str]) -> Run:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PLAYBOOK_LIMIT,
            env=self.surroundings,
            check=False,
        )
        return Run(result.returncode, result.stdout)

    def command(self, playbook: str, *arguments: str) -> list[str]:
        """The command line itself, for tests that interrupt it."""
        return [
            str(self.ansible),
            "-i",
            str(self.inventory),
            f"fleetops.vcluster.{playbook}",
            *arguments,
        ]


def surroundings(folder: Path, helm: str) -> dict[str, str]:
    """Environment of a run: the wanted Helm, nothing of the developer's own configuration."""
    keep = {name: os.environ[name] for name in ("LANG", "XDG_CACHE_HOME") if name in os.environ}
    empty = folder / "ansible.cfg"
    empty.touch()
    return {
        **keep,
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "HELM": program(helm),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_CONFIG": str(empty),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "true",
    }
