# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of running helm: argument by argument with a recording program, and for real with Helm 3 and 4."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import helm as module
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import releases
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.helm import HelmCommand
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import HelmError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Proved
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import (
    ChartArchive,
    Note,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access

RECORDER = """#!{python}
import json, os, sys
call = {{"argv": sys.argv[1:], "env": dict(os.environ), "files": {{}}}}
for path in [*sys.argv[1:], os.environ.get("KUBECONFIG", "")]:
    if path.startswith("/") and os.path.isfile(path):
        mode = oct(os.stat(path).st_mode & 0o777)
        call["files"][os.path.basename(path)] = [mode, open(path, errors="replace").read()]
with open("{log}", "a") as log:
    log.write(json.dumps(call) + "\\n")
if sys.argv[1] == "version":
    print("{version}")
elif sys.argv[1] == "template":
    print("---\\na: 1\\n---\\n# nothing\\n---\\nb: on")
"""


class Recorder:
    """A program that keeps how it was called."""

    def __init__(self, folder: Path, version: str) -> None:
        self.log = folder / "log"
        self.program = folder / "helm"
        self.program.write_text(
            RECORDER.format(python=sys.executable, log=self.log, version=version)
        )
        self.program.chmod(0o700)

    @property
    def calls(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines()
        return [call for call in map(json.loads, lines) if call["argv"][0] != "version"]


def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str = "v3.22.0") -> Recorder:
    made = Recorder(tmp_path, version)
    monkeypatch.setenv("HELM", str(made.program))
    return made


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text("{}")
    return path


CHART = ChartArchive(Path("/charts/vcluster.tgz"), "", "0.36.1", {}, {})


def test_upgrade_with_helm_3(
    tmp_path: Path, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recorder(tmp_path, monkeypatch)
    helm = HelmCommand(Access(kubeconfig=str(kubeconfig), context="hc1"))
    helm.upgrade("a", "x", CHART, {"password": "secret", "n": "1e3"}, 60)
    (call,) = made.calls
    values = call["argv"][6]
    assert call["argv"] == [
        "upgrade",
        "a",
        "/charts/vcluster.tgz",
        "--install",
        "--reset-values",
        "--values",
        values,
        "--history-max",
        "10",
        "--namespace",
        "x",
        "--timeout",
        "60s",
        "--kube-context",
        "hc1",
    ]
    assert call["env"]["KUBECONFIG"] == str(kubeconfig)
    assert call["env"]["HELM_DRIVER"] == "secret"


def test_g38_g58_values_travel_as_private_json_and_leave_nothing(
    tmp_path: Path, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recorder(tmp_path, monkeypatch)
    values = {"password": "s3cret", "n": "1e3", "on": "y"}
    HelmCommand(Access(kubeconfig=str(kubeconfig))).upgrade("a", "x", CHART, values, 60)
    (call,) = made.calls
    mode, content = call["files"]["values.json"]
    assert (mode, json.loads(content)) == ("0o600", values)
    assert "s3cret" not in json.dumps([call["argv"], call["env"]])
    assert not Path(call["argv"][6]).exists()
    assert not Path(call["argv"][6]).parent.exists()


def test_g22_no_wait_and_never_atomic(
    tmp_path: Path, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recorder(tmp_path, monkeypatch, "v4.3.1")
    helm = HelmCommand(Access(kubeconfig=str(kubeconfig)))
    helm.upgrade("a", "x", CHART, {}, 60)
    helm.rollback("a", "x", 3, 60)
    for call in made.calls:
        flags = {argument.split("=")[0] for argument in call["argv"]}
        assert not flags & {"--wait", "--atomic", "--rollback-on-failure", "--force-conflicts"}


def test_g64_helm_4_applies_as_helm_3_does(
    tmp_path: Path, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recorder(tmp_path, monkeypatch, "v4.3.1")
    helm = HelmCommand(Access(kubeconfig=str(kubeconfig)))
    assert helm.version == "4.3.1"
    helm.upgrade("a", "x", CHART, {}, 60)
    helm.rollback("a", "x", 3, 60)
    upgrade, rollback = made.calls
    assert "--server-side=false" in upgrade["argv"]
    assert rollback["argv"][:3] == ["rollback", "a", "3"]
    assert "--server-side=false" in rollback["argv"]


def test_address_and_token_become_a_private_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recorder(tmp_path, monkeypatch)
    access = Access(host="https://h:6443", token="t0ken", ca_cert="/ca.crt")
    HelmCommand(access).rollback("a", "x", 1, 60)
    (call,) = made.calls
    mode, content = call["files"]["kubeconfig"]
    document = json.loads(content)
    assert mode == "0o600"
    assert document["clusters"][0]["cluster"] == {
        "server": "https://h:6443",
        "certificate-authority": "/ca.crt",
    }
    assert document["users"][0]["user"] == {"token": "t0ken"}
    assert "t0ken" not in json.dumps([call["argv"], call["env"]])
    assert not Path(call["env"]["KUBECONFIG"]).exists()


def test_template_reads_all_documents_without_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recorder(tmp_path, monkeypatch)
    monkeypatch.setenv("KUBECONFIG", "/elsewhere")
    documents = HelmCommand(Access()).template("a", "x", CHART, {"k": 1}, "1.36")
    assert documents == [{"a": 1}, {"b": True}]
    (call,) = made.calls
    assert call["argv"][-2:] == ["--kube-version", "1.36"]
    assert "KUBECONFIG" not in call["env"]


@pytest.mark.parametrize(("text", "found"), [("v3.13.0", "3.13.0"), ("v4.0.0-rc.1", "4.0.0-rc.1")])
def test_versions_that_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: str
) -> None:
    recorder(tmp_path, monkeypatch, text)
    assert HelmCommand(Access()).version == found


@pytest.mark.parametrize("text", ["v3.12.3", "v2.17.0", "what?"])
def test_versions_that_will_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    recorder(tmp_path, monkeypatch, text)
    with pytest.raises(HelmError, match="too old"):
        assert HelmCommand(Access()).version


def test_the_version_is_remembered_until_the_program_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, asked = tmp_path / "helm", tmp_path / "asked"
    monkeypatch.setenv("HELM", str(program))
    for version in ("v3.22.0", "v4.3.1"):
        program.write_text(f"#!/bin/sh\necho {version} >> {asked}\necho {version}\n")
        program.chmod(0o700)
        os.utime(program, (1, len(version) + int(version[1])))
        assert [HelmCommand(Access()).version for _twice in range(2)] == [version[1:]] * 2
    assert asked.read_text().split() == ["v3.22.0", "v4.3.1"]


def test_what_is_no_version_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "helm"
    monkeypatch.setenv("HELM", str(program))
    found = []
    for says in ("what?", "v4.3.1"):
        program.write_text(f"#!/bin/sh\necho '{says:8}'\n")
        program.chmod(0o700)
        os.utime(program, (1, 1))
        with suppress(HelmError):
            found.append(HelmCommand(Access()).version)
    assert found == ["4.3.1"]


def test_no_helm_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HelmError, match="program helm was not found") as caught:
        assert HelmCommand(Access()).version
    assert "HELM" in caught.value.way_out


def test_a_helm_that_hangs_is_ended(
    tmp_path: Path, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\n[ $1 = version ] && echo v3.22.0 && exit\nexec sleep 60\n")
    program.chmod(0o700)
    monkeypatch.setenv("HELM", str(program))
    monkeypatch.setattr(module, "GRACE", 0)
    began = time.monotonic()
    with pytest.raises(HelmError, match="helm rollback did not end within 1 s"):
        HelmCommand(Access(kubeconfig=str(kubeconfig))).rollback("a", "x", 1, 1)
    assert time.monotonic() - began < 10


@pytest.mark.apiserver
@pytest.mark.parametrize("name", ["helm3", "helm4"])
class TestReal:
    """Helm 3 and Helm 4 against a real API server, with the lab's chart."""

    @pytest.fixture
    def helm(
        self, name: str, tools: dict[str, Path], api_server: Any, monkeypatch: pytest.MonkeyPatch
    ) -> HelmCommand:
        monkeypatch.setenv("HELM", str(tools[name]))
        return HelmCommand(Access(kubeconfig=str(api_server.kubeconfig)))

    @pytest.fixture
    def chart(self, helm: HelmCommand, chart_file: Path) -> ChartArchive:
        return helm.pull(str(chart_file), "0.36.1")

    def test_install_upgrade_and_rollback(
        self, helm: HelmCommand, chart: ChartArchive, real_api: KubernetesApi, namespace: str
    ) -> None:
        note = Note("by ann, CHG-1", {"fleetops.vcluster/run": "r1"})
        helm.upgrade("a", namespace, chart, {"logging": {"encoding": "json"}}, 60, note)
        assert releases.history(real_api, namespace, "a").release.description == note.description
        path = releases.secret_path(namespace, "a", 1)
        assert real_api.get(path)["metadata"]["labels"]["fleetops.vcluster/run"] == "r1"
        releases.mark(real_api, namespace, "a", 1, "a" * 20, ["/x"], Proved(real_api.now))
        helm.upgrade("a", namespace, chart, {"logging": {"encoding": "console"}}, 60)
        found = releases.history(real_api, namespace, "a")
        assert found.release and found.base
        assert (found.release.revision, found.release.applied) == (2, None), "labels are copied on"
        assert (found.base.revision, found.base.status) == (1, "superseded"), "and survive"
        assert found.release.values == {"logging": {"encoding": "console"}}
        helm.rollback("a", namespace, 1, 60)
        found = releases.history(real_api, namespace, "a")
        assert found.release
        assert (found.release.revision, found.release.status) == (3, "deployed")
        assert found.release.values == {"logging": {"encoding": "json"}}

    def test_empty_values_are_empty_values(
        self, helm: HelmCommand, chart: ChartArchive, real_api: KubernetesApi, namespace: str
    ) -> None:
        helm.upgrade("a", namespace, chart, {"logging": {"encoding": "json"}}, 60)
        helm.upgrade("a", namespace, chart, {}, 60)
        found = releases.history(real_api, namespace, "a")
        assert found.release is not None
        assert found.release.values == {}

    def test_g64_a_scale_by_hand_is_put_back(
        self,
        helm: HelmCommand,
        chart: ChartArchive,
        real_api: KubernetesApi,
        namespace: str,
        tools: dict[str, Path],
        api_server: Any,
    ) -> None:
        helm.upgrade("a", namespace, chart, {}, 60)
        command = [str(tools["kubectl"]), "--namespace", namespace]
        command += ["scale", "statefulset/a", "--replicas=3"]
        environment = {**os.environ, "KUBECONFIG": str(api_server.kubeconfig)}
        subprocess.run(command, check=True, timeout=60, env=environment)
        path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/a"
        assert real_api.get(path)["spec"]["replicas"] == 3
        helm.upgrade("a", namespace, chart, {"logging": {"encoding": "json"}}, 60)
        assert real_api.get(path)["spec"]["replicas"] == 1

    def test_a_schema_error_names_the_key(
        self, helm: HelmCommand, chart: ChartArchive, namespace: str
    ) -> None:
        with pytest.raises(HelmError, match=r"schema refuses: .*'foo' not allowed") as caught:
            helm.upgrade("a", namespace, chart, {"controlPlane": {"foo": 1}}, 60)
        assert "controlPlane" in str(caught.value)

    def test_a_missing_revision(self, helm: HelmCommand, namespace: str) -> None:
        with pytest.raises(HelmError, match="helm rollback a failed: release"):
            helm.rollback("a", namespace, 9, 60)

    def test_template_renders_the_workload(self, helm: HelmCommand, chart: ChartArchive) -> None:
        kinds = {d["kind"] for d in helm.template("a", "x", chart, {}, "1.36")}
        assert {"StatefulSet", "Service", "Secret"} <= kinds

    def test_g53_a_chart_that_cannot_be_had(self, helm: HelmCommand) -> None:
        with pytest.raises(HelmError, match="helm pull vcluster failed"):
            helm.pull("http://127.0.0.1:9/charts", "0.36.1")
