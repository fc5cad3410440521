# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics, read back by the makers' own parser; the alert rules ask for nothing that there is not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from test_status import NOW, WELL, entry

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Proved,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.metrics import (
    openmetrics,
    proof_openmetrics,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.status import status_of

RULES = Path(__file__).parents[5] / "roles" / "monitoring" / "files" / "alerts.yml"


def samples(text: str) -> dict[tuple[str, str], float]:
    """Values by name of the sample and vCluster; of the state only what is true."""
    return {
        (sample.name, sample.labels["vcluster"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.type != "stateset" or sample.value
    }


def test_every_value_comes_back() -> None:
    found = samples(openmetrics([status_of(entry())]))
    assert found["fleetops_vcluster_replicas_ready", "tenant-a"] == 3
    assert found["fleetops_vcluster_leader_age_seconds", "tenant-a"] == 2
    proved = found["fleetops_vcluster_proved_timestamp_seconds", "tenant-a"]
    assert NOW.timestamp() - proved == 3 * 3600
    assert found["fleetops_vcluster_state", "tenant-a"] == 1


def test_g43_whether_a_store_is_due_for_care() -> None:
    release = WELL.release
    assert release is not None
    proved = replace(WELL, release=replace(release, proved=Proved(NOW, care="rewrite it")))
    name = ("fleetops_vcluster_store_care_due", "tenant-a")
    assert samples(openmetrics([status_of(entry(proved))]))[name] == 1
    assert samples(openmetrics([status_of(entry())]))[name] == 0


def test_what_is_not_known_is_left_out() -> None:
    gone = entry(Observation(), error=Unreachable("Host cluster hc1: no answer.", ""))
    found = samples(openmetrics([status_of(gone)]))
    assert {name for name, _host in found} == {
        "fleetops_vcluster_versions_info",
        "fleetops_vcluster_state",
    }


def test_texts_from_outside_are_escaped() -> None:
    odd = replace(status_of(entry(WELL)), host='a"\\b\nc')
    assert ("fleetops_vcluster_replicas", 'a"\\b\nc') in samples(openmetrics([odd]))


CHECKS = [
    {"id": "api_identity", "status": "fail"},
    {"id": "etcd_size", "status": "warn"},
    {"id": "dns", "status": "pass"},
    {"id": "leader", "status": "skip"},
]


def test_checks_come_back_and_a_warning_is_no_failure() -> None:
    asked = entry()
    text = proof_openmetrics({asked.host: {"checks": CHECKS}, "typo": {"failed": True}}, [asked])
    (family,) = text_string_to_metric_families(text)
    values = {sample.labels["check"]: sample.value for sample in family.samples}
    assert values == {"api_identity": 0, "etcd_size": 1, "dns": 1}
    assert {sample.labels["vcluster"] for sample in family.samples} == {asked.host}


def test_the_alert_rules_name_metrics_and_states_that_there_are() -> None:
    asked = entry()
    text = openmetrics([status_of(asked)])
    proof = proof_openmetrics({asked.host: {"checks": CHECKS}}, [asked])
    names = {name for name, _host in (*samples(text), *samples(proof))}
    rules = [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]
    assert rules
    for rule in rules:
        assert set(re.findall(r"fleetops_vcluster_\w+(?=\{|\s|\))", rule["expr"])) <= names, rule
        for state in re.findall(r'fleetops_vcluster_state=~?"([^"]+)"', rule["expr"]):
            for word in state.split("|"):
                assert f'fleetops_vcluster_state="{word}"' in text, rule
        assert {"summary", "description"} <= rule["annotations"].keys()
