# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin `fleet`: every vCluster on the host clusters, whoever installed it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
short_description: All vClusters on some host clusters
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Finds every vCluster on the host clusters that are listed, whoever installed it. One host is one vCluster, one group
    is one host cluster.
  - A host cluster costs four paged lists, however many vClusters it has. Release Secrets are listed as metadata only;
    the store is read from the Secrets C(vc-config-NAME), of which nothing else is kept.
  - The source is a file whose name ends in C(fleet.yml) or C(fleet.yaml).
  - A host that another source has as well is merged, and the variables written there win. Give the written source
    first (or a name that sorts first in an inventory directory). Then a host is known by the vCluster it stands for,
    whatever it is called, and any other host of the same name is kept apart.
  - Needs the rights to list Secrets, Deployments and StatefulSets.
  - Every expression of O(compose), O(groups) and O(keyed_groups) costs Ansible about a millisecond a host.
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
notes:
  - Sets C(ansible_connection) V(local), C(vcluster_name), C(vcluster_namespace), C(vcluster_cluster) and the access
    variables, unless they are written, and the C(fleetops_*) variables below, which are observations. Nothing is asked
    for by that, so a plan over what was found proves, and puts back only what somebody changed past Helm.
  - "C(fleetops_chart_version) and C(fleetops_kubernetes_version) (text): what runs."
  - "C(fleetops_store) (text): V(sqlite), V(etcd_deployed), V(etcd_external), V(etcd_embedded), V(database_external);
    empty where neither the configuration nor the workloads tell."
  - "C(fleetops_needs_licence) (bool): the store runs only with the vendor's licence. Other features are not looked at."
  - "C(fleetops_replicas), C(fleetops_replicas_ready), C(fleetops_members), C(fleetops_members_ready) (number): asked
    for and ready, of the control plane and of a deployed etcd."
  - "C(fleetops_created) (text), C(fleetops_age) (number): when it was installed, and seconds since then."
  - "C(fleetops_paused) (bool): paused or being restored."
  - "C(fleetops_release) (text): the status of its Helm release, V(absent) where Helm did not install it.
    C(fleetops_revision) (number)."
  - "C(fleetops_proved) (bool), C(fleetops_proved_at) (text): this collection proved that revision, and when."
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [fleetops.vcluster.fleet]
  clusters:
    description:
      - The host clusters. Every option but C(name) means what the variable C(vcluster_) of that name means.
      - Each can be a template.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the host cluster and of its group; the context or the kubeconfig's name by default.
        type: str
      kubeconfig:
        description: Kubeconfig; E(KUBECONFIG), then C(~/.kube/config) by default.
        type: path
      context:
        description: Context in it; its current one by default.
        type: str
      api_host:
        description: Address of the API server (C(https://...)), instead of a kubeconfig.
        type: str
      api_token:
        description:
          - Bearer token that goes with it, as a template or out of the vault.
          - A token in clear is used to look, and not handed on to the hosts, where it would be shown.
        type: str
      api_ca_cert:
        description: Path of the CA bundle that goes with it.
        type: path
  namespaces:
    description:
      - Names of the namespaces to look at, or patterns such as V(team-*); all by default.
      - Names alone are listed one by one and need rights in those namespaces only.
    type: list
    elements: str
    default: []
  hostname:
    description:
      - What a host is called, with the placeholders C({cluster}), C({namespace}) and C({name}).
      - Names that never depend on what else is found need all three.
    type: str
    default: "{name}"
  double:
    description:
      - What all of those are called that would share a name by O(hostname), or whose name is written for another
        vCluster.
    type: str
    default: "{cluster}.{namespace}.{name}"
  cluster_groups:
    description: Make a group of every host cluster. Without, the variables to reach it stand at each host.
    type: bool
    default: true
  strict_clusters:
    description: A host cluster that cannot be looked at is an error, not a warning with its vClusters missing.
    type: bool
    default: false
  timeout:
    description: Seconds for all host clusters, which are looked at in parallel.
    type: int
    default: 60
requirements:
  - kubernetes >= 24.2.0, but not 36.0.0
"""

EXAMPLES = r"""
# x.fleet.yml: `ansible-inventory -i x.fleet.yml --graph`
plugin: fleetops.vcluster.fleet
clusters:
  - kubeconfig: ~/.kube/west
  - name: east
    api_host: https://east.example.com:6443
    api_token: "{{ lookup('ansible.builtin.env', 'EAST_TOKEN') }}"
    api_ca_cert: ~/.kube/east-ca.crt
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/fleet
groups:
  unproved: not fleetops_proved
  not_ready: fleetops_replicas_ready < fleetops_replicas
keyed_groups:
  - key: fleetops_store
    prefix: store
compose:
  age_in_days: fleetops_age // 86400
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.inventory.helpers import get_group_vars
from ansible.plugins.inventory import (
    BaseInventoryPlugin,
    Cacheable,
    Constructable,
)
from ansible.utils.vars import combine_vars

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import (
    Context,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.discover import (
    Discovered,
    Row,
    discover,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.host_names import (
    Place,
    host_names,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet_source import (
    Cluster,
    KnownHost,
    cached,
    clusters_of,
    from_cache,
    places_of,
    written_hosts,
)


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """See DOCUMENTATION."""

    NAME = "fleetops.vcluster.fleet"

    def verify_file(self, path: str) -> bool:
        """Whether the name of the source is one of ours."""
        return bool(super().verify_file(path)) and path.endswith(("fleet.yml", "fleet.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Look at the host clusters, or take what is cached, and fill the inventory."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        self.load_cache_plugin()
        context = Context(warn=self.display.warning)
        try:
            clusters = clusters_of(self.get_option("clusters"), self._resolved)
            context.secrets.learn(*(cluster.target.access.token for cluster in clusters))
            found = self._found(path, clusters, context, cache)
            self._judge(found, context)
            self._fill(clusters, found)
        except FleetError as error:
            raise AnsibleParserError(context.secrets.mask(f"{path}: {error}")) from error

    def _resolved(self, value: Any) -> Any:
        return self.templar.template(value) if self.templar.is_template(value) else value

    def _found(
        self, path: str, clusters: list[Cluster], context: Context, cache: bool
    ) -> list[Discovered]:
        """One result for each host cluster; those that the cache lacks are looked at."""
        namespaces = self.get_option("namespaces")
        targets = [cluster.target for cluster in clusters]
        key, wanted = self.get_cache_key(path), self.get_option("cache")
        known: list[Discovered] = []
        if wanted and cache:
            try:
                known = from_cache(self.cache[key], targets, namespaces)
            except KeyError:
                known = []
        names = {one.target.name for one in known}
        missing = [target for target in targets if target.name not in names]
        if missing:
            known += discover(missing, namespaces, context, self.get_option("timeout"))
            if wanted:
                self.cache[key] = cached(known, namespaces)
        return known

    def _judge(self, found: list[Discovered], context: Context) -> None:
        failed = [one for one in found if one.error]
        texts = [
            context.secrets.mask(f"Host cluster {one.target.name}: {one.error}") for one in failed
        ]
        if texts and self.get_option("strict_clusters"):
            raise FleetError(" ".join(texts))
        for text in texts:
            self.display.warning(f"{text} Its vClusters are missing from the inventory.")

    def _fill(self, clusters: list[Cluster], found: list[Discovered]) -> None:
        targets = [cluster.target for cluster in clusters]
        written = written_hosts(self._hosts(), targets, self._resolved)
        rows = places_of(found)
        names = host_names(
            list(rows), written, self.get_option("hostname"), self.get_option("double")
        )
        groups = {cluster.target.name: self._group(cluster) for cluster in clusters}
        for place, row in rows.items():
            self._add(names[place], place, row, groups[place.cluster])

    def _hosts(self) -> Iterator[KnownHost]:
        for name, host in self.inventory.hosts.items():
            groups = frozenset(group.name for group in host.get_groups())
            yield KnownHost(name, groups, self._written(host))

    def _written(self, host: Any) -> Mapping[str, Any]:
        """The variables of a host and its groups, as far as sources before this one set them."""
        variables: Mapping[str, Any] = combine_vars(get_group_vars(host.get_groups()), host.vars)
        return variables

    def _group(self, cluster: Cluster) -> tuple[str | None, Mapping[str, Any]]:
        """The group of a host cluster, if there is to be one, and the variables that its hosts need."""
        if cluster.silent:
            self.display.warning(
                f"Host cluster {cluster.target.name}: its api_token is written in clear, and not handed on to its "
                "hosts. Set vcluster_api_token out of the vault, or write it as a template."
            )
        variables = {"ansible_connection": "local", **cluster.variables}
        if not self.get_option("cluster_groups"):
            return None, variables
        name = self.inventory.add_group(cluster.target.name)
        present = self.inventory.groups[name].vars
        for key, value in variables.items():
            if key not in present:
                self.inventory.set_variable(name, key, value)
        return name, variables

    def _add(
        self, host: str, place: Place, row: Row, group: tuple[str | None, Mapping[str, Any]]
    ) -> None:
        name, variables = group
        known = self.inventory.hosts.get(host)
        written = self._written(known) if known else {}
        self.inventory.add_host(host, group=name)
        identity = {"vcluster_name": place.name, "vcluster_namespace": place.namespace}
        now = self._written(self.inventory.hosts[host])
        for key, value in {**variables, **identity}.items():
            # What was written stays, also where the group that is new to the host would win over it.
            wanted = written.get(key, value)
            if key not in now or now[key] != wanted:
                self.inventory.set_variable(host, key, wanted)
        for key, value in row.facts.items():
            self.inventory.set_variable(host, key, value)
        strict = self.get_option("strict")
        seen = {**self._written(self.inventory.hosts[host]), **row.facts}
        self._set_composite_vars(self.get_option("compose"), seen, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), seen, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), seen, host, strict=strict)
