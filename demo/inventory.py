# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's inventory: small and commented, to be read and edited."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VENDOR_REPOSITORY = "https://charts.loft.sh"
VERSION = "0.36.1"
ETCD_SECRET = "external-etcd"  # in the vCluster's namespace; the name the inventory carries

HEAD = """\
---
# Every host is one vCluster; its group is the host cluster that it lives on.
# Its name and namespace are the inventory name: sqlite-1 in vcluster-sqlite-1.
all:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
    vcluster_chart: {chart}
    vcluster_version: {version}
{kubernetes}    # What wave 1 changed is watched before wave 2 begins; a minute, unless said.
    vcluster_soak: {{seconds: 10}}
  children:
"""
KUBERNETES = """\
    # The tenants' Kubernetes; without it, what the chart brings.
    vcluster_kubernetes_version: {version}
"""
CLUSTER = """\
    {name}:
      vars:
        vcluster_kubeconfig: {kubeconfig}
      hosts:
        sqlite-{number}:
{canary}          # One replica, and a file as store.
          vcluster_wave: {wave}
          vcluster_store: {{type: sqlite}}
        etcd-{number}:
          # Three replicas on an etcd of three members, installed beside them.
          vcluster_wave: 2
          vcluster_replicas: 3
          vcluster_store: {{type: etcd_deployed, members: 3}}
"""
CANARY = """\
          # The canary: alone in wave 1.
"""
EXTERNAL = """\
        external-{number}:
          # Two replicas on an etcd that somebody else runs; its client
          # certificate is in Secret {secret} of the vCluster's namespace.
          vcluster_wave: 2
          vcluster_replicas: 2
          vcluster_store:
            type: etcd_external
            endpoint: {endpoint}
            tls: {{secret: {secret}}}
"""
SQL = """\
        sql-{number}:
          # Two replicas on a database, without the vendor's licence: kine stands
          # before it. The playbook backends makes database, login and kine.
          vcluster_wave: 2
          vcluster_replicas: 2
          vcluster_store: {{type: {type}}}
          backend_database_server: "{{{{ (lookup('file', {file}) | from_json).server }}}}"
"""


class DemoError(Exception):
    """What is wrong with the demo's settings, and what to do."""


@dataclass(frozen=True)
class HostCluster:
    """A host cluster of the demo; without an external etcd it gets two vClusters, not three."""

    name: str
    kubeconfig: str
    external_etcd: str | None = None


@dataclass(frozen=True)
class Fleet:
    clusters: tuple[HostCluster, ...]
    chart: str
    version: str = VERSION
    kubernetes_version: str | None = None
    database: Path | None = None  # how a database server is reached; adds one vCluster to each

    @property
    def size(self) -> int:
        more = len(self.clusters) if self.database else 0
        return more + sum(3 if cluster.external_etcd else 2 for cluster in self.clusters)


def of_lab(facts: Mapping[str, Any], etcds: Mapping[str, str]) -> Fleet:
    """The lab's host clusters and chart repository, and an external etcd on each."""
    clusters = tuple(
        HostCluster(entry["name"], entry["kubeconfig"], etcds[entry["name"]])
        for entry in facts["clusters"]
    )
    return Fleet(clusters, facts["chart_repository"], kubernetes_version="1.36.3")


def of_users(kubeconfigs: str) -> Fleet:
    """The host clusters that KUBECONFIGS names, and the vendor's chart or CHART."""
    clusters = []
    for number, text in enumerate(kubeconfigs.split(","), start=1):
        path = Path(text).expanduser().resolve()
        if not path.is_file():
            raise DemoError(f"KUBECONFIGS names {text}, and there is no such file")
        clusters.append(HostCluster(f"hc{number}", str(path)))
    chart = os.environ.get("CHART", VENDOR_REPOSITORY)
    return Fleet(tuple(clusters), chart, os.environ.get("VERSION", VERSION))


def database() -> Path | None:
    """The file that DATABASE names: JSON with `type` and `server`, as `lab database` writes it."""
    text = os.environ.get("DATABASE")
    if not text:
        return None
    path = Path(text).expanduser().resolve()
    if not path.is_file():
        raise DemoError(f"DATABASE names {text}, and there is no such file")
    return path


def render(fleet: Fleet) -> str:
    """The inventory as YAML text."""
    kubernetes = fleet.kubernetes_version
    text = HEAD.format(
        chart=quoted(fleet.chart),
        version=fleet.version,
        kubernetes=KUBERNETES.format(version=kubernetes) if kubernetes else "",
    )
    for number, cluster in enumerate(fleet.clusters, start=1):
        first = number == 1
        text += CLUSTER.format(
            name=cluster.name,
            number=number,
            kubeconfig=quoted(cluster.kubeconfig),
            wave=1 if first else 2,
            canary=CANARY if first else "",
        )
        if cluster.external_etcd:
            text += EXTERNAL.format(
                number=number, endpoint=quoted(cluster.external_etcd), secret=ETCD_SECRET
            )
        if fleet.database:
            kind = json.loads(fleet.database.read_text())["type"]
            text += SQL.format(number=number, type=kind, file=repr(str(fleet.database)))
    return text


def quoted(text: str) -> str:
    """A YAML scalar that stays a string whatever is in it (JSON strings are YAML)."""
    plain = text.replace("/", "").replace("-", "").replace(".", "").replace("_", "")
    return text if plain.isalnum() else json.dumps(text)
