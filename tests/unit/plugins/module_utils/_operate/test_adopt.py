# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking over a fleet: a bad vCluster is data, and nothing is changed."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.adopt import (
    Adopted,
    adopt,
    bare,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from

PLANE = Workload("control_plane", "StatefulSet", "a", 1)
GOOD = Release(2, "deployed", chart_version="0.36.1", values={}, workloads=(PLANE,))
SEEN = Observation(
    release=GOOD, last_good=GOOD, workloads=(PLANE,), host_version=(1, 36), complete=True
)

VOLUME = {"statefulSet": {"persistence": {"volumeClaim": {"enabled": "auto"}}}}
DEFAULTS = {"controlPlane": VOLUME}


def packed(document: dict[str, Any]) -> dict[str, Any]:
    inner = base64.b64encode(json.dumps(document).encode())
    return {"data": {"release": base64.b64encode(inner).decode()}}


class Host:
    """A host cluster with one observation for all, and a chart in every release."""

    def __init__(self, seen: Observation | Exception) -> None:
        self._seen = seen
        chart = {"metadata": {"version": "0.36.1"}, "values": DEFAULTS}
        self.api = SimpleNamespace(get=lambda _path: packed({"chart": chart}))

    def observe(self, spec: Spec) -> Observation:
        if isinstance(self._seen, Exception):
            raise self._seen
        return self._seen


def adopted(seen: Observation | Exception) -> Adopted:
    spec = bare(spec_from({"name": "a", "kubeconfig": "/k/hc1"}))
    context = Context(connect=lambda _access, _warn: Host(seen))  # type: ignore[arg-type, return-value]
    (found,) = adopt([spec], context)
    return found


def test_what_runs_is_written() -> None:
    found = adopted(SEEN)
    assert (found.held_back, found.arguments["version"]) == ("", "0.36.1")


def test_one_whose_first_plan_would_change_it_is_held_back_with_names_and_no_values() -> None:
    found = adopted(replace(SEEN, workloads=(replace(PLANE, replicas=2),)))
    assert found.held_back == (
        "The first plan would change it: values, 1 changed by hand (StatefulSet a: replicas)."
    )
    assert found.arguments["version"] == "0.36.1"


def test_one_that_is_refused_is_held_back_with_the_reason() -> None:
    assert "G34" in adopted(replace(SEEN, paused="loft.sh/paused")).held_back


def test_one_without_a_good_release_is_held_back() -> None:
    assert "Helm did not install it" in adopted(Observation(workloads=(PLANE,))).held_back
    begun = Observation(release=Release(1, "pending-install"))
    assert "pending-install" in adopted(begun).held_back
    assert adopted(Observation()).held_back == "There is no such vCluster."


def test_errors_and_defects_are_reasons() -> None:
    assert adopted(Unreachable("It is away.")).held_back == "It is away."
    assert "ZeroDivisionError" in adopted(ZeroDivisionError("x")).held_back


def test_g46_an_unreachable_host_cluster_costs_its_own_vclusters_only() -> None:
    def connect(access: Access, _warn: Any) -> Any:
        if access.kubeconfig == "/k/away":
            raise Unreachable("It is away.")
        return Host(SEEN)

    names = {"a": "/k/hc1", "b": "/k/away", "c": "/k/hc1"}
    specs = [bare(spec_from({"name": name, "kubeconfig": k})) for name, k in names.items()]
    found = adopt(specs, Context(connect=connect))
    assert [one.held_back for one in found] == ["", "It is away.", ""]


def test_what_is_asked_elsewhere_is_not_asked_here() -> None:
    asked = spec_from({"name": "a", "replicas": 3, "version": "0.36.1", "allow": ["G07"]})
    assert bare(asked) == spec_from({"name": "a"})
