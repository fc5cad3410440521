# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What gives metrics of a vCluster, said to Prometheus: as PodMonitors for its operator, or as scrape configurations.

Both put the same labels on every series: vcluster (the inventory name), namespace, host_cluster, pod and component. The
alert rules and the dashboards go by them.

Sources: monitoring.coreos.com/v1 of the Prometheus operator, and Prometheus 3, configuration: kubernetes_sd_config,
role pod, where a pod that declares no port is a target for each container.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.autoscaling import OURS
from .._core.ports import Json
from .._core.scrape import Certificates, Scrape
from .._core.spec import Spec

API_VERSION = "monitoring.coreos.com/v1"
GROUPS = ("control-plane", "etcd", "kine")
# The operator's names of what Prometheus calls otherwise.
CAMEL = {"source_labels": "sourceLabels", "target_label": "targetLabel"}
Rule = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """How a vCluster is to be monitored.

    Attributes:
        interval: Between two scrapes, as Prometheus writes a span.
        labels: Of the PodMonitors, by which a Prometheus chooses its own.
        kubeconfig: With which Prometheus finds pods, as it sees the file; empty within the host cluster.
    """

    interval: str = "30s"
    labels: Mapping[str, str] = field(default_factory=dict)
    kubeconfig: str = ""


def pod_monitors(spec: Spec, scrapes: Iterable[Scrape], asked: Asked) -> list[Json]:
    """One for each group of scrapes."""
    return [
        {
            "apiVersion": API_VERSION,
            "kind": "PodMonitor",
            "metadata": {
                "name": f"{spec.name}-{group}",
                "namespace": spec.namespace,
                "labels": {**asked.labels, **OURS},
            },
            "spec": {
                **_elsewhere(found[0]),
                "selector": {"matchLabels": dict(found[0].labels)},
                "podMetricsEndpoints": [_endpoint(spec, scrape, asked) for scrape in found],
            },
        }
        for group, found in _groups(scrapes).items()
    ]


def scrape_configs(spec: Spec, scrapes: Iterable[Scrape], asked: Asked, folder: str) -> list[Json]:
    """One for each scrape.

    Args:
        folder: Where the files of `certificate_files` are, for Prometheus; relative to the file with this.
    """
    return [_job(spec, scrape, asked, folder) for scrape in scrapes]


def certificate_files(scrapes: Iterable[Scrape]) -> dict[str, tuple[str, str]]:
    """The files that scrape configurations name, each with the Secret and its key that it holds."""
    return {
        name: (certificates.secret, key)
        for scrape in scrapes
        if (certificates := scrape.certificates)
        for name, key in _files(certificates).items()
    }


def _groups(scrapes: Iterable[Scrape]) -> dict[str, list[Scrape]]:
    found: dict[str, list[Scrape]] = {}
    for scrape in scrapes:
        found.setdefault(scrape.group, []).append(scrape)
    return found


def _elsewhere(scrape: Scrape) -> Json:
    return {"namespaceSelector": {"matchNames": [scrape.namespace]}} if scrape.namespace else {}


def _endpoint(spec: Spec, scrape: Scrape, asked: Asked) -> Json:
    found: Json = {
        "interval": asked.interval,
        "path": scrape.path,
        "relabelings": [
            {CAMEL.get(key, key): value for key, value in rule.items()}
            for rule in (*_chosen(scrape), *_labelled(spec, scrape))
        ],
    }
    if isinstance(scrape.port, str):
        found["port"] = scrape.port
    if scrape.certificates:
        found["scheme"] = "https"
        found["tlsConfig"] = _tls(scrape.certificates)
    return found


def _tls(certificates: Certificates) -> Json:
    def key(name: str) -> Json:
        return {"name": certificates.secret, "key": name}

    found: Json = {
        "serverName": certificates.server_name,
        "ca": {"secret": key(certificates.ca)},
    }
    if certificates.certificate:
        found["cert"] = {"secret": key(certificates.certificate)}
        found["keySecret"] = key(certificates.private_key)
    return found


def _job(spec: Spec, scrape: Scrape, asked: Asked, folder: str) -> Json:
    selector = ",".join(f"{key}={value}" for key, value in scrape.labels.items())
    discovery: Json = {
        "role": "pod",
        "namespaces": {"names": [scrape.namespace or spec.namespace]},
        "selectors": [{"role": "pod", "label": selector}],
    }
    if asked.kubeconfig:
        discovery["kubeconfig_file"] = asked.kubeconfig
    found: Json = {
        "job_name": f"vcluster/{spec.host}/{scrape.component}",
        "scrape_interval": asked.interval,
        "metrics_path": scrape.path,
        "kubernetes_sd_configs": [discovery],
        "relabel_configs": [
            # What the operator does by itself.
            {
                "source_labels": ["__meta_kubernetes_pod_phase"],
                "regex": "(Failed|Succeeded)",
                "action": "drop",
            },
            *_named_port(scrape),
            *_chosen(scrape),
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
            *_labelled(spec, scrape),
        ],
    }
    if scrape.certificates:
        files = {key: f"{folder}/{name}" for name, key in _roles(scrape.certificates).items()}
        found["scheme"] = "https"
        found["tls_config"] = {**files, "server_name": scrape.certificates.server_name}
    return found


def _files(certificates: Certificates) -> dict[str, str]:
    """Files by name, each with its key in the Secret."""
    keys = {
        "ca.crt": certificates.ca,
        "tls.crt": certificates.certificate,
        "tls.key": certificates.private_key,
    }
    return {f"{certificates.secret}/{name}": key for name, key in keys.items() if key}


def _roles(certificates: Certificates) -> dict[str, str]:
    """The same files, each with what it is to Prometheus."""
    roles = ("ca_file", "cert_file", "key_file")
    return dict(zip(_files(certificates), roles, strict=False))


def _named_port(scrape: Scrape) -> list[Rule]:
    if not isinstance(scrape.port, str):
        return []
    source = ["__meta_kubernetes_pod_container_port_name"]
    return [{"source_labels": source, "regex": scrape.port, "action": "keep"}]


def _chosen(scrape: Scrape) -> list[Rule]:
    """Of the targets of a pod that declares no port the one container, at the port that it has all the same."""
    if not isinstance(scrape.port, int):
        return []
    address = ["__meta_kubernetes_pod_ip"]
    return [
        {
            "source_labels": ["__meta_kubernetes_pod_container_name"],
            "regex": scrape.container,
            "action": "keep",
        },
        {
            "source_labels": address,
            "regex": "(.+)",
            "target_label": "__address__",
            "replacement": f"$1:{scrape.port}",
        },
        {
            "source_labels": address,
            "regex": "(.*:.*)",  # IPv6
            "target_label": "__address__",
            "replacement": f"[$1]:{scrape.port}",
        },
    ]


def _labelled(spec: Spec, scrape: Scrape) -> list[Rule]:
    # The namespace is the vCluster's, also of a store that is elsewhere: it says whose series it is.
    labels = {
        "vcluster": spec.host,
        "namespace": spec.namespace,
        "host_cluster": spec.cluster,
        "component": scrape.component,
    }
    return [{"target_label": name, "replacement": text} for name, text in labels.items()]
