# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chart in a release, and the plan that is made with it, on a real API server with a real Helm."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.installed import (
    installed_chart,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.observe import observe
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.adoption import adoption
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


def packed(document: dict[str, Any]) -> dict[str, Any]:
    inner = base64.b64encode(json.dumps(document).encode())
    return {"data": {"release": base64.b64encode(inner).decode()}}


def test_version_schema_and_defaults_are_read(api: KubernetesApi, scripted: Any) -> None:
    schema = base64.b64encode(b'{"type": "object"}').decode()
    chart = {"metadata": {"version": "0.36.1"}, "schema": schema, "values": {"a": 1}}
    scripted.answers = [type(scripted.answers[0])(200, packed({"chart": chart}))]
    found = installed_chart(api, "n", "a", 3)
    assert scripted.requests[0].path.endswith("/namespaces/n/secrets/sh.helm.release.v1.a.v3")
    assert (found.version, found.schema, found.defaults) == ("0.36.1", {"type": "object"}, {"a": 1})


@pytest.mark.parametrize("chart", [{}, {"metadata": {"version": "1"}, "schema": "bm9uc2Vuc2U="}])
def test_a_release_without_a_chart_is_told(
    chart: dict[str, Any], api: KubernetesApi, scripted: Any
) -> None:
    scripted.answers = [type(scripted.answers[0])(200, packed({"chart": chart}))]
    with pytest.raises(FleetError, match=r"n/sh\.helm\.release\.v1\.a\.v3 holds no chart"):
        installed_chart(api, "n", "a", 3)


@pytest.mark.apiserver
@pytest.mark.parametrize("name", ["helm3", "helm4"])
def test_g52_an_install_by_hand_with_values_of_its_own_is_only_proved(
    name: str,
    tools: dict[str, Path],
    chart_file: Path,
    api_server: Any,
    real_api: KubernetesApi,
    namespace: str,
) -> None:
    values = {
        "telemetry": {"enabled": False},
        "logging": {"encoding": "json"},
        "controlPlane": {
            "statefulSet": {"highAvailability": {"replicas": 3}},
            "backingStore": {
                "etcd": {
                    "deploy": {
                        "enabled": True,
                        "statefulSet": {"highAvailability": {"replicas": 3}},
                    }
                }
            },
        },
    }
    command = [str(tools[name]), "install", "by-hand", str(chart_file), "--namespace", namespace]
    subprocess.run(
        [*command, f"--kubeconfig={api_server.kubeconfig}", "--values=-"],
        input=json.dumps(values),
        text=True,
        check=True,
        capture_output=True,
        timeout=60,
    )
    identity = {"host": "x", "name": "by-hand", "namespace": namespace, "cluster": "hc"}
    spec = spec_from(identity)
    observation = observe(real_api, spec)
    chart = installed_chart(real_api, namespace, "by-hand", 1)
    taken = adoption(spec, observation, chart)
    assert taken.arguments["store"] == {"type": "etcd_deployed", "members": 3}
    assert taken.arguments["replicas"] == 3
    first = plan(spec_from({**identity, **taken.arguments}), observation, chart)
    assert first.kinds == ("prove",)
    assert set(first.foreign) == {"/telemetry/enabled", "/logging/encoding"}
