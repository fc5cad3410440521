# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plain Helm does to a vCluster while it says `deployed`: why the collection exists.

The stand-in must behave as the vendor's release does; these tests show it, each with Helm alone.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from lab.command import LabError, run
from lab.ledger import Ledger, Target
from lab.up import Lab

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(420)]

FIRST = 161  # number of the host cluster on this machine, away from those of a running lab
VERSION = "0.36.1"
KUBERNETES = "v1.36.3"
OBJECTS = 100
T = TypeVar("T")


@dataclass(frozen=True)
class Release:
    """A vCluster that plain Helm installs, in a namespace of its own."""

    name: str
    facts: dict[str, Any]
    folder: Path

    @property
    def namespace(self) -> str:
        return f"trap-{self.name}"

    def kubectl(self, *argv: str, timeout: float = 60) -> str:
        kubeconfig = self.facts["clusters"][0]["kubeconfig"]
        program = [self.facts["programs"]["kubectl"], f"--kubeconfig={kubeconfig}"]
        return run([*program, f"--namespace={self.namespace}", *argv], timeout=timeout)

    def get(self, *argv: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", *argv, "--output=json"))
        return found

    def helm(self, control_plane: dict[str, Any]) -> str:
        """`helm upgrade --install` with these values; returns the status Helm gives the release."""
        high = control_plane.setdefault("statefulSet", {})
        high["resources"] = {"requests": {"cpu": "20m", "memory": "64Mi"}}
        control_plane["distro"] = {"k8s": {"image": {"tag": KUBERNETES}}}
        values = self.folder / f"{self.name}.yaml"
        values.write_text(yaml.safe_dump({"controlPlane": control_plane}), encoding="utf-8")
        kubeconfig = self.facts["clusters"][0]["kubeconfig"]
        common = [f"--kubeconfig={kubeconfig}", f"--namespace={self.namespace}"]
        helm = self.facts["programs"]["helm4"]
        chart = ["vcluster", f"--repo={self.facts['chart_repository']}", f"--version={VERSION}"]
        files = [f"--values={values}", "--create-namespace"]
        run([helm, "upgrade", "--install", self.name, *chart, *files, *common], timeout=60)
        status = run([helm, "status", self.name, "--output=json", *common])
        return str(json.loads(status)["info"]["status"])

    def rolled_out(self, workload: str) -> None:
        self.kubectl("rollout", "status", workload, "--timeout=150s", timeout=160)

    def ready(self, selector: str) -> list[bool]:
        pods = self.get("pods", f"--selector={selector}")["items"]
        return [
            any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"]["conditions"])
            for pod in pods
        ]

    def tenant(self) -> Target:
        """The tenant's API, through the Service of the vCluster."""
        data = self.get("secret", f"vc-{self.name}")["data"]["config"]
        kubeconfig = self.folder / f"{self.name}.kubeconfig"
        kubeconfig.write_bytes(base64.b64decode(data))
        kubeconfig.chmod(0o600)
        address = self.get("service", self.name)["spec"]["clusterIP"]
        return Target.of(kubeconfig, f"https://{address}:443")

    def etcdctl(self, member: int, *argv: str) -> Any:
        """Ask one member of the deployed etcd, by itself."""
        pki = "/run/config/pki"
        tls = [
            f"--cacert={pki}/etcd-ca.crt",
            f"--cert={pki}/apiserver-etcd-client.crt",
            f"--key={pki}/apiserver-etcd-client.key",
        ]
        command = ["etcdctl", "--endpoints=https://localhost:2379", *tls, "--write-out=json", *argv]
        return json.loads(self.kubectl("exec", f"{self.name}-etcd-{member}", "--", *command))

    def end_of(self, pod_selector: str) -> tuple[int, str]:
        """Exit code and log of a syncer that ended."""

        def ended() -> tuple[int, str] | None:
            for pod in self.get("pods", f"--selector={pod_selector}")["items"]:
                for status in pod["status"].get("containerStatuses", []):
                    for when, flags in (("state", []), ("lastState", ["--previous"])):
                        if over := status[when].get("terminated"):
                            log = self.kubectl("logs", pod["metadata"]["name"], *flags)
                            # Another container's, or none, where it was started again meanwhile.
                            if "FATAL" in log:
                                return over["exitCode"], log
            return None

        return eventually(ended, 90)

    def delete(self) -> None:
        self.kubectl("delete", "namespace", self.namespace, "--wait=false")


def eventually(look: Callable[[], T | None], limit: float) -> T:
    """What `look` finds once it finds something.

    :param limit: Seconds.
    """
    deadline = time.monotonic() + limit
    while True:
        try:
            if (found := look()) is not None:
                return found
        except LabError:
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline, f"not seen within {limit:.0f} s"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A host cluster with one node for these tests alone: they leave its tenants in ruins."""
    lab = Lab(tmp_path_factory.mktemp("traps") / "lab")
    try:
        yield lab.up([1], FIRST)
    finally:
        lab.down()


@pytest.fixture
def release(
    request: pytest.FixtureRequest, facts: dict[str, Any], tmp_path: Path
) -> Iterator[Release]:
    release = Release(getattr(request, "param", request.node.callspec.id), facts, tmp_path)
    yield release
    release.delete()


def etcd(members: int, replicas: int = 1) -> dict[str, Any]:
    """Values of the chart below controlPlane."""
    return {
        "backingStore": {
            "etcd": {
                "deploy": {
                    "enabled": True,
                    "statefulSet": {"highAvailability": {"replicas": members}},
                }
            }
        },
        "statefulSet": {"highAvailability": {"replicas": replicas}},
    }


def keys(release: Release, member: int) -> int:
    """How many of the ledger's objects a member holds, asked alone and without the others."""
    prefix = "/registry/configmaps/default/ledger-"
    found = release.etcdctl(member, "get", prefix, "--prefix", "--keys-only", "--consistency=s")
    return len(found.get("kvs", []))


@pytest.mark.parametrize("release", ["grown"], indirect=True)
def test_growing_etcd_by_values_loses_the_tenant(release: Release, tmp_path: Path) -> None:
    assert release.helm(etcd(members=1)) == "deployed"
    release.rolled_out("deployment/grown")
    target = eventually(release.tenant, 60)
    ledger = Ledger(target, "default", OBJECTS / 4, 4, 4, tmp_path / "kept")
    ledger.write()
    # A tenant this young refuses some; a write without an answer may still have been done.
    written = keys(release, 0)
    assert OBJECTS / 2 < ledger.report.acknowledged <= written <= OBJECTS

    assert release.helm(etcd(members=3, replicas=3)) == "deployed"
    release.rolled_out("statefulset/grown-etcd")
    eventually(lambda: release.ready("app=vcluster") == [True] * 3 or None, 150)

    # Helm, pods and probes are content. Two of three members are a cluster of their own, empty.
    assert release.ready("app=vcluster-etcd") == [True] * 3
    assert [keys(release, member) for member in range(3)] == [written, 0, 0]
    clusters = {
        release.etcdctl(member, "endpoint", "status")[0]["Status"]["header"]["cluster_id"]
        for member in range(3)
    }
    assert len(clusters) == 2


@pytest.mark.parametrize("release", ["shrunk"], indirect=True)
def test_shrinking_etcd_by_values_is_an_outage(release: Release) -> None:
    assert release.helm(etcd(members=3)) == "deployed"
    release.rolled_out("deployment/shrunk")
    assert release.etcdctl(0, "endpoint", "health")[0]["health"] is True

    assert release.helm(etcd(members=1)) == "deployed"
    release.kubectl("wait", "pod/shrunk-etcd-1", "--for=delete", "--timeout=60s", timeout=70)
    release.kubectl("wait", "pod/shrunk-etcd-2", "--for=delete", "--timeout=60s", timeout=70)

    # No quorum, and nothing that would bring one. While its pod is made again it says nothing.
    for _ in range(3):
        assert eventually(lambda: without_quorum(release), 120)


def without_quorum(release: Release) -> bool:
    """Whether member 0 says that it can't serve; raises where it does not get to say anything."""
    try:
        release.etcdctl(0, "endpoint", "health", "--command-timeout=3s")
    except LabError as error:
        if "unhealthy cluster" in str(error):
            return True
        raise
    return False


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        pytest.param(
            {"statefulSet": {"highAvailability": {"replicas": 3}}},
            "embedded database is not supported with multiple replicas",
            id="sqlite",
        ),
        pytest.param(
            {"backingStore": {"etcd": {"embedded": {"enabled": True}}}},
            "start embedded etcd: you are trying to use a vCluster pro feature 'Embedded etcd' "
            "(vcp-distro-embedded-etcd) that is not available",
            id="embedded",
        ),
        pytest.param(
            {"backingStore": {"database": {"external": {"enabled": True, "dataSource": "x"}}}},
            "Error running k8s: configure external database: you are trying to use a vCluster pro "
            "feature 'External Database' (vcp-distro-external-database)",
            id="database",
        ),
    ],
)
def test_helm_deploys_what_can_not_start(
    release: Release, values: dict[str, Any], reason: str
) -> None:
    assert release.helm(values) == "deployed"
    code, log = release.end_of("app=vcluster")
    assert code == 1
    assert reason in log
