# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked for: variables, raw values, what is laid in, and what stays as it runs."""

from __future__ import annotations

from dataclasses import replace

from paper import DEPLOYED, NOTHING, Running, chart, installed, plane, refusing, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


def test_g03_a_store_that_is_not_named_stays() -> None:
    running = installed(spec(store=DEPLOYED, replicas=3), replicas=3, members=3)
    found = plan(spec(replicas=3), running.seen(), chart())
    assert found.kinds == ("prove",)


def test_g17_names_of_the_wrong_type_are_not_replaced_without_a_word() -> None:
    asked = spec(values=plane("proxy", "extraSANs", value="tenant.example.net"))
    schema = {"properties": {"controlPlane": {"properties": {"proxy": {"$ref": "#/$defs/proxy"}}}}}
    names = {"properties": {"extraSANs": {"type": "array"}}}
    strict = replace(chart(), schema={**schema, "$defs": {"proxy": names}})
    assert refusing(plan(asked, NOTHING, strict)) == {"G17"}


def test_g19_a_pin_that_a_hop_made_is_kept() -> None:
    pin = plane("distro", "k8s", "image", "tag", value="v1.35.4")
    found = plan(spec(), Running(pin, kubernetes="1.35.4").seen(), chart())
    assert found.kinds == ("prove",)


def test_g35_service_names_are_laid_in_at_an_install() -> None:
    step = plan(spec(), NOTHING, chart()).steps[0]
    names = (step.values or {})["controlPlane"]["proxy"]["extraSANs"]
    assert names == [
        "tenant-a.vcluster-tenant-a.svc",
        "tenant-a.vcluster-tenant-a.svc.cluster.local",
    ]


def test_g41_g42_spread_and_budget_are_laid_in_and_can_be_turned_off() -> None:
    laid_in = (plan(spec(), NOTHING, chart()).steps[0].values or {})["controlPlane"]
    assert laid_in["statefulSet"]["scheduling"]["topologySpreadConstraints"]
    assert laid_in["advanced"]["podDisruptionBudget"] == {"enabled": True, "maxUnavailable": 1}
    names = ("topology_spread", "disruption_budgets", "service_names", "resources")
    bare = plan(spec(defaults=dict.fromkeys(names, False)), NOTHING, chart()).steps[0]
    assert not bare.values
