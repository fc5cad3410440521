# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Monitors as objects and as configuration say the same; series of each have the labels that rules go by."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.line import MetricsPaths
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.scrape import (
    Scrape,
    api_scrapes,
    backend_scrape,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.monitors import (
    Asked,
    certificate_files,
    pod_monitors,
    scrape_configs,
)

SPEC = spec_from({"name": "t", "host": "tenant-t", "cluster": "west"})
ETCD = Scrape("etcd", "etcd", {"app": "vcluster-etcd", "release": "t"}, 2381, container="etcd")
ALL = (*api_scrapes("t", MetricsPaths()), ETCD, backend_scrape("kine", "t", "shared"))


def jobs(**more: Any) -> dict[str, dict[str, Any]]:
    found = scrape_configs(SPEC, ALL, Asked(**more), "tenant-t")
    return {job["job_name"].rpartition("/")[2]: job for job in found}


def endpoints() -> dict[str, dict[str, Any]]:
    found = pod_monitors(SPEC, ALL, Asked(labels={"release": "prometheus"}))
    return {
        rule["replacement"]: endpoint
        for item in found
        for endpoint in item["spec"]["podMetricsEndpoints"]
        for rule in endpoint["relabelings"]
        if rule.get("targetLabel") == "component"
    }


def test_one_object_for_the_pods_of_each_group() -> None:
    found = pod_monitors(SPEC, ALL, Asked(labels={"release": "prometheus"}))
    assert [item["metadata"]["name"] for item in found] == ["t-control-plane", "t-etcd", "t-kine"]
    assert {item["metadata"]["namespace"] for item in found} == {"vcluster-t"}
    assert all(item["metadata"]["labels"]["release"] == "prometheus" for item in found)
    assert found[0]["spec"]["selector"] == {"matchLabels": {"app": "vcluster", "release": "t"}}


@pytest.mark.parametrize("scrape", ALL, ids=lambda scrape: scrape.component)
def test_both_forms_ask_the_same_way(scrape: Scrape) -> None:
    job, endpoint = jobs()[scrape.component], endpoints()[scrape.component]
    assert job["metrics_path"] == endpoint["path"] == scrape.path
    assert job.get("scheme") == endpoint.get("scheme") == ("https" if scrape.certificates else None)
    selectors = job["kubernetes_sd_configs"][0]["selectors"]
    assert selectors == [
        {"role": "pod", "label": ",".join(f"{k}={v}" for k, v in scrape.labels.items())}
    ]
    for rules, name in (
        (job["relabel_configs"], "target_label"),
        (endpoint["relabelings"], "targetLabel"),
    ):
        labels = {r[name]: r["replacement"] for r in rules if name in r and "replacement" in r}
        assert (labels["vcluster"], labels["namespace"]) == ("tenant-t", "vcluster-t")
        assert labels["host_cluster"] == "west"
        assert labels["component"] == scrape.component


def test_a_port_that_no_pod_declares_is_put_into_the_address_of_one_container() -> None:
    rules = endpoints()["etcd"]["relabelings"]
    assert {
        "sourceLabels": ["__meta_kubernetes_pod_container_name"],
        "regex": "etcd",
        "action": "keep",
    } in rules
    assert [r["replacement"] for r in rules if r.get("targetLabel") == "__address__"] == [
        "$1:2381",
        "[$1]:2381",
    ]
    assert "port" not in endpoints()["etcd"]


def test_a_port_that_pods_declare_is_named() -> None:
    assert endpoints()["kine"]["port"] == "metrics"
    keep = {
        "source_labels": ["__meta_kubernetes_pod_container_port_name"],
        "regex": "metrics",
        "action": "keep",
    }
    assert keep in jobs()["kine"]["relabel_configs"]


def test_servers_are_verified_by_a_name_that_their_certificates_have() -> None:
    secret = {"name": "vc-t", "key": "certificate-authority"}
    tls = endpoints()["apiserver"]["tlsConfig"]
    assert (tls["serverName"], tls["ca"]) == ("localhost", {"secret": secret})
    assert tls["keySecret"] == {"name": "vc-t", "key": "client-key"}
    assert jobs()["apiserver"]["tls_config"] == {
        "ca_file": "tenant-t/vc-t/ca.crt",
        "cert_file": "tenant-t/vc-t/tls.crt",
        "key_file": "tenant-t/vc-t/tls.key",
        "server_name": "localhost",
    }


def test_the_files_are_those_of_the_secret() -> None:
    assert certificate_files(ALL) == {
        "vc-t/ca.crt": ("vc-t", "certificate-authority"),
        "vc-t/tls.crt": ("vc-t", "client-certificate"),
        "vc-t/tls.key": ("vc-t", "client-key"),
    }


def test_a_prometheus_outside_finds_pods_with_a_kubeconfig() -> None:
    (discovery,) = jobs(kubeconfig="/k/west")["etcd"]["kubernetes_sd_configs"]
    assert discovery["kubeconfig_file"] == "/k/west"
    assert "kubeconfig_file" not in jobs()["etcd"]["kubernetes_sd_configs"][0]


def test_pods_elsewhere_are_looked_for_there() -> None:
    *own, kine = pod_monitors(SPEC, ALL, Asked())
    assert kine["spec"]["namespaceSelector"] == {"matchNames": ["shared"]}
    assert all("namespaceSelector" not in item["spec"] for item in own)
    (discovery,) = jobs()["kine"]["kubernetes_sd_configs"]
    assert discovery["namespaces"] == {"names": ["shared"]}
