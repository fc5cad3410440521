# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The namespace, what lies in it, and the state the vCluster is in."""

from __future__ import annotations

from paper import NOTHING, VANISHED, Running, chart, refusing, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Claim,
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


def test_g14_claims_of_an_earlier_vcluster() -> None:
    left = Running().seen(**VANISHED, claims=(Claim("data-tenant-a-0", "5Gi", None, "Bound"),))
    assert refusing(plan(spec(), left, chart())) == {"G14"}
    assert plan(spec(allow=["G14"]), left, chart()).kinds == ("install",)


def test_g14_claims_of_an_install_that_was_cut_off_are_its_own() -> None:
    """A run was killed after the objects were made and before Helm's record of them (G48)."""
    workloads = (Workload("control_plane", "StatefulSet", "tenant-a", 1),)
    gone = {**VANISHED, "workloads": workloads}
    seen = Running().seen(**gone, claims=(Claim("data-tenant-a-0", "5Gi", None, "Bound"),))
    assert plan(spec(), seen, chart()).kinds == ("install",)


def test_g23_nothing_is_built_on_an_uninstall() -> None:
    leaving = Release(4, "uninstalling", chart_version="0.36.1", values={})
    assert refusing(plan(spec(), Running().seen(release=leaving), chart())) == {"G23"}


def test_g34_a_paused_vcluster_is_left_alone() -> None:
    assert refusing(plan(spec(), Running().seen(paused="loft.sh/paused"), chart())) == {"G34"}


def test_g38_a_reference_must_lead_somewhere() -> None:
    raw = {"exportKubeConfig": {"server": {"$secret": {"name": "nowhere", "key": "server"}}}}
    assert "G38" in refusing(plan(spec(values=raw), NOTHING, chart()))


def test_g39_one_vcluster_a_namespace() -> None:
    seen = Running().seen(neighbours=("tenant-b",))
    assert refusing(plan(spec(), seen, chart())) == {"G39"}


def test_g39_no_service_named_loft() -> None:
    seen = Running().seen(**VANISHED, services=("loft",))
    assert refusing(plan(spec(), seen, chart())) == {"G39"}


def test_a_new_vcluster_says_its_version_and_a_running_one_keeps_its_own() -> None:
    asked = spec(version=None)
    assert refusing(plan(asked, NOTHING, chart())) == {"spec"}
    assert plan(asked, Running().seen(), chart()).kinds == ("prove",)
