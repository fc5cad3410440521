# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stores, and which of them a vCluster uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from .._core.care import Condition
from .._core.check import CheckResult
from .._core.lines.registry import metrics_of
from .._core.observation import MemberList, Observation, Pod
from .._core.plan import Members, Step
from .._core.ports import Json, Reach
from .._core.scrape import Scrape, api_scrapes
from .._core.service_names import service_at, split
from .._core.snapshot import Way
from .._core.spec import Spec, StoreSpec
from .base import PERSISTENCE, PLANE_CLAIM, at, truthy
from .database_external import ExternalDatabase
from .etcd_deployed import EtcdDeployed
from .etcd_embedded import EtcdEmbedded
from .etcd_external import EtcdExternal
from .etcd_members import MemberWork
from .refill import Refill
from .source import Source
from .sql import MYSQL, POSTGRESQL, Sql
from .sqlite import Sqlite
from .store import Store, Values
from .work import Upkeep, Work

SQLITE: Store = Sqlite()
# In the order in which the pod decides when several are on (0.36.1, config/config.go, BackingStoreType).
STORES: tuple[Store, ...] = (
    EtcdEmbedded(),
    EtcdExternal(),
    EtcdDeployed(),
    SQLITE,
    Sql("postgresql", POSTGRESQL),
    Sql("mysql", MYSQL),
    ExternalDatabase(),
)


def store_named(name: str) -> Store:
    """The store of a `vcluster_store.type`, which the argument spec has checked."""
    return next(store for store in STORES if store.type == name)


def store_in(values: Values) -> Store:
    """The store that the pod uses with these effective values; SQLite when none is switched on."""
    return next((store for store in STORES if store.enabled(values)), SQLITE)


def on_store(spec: Spec, values: Values) -> Spec:
    """The vCluster as if the inventory named the store of these user values."""
    store = store_in(values)
    return replace(spec, store=StoreSpec(store.type, store.options_in(values) or {}))


def stores_on(values: Values) -> tuple[Store, ...]:
    """All stores that are switched on by their own key."""
    return tuple(store for store in STORES if store.enabled(values))


def plane_kind(values: Values) -> str:
    """Kind of the control plane's workload with these effective values (0.24 to 0.36, templates/_persistence.tpl)."""
    store = store_in(values)
    claim = at(values, *PLANE_CLAIM, "enabled")
    own = store.type in ("sqlite", "etcd_embedded") and claim in (None, "auto")
    claims = truthy(claim) or bool(at(values, *PERSISTENCE, "volumeClaimTemplates"))
    stateful = claims or own or store.type == "etcd_embedded"
    return "StatefulSet" if stateful else "Deployment"


def secrets_of(spec: Spec) -> Mapping[str, tuple[str, ...]]:
    """Secrets of the namespace that the spec's store needs, with the keys it reads."""
    if spec.store is None:
        return {}
    return store_named(spec.store.type).secrets(spec.name, spec.store.options)


def endpoint_of(spec: Spec) -> str:
    """Address of the servers that hold the data of the spec's store; see Store."""
    return store_named(spec.store.type).endpoint(spec.store.options) if spec.store else ""


def data_place(spec: Spec) -> tuple[str, ...]:
    """Which servers these are, to be compared within a fleet; empty without any.

    A name that only the pods of one host cluster resolve is another one on another host cluster.
    """
    endpoint = endpoint_of(spec)
    if not endpoint:
        return ()
    service = service_at(endpoint, spec.namespace)
    if service is None:
        return tuple(map(str, split(endpoint)))
    return (spec.access.key, service.namespace, service.name, str(service.port))


def objects(spec: Spec, values: Values) -> list[Json]:
    """Plain objects that belong beside the release with these effective values."""
    return store_in(values).objects(spec, values)


def scrapes(spec: Spec, version: str, values: Values) -> tuple[Scrape, ...]:
    """What gives metrics of a vCluster.

    Those of the API are left to the chart's own ServiceMonitor where that is on: they are large.

    Args:
        version: Of the chart that runs.
        values: User values of its release.
    """
    paths = metrics_of(version)
    own = () if monitored_by_chart(values) else api_scrapes(spec.name, paths)
    return (*own, *store_in(values).scrapes(spec.name, values, paths))


def monitored_by_chart(values: Values) -> bool:
    """Whether the chart's ServiceMonitor is on."""
    return truthy(at(values, "controlPlane", "serviceMonitor", "enabled"))


def checks(
    spec: Spec,
    observation: Observation,
    pods: Sequence[Pod],
    reach: Reach,
    values: Values | None = None,
) -> list[CheckResult]:
    """The checks of the store that runs.

    Args:
        values: User values of the release; those of the observed release when not given.
    """
    live = _live(observation) if values is None else values
    return store_in(live).checks(spec, observation, pods, reach, live)


def source(
    spec: Spec, observation: Observation, pods: Sequence[Pod], reach: Reach
) -> AbstractContextManager[Source]:
    """The store that runs, as the source of a snapshot."""
    return _running(observation).source(spec, pods, reach, _live(observation))


def survivor(spec: Spec, observation: Observation, reach: Reach) -> AbstractContextManager[Source]:
    """What is left of the store that runs; see Store."""
    return _running(observation).survivor(spec, observation, reach, _live(observation))


def taken_as(observation: Observation, way: Way) -> Way:
    """The form in which the store that runs takes data of that form; see Store."""
    return _running(observation).takes(way)


def refill(spec: Spec, observation: Observation, work: Refill) -> None:
    """Replace the data of the store that runs; see Store."""
    _running(observation).refill(spec, _live(observation), work)


def change_members(spec: Spec, observation: Observation, change: Members, work: Work) -> MemberWork:
    """The work on the members of the store that runs; see Store."""
    return _running(observation).change_members(spec, change, work)


def member_list(spec: Spec, observation: Observation, reach: Reach) -> MemberList | None:
    """Who the members of the store that runs are by their own word; see Store."""
    return _running(observation).listed(spec, observation, reach)


def condition(
    spec: Spec,
    observation: Observation,
    pods: Sequence[Pod],
    reach: Reach,
    *,
    closely: bool = False,
) -> Condition | None:
    """How the store that runs is; see Store."""
    live = _live(observation)
    return store_in(live).condition(spec, observation, pods, reach, live, closely=closely)


def tend(spec: Spec, observation: Observation, step: Step, upkeep: Upkeep) -> None:
    """Carry out one step of the care of the store that runs; see Store."""
    _running(observation).tend(spec, observation, step, upkeep)


def _live(observation: Observation) -> Values:
    """User values of the observed release."""
    return (observation.release.values if observation.release else None) or {}


def _running(observation: Observation) -> Store:
    return store_in(_live(observation))
