# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a Spec to the chart values it asks for.

Three sources, weakest first: what production needs and the chart leaves out (`vcluster_defaults`), the first-class
variables, the raw values. Raw values may replace a default; against a first-class variable they are a contradiction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.finding import Finding, refuse
from .._core.observation import Observation
from .._core.quantity import quantity
from .._core.spec import Defaults, Expose, Spec
from .._core.versions import version_of
from .._stores.base import number
from .._stores.registry import store_in, store_named
from .autoscaling import replicas_asked
from .distro import distro_in, version_path
from .membership import course_of
from .merge import three_way, without
from .values import (
    ABSENT,
    Path,
    Tree,
    build,
    is_branch,
    is_reference,
    leaves,
    merged,
    pointer,
    read,
)

# Paths in the chart's values (values.yaml, 0.34 to 0.36).
REPLICAS: Path = ("controlPlane", "statefulSet", "highAvailability", "replicas")
RESOURCES: Path = ("controlPlane", "statefulSet", "resources")
SPREAD: Path = ("controlPlane", "statefulSet", "scheduling", "topologySpreadConstraints")
BUDGET: Path = ("controlPlane", "advanced", "podDisruptionBudget")
EXTRA_NAMES: Path = ("controlPlane", "proxy", "extraSANs")
KUBERNETES_TAG: Path = ("controlPlane", "distro", "k8s", "image", "tag")
KUBERNETES_VERSION: Path = ("controlPlane", "distro", "k8s", "version")
BACKING_STORE: Path = ("controlPlane", "backingStore")
SERVICE: Path = ("controlPlane", "service")
INGRESS: Path = ("controlPlane", "ingress")
REGISTRY: Path = ("controlPlane", "advanced", "defaultImageRegistry")
PULL_SECRETS: Path = ("controlPlane", "advanced", "serviceAccount", "imagePullSecrets")
WORKLOAD_PULL_SECRETS: Path = (
    "controlPlane",
    "advanced",
    "workloadServiceAccount",
    "imagePullSecrets",
)
SERVER: Path = ("exportKubeConfig", "server")

# The chart asks for 200m and 256Mi (values.yaml, statefulSet.resources): an API server does not live on that memory,
# and is the first to be evicted. CPU stays as the chart has it (0.20 to 0.36): less than an idle API server uses, so a
# percentage of it says nothing.
CHART_CPU = "200m"
MEMORY_REQUEST: Path = (*RESOURCES, "requests", "memory")
MEMORY_LIMIT: Path = (*RESOURCES, "limits", "memory")
MEMORY = "512Mi"

_SERVICE_TYPES = {"cluster": "ClusterIP", "node_port": "NodePort", "load_balancer": "LoadBalancer"}


@dataclass(frozen=True)
class Desired:
    """What is asked for.

    Attributes:
        values: As a tree; may hold references.
        defaults: The paths in it that are laid in by default.
        contradictions: Variables and raw values that say the opposite.
    """

    values: Tree
    defaults: frozenset[Path]
    contradictions: tuple[Finding, ...]


def desired_values(spec: Spec, observation: Observation) -> Desired:
    """The chart values asked for."""
    distro = distro_in(merged(_theirs(observation), spec.values))
    said = merged(observation.live_values, spec.values)
    first = dict(_first_class(spec, version_path(said, _chart(spec, observation), distro)))
    asked = merged(
        build(_kept(spec, observation)),
        build((path, value) for path, (_name, value) in first.items()),
    )
    asked = merged(asked, spec.values)
    count = replicas_asked(spec, observation, read(asked, REPLICAS))
    if count is not None:
        asked = merged(asked, build([(REPLICAS, count)]))
    laid_in = {
        path: value
        for path, value in _defaults(spec, observation, asked)
        if read(asked, path) is ABSENT
    }
    tree = merged(build(laid_in.items()), asked)
    if names := _extra_names(spec, observation, tree):
        tree = merged(tree, build([(EXTRA_NAMES, names)]))
        laid_in[EXTRA_NAMES] = names
    if stays := _members_that_stay(observation, tree):
        tree = merged(tree, build(stays))
    if joining := _joining(observation, tree):
        tree = merged(tree, build(joining))
        laid_in.update(joining)
    findings = (*_contradictions(first, spec.values), *_blocked((*first, *laid_in), spec.values))
    return Desired(tree, frozenset(laid_in), findings)


def _first_class(spec: Spec, kubernetes: Path) -> Iterator[tuple[Path, tuple[str, Any]]]:
    """Path, and the variable and value that stand for it."""
    if spec.kubernetes_version is not None:
        yield kubernetes, ("vcluster_kubernetes_version", f"v{spec.kubernetes_version}")
    if spec.replicas is not None:
        yield REPLICAS, ("vcluster_replicas", spec.replicas)
    if spec.image_registry is not None:
        yield REGISTRY, ("vcluster_image_registry", spec.image_registry)
    if spec.pull_secrets is not None:
        references = [{"name": name} for name in spec.pull_secrets]
        yield PULL_SECRETS, ("vcluster_pull_secrets", references)
        yield WORKLOAD_PULL_SECRETS, ("vcluster_pull_secrets", references)
    if spec.resources is not None:
        for path, value in leaves(spec.resources, RESOURCES):
            yield path, ("vcluster_resources", value)
    if spec.store is not None:
        for path, value in leaves(
            store_named(spec.store.type).values(spec.name, spec.store.options)
        ):
            yield path, ("vcluster_store", value)
    if spec.expose is not None:
        for path, value in _exposed(spec.expose):
            yield path, ("vcluster_expose", value)


def _exposed(expose: Expose) -> Iterator[tuple[Path, Any]]:
    if expose.type == "ingress":
        yield (*INGRESS, "enabled"), True
        yield (*INGRESS, "host"), expose.host
        if expose.ingress_class:
            yield (*INGRESS, "spec", "ingressClassName"), expose.ingress_class
        for name, text in expose.annotations.items():
            yield (*INGRESS, "annotations", name), text
    else:
        yield (*SERVICE, "spec", "type"), _SERVICE_TYPES[expose.type]
        if expose.node_port:
            yield (*SERVICE, "httpsNodePort"), expose.node_port
        for name, text in expose.annotations.items():
            yield (*SERVICE, "annotations", name), text
    if expose.address:
        yield SERVER, f"https://{expose.address}"


def _kept(spec: Spec, observation: Observation) -> Iterator[tuple[Path, Any]]:
    """What stays as it runs when the inventory does not name it: the store and the versions (G03, G19)."""
    live = observation.live_values
    version = store_in(live).version_path
    if spec.store is None:
        section = read(live, BACKING_STORE)
        if is_branch(section):
            found = leaves(section, BACKING_STORE)
            yield from ((path, value) for path, value in found if path != version)
    if version and not store_pin_is_theirs(observation):
        pin = read(live, version)
        yield from [(version, pin)] if pin is not ABSENT else []
    if spec.kubernetes_version is None:
        good = observation.last_good
        decides = version_path(live, (good.chart_version if good else None) or "")
        paths = dict.fromkeys((decides, KUBERNETES_TAG, KUBERNETES_VERSION))
        pins = ((path, read(live, path)) for path in paths)
        yield from ((path, pin) for path, pin in pins if pin is not ABSENT)


def store_pin_is_theirs(observation: Observation) -> bool:
    """Whether the version of the store's servers, where the live values say one, was never asked for here.

    Such a one stays. Ours was written to hold the version while the chart moved, and goes on with the chart.
    """
    base, version = observation.base, store_in(observation.live_values).version_path
    return base is None or (version is not None and pointer(version) in base.foreign)


def _defaults(
    spec: Spec, observation: Observation, asked: Mapping[str, Any]
) -> Iterator[tuple[Path, Any]]:
    """What is laid in.

    Unset: at an install, and where it was laid in before; never into what was adopted (G52). Spread and budget come
    with the second replica too: the first had no use for them.
    """
    flags: Defaults = spec.defaults
    before, theirs = _reference(observation), _theirs(observation)
    after = merged(theirs, asked)
    spread, memory = spread_constraints(spec.name), _memory_request(after)
    grows = number(read(before, REPLICAS)) <= 1 < number(read(asked, REPLICAS))
    added = {path for path in (SPREAD, BUDGET) if grows and read(theirs, path) is ABSENT}
    kept = {
        SPREAD: read(before, SPREAD) == spread,
        BUDGET: any(read(before, path) == value for path, value in _budget({})),
        MEMORY_REQUEST: read(before, MEMORY_REQUEST) == _memory_request(before),
    }
    for flag, path, values in (
        (flags.topology_spread, SPREAD, [(SPREAD, spread)]),
        (flags.disruption_budgets, BUDGET, _budget(after)),
        (flags.resources, MEMORY_REQUEST, [(MEMORY_REQUEST, memory)]),
    ):
        comes = _fresh(observation) or kept[path] or path in added
        known = path != BUDGET or _knows_budgets(spec, observation)
        if flag or (flag is None and comes and known):
            yield from values


def _knows_budgets(spec: Spec, observation: Observation) -> bool:
    """Whether the chart asked for, else the running one, has the section (values.schema.json, 0.31 on)."""
    version = version_of(_chart(spec, observation))
    return version is None or version.minor >= (0, 31)


def _chart(spec: Spec, observation: Observation) -> str:
    """The version of the chart asked for, else of the running one; empty when neither is known."""
    good = observation.last_good
    return spec.version or (good.chart_version if good else None) or ""


def _budget(values: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """A budget; beside a limit of one's own it gets no other, since with two of them one wins silently (G59)."""
    yield (*BUDGET, "enabled"), True
    limits = [read(values, (*BUDGET, key)) for key in ("minAvailable", "maxUnavailable")]
    if all(limit in (ABSENT, None) for limit in limits):
        yield (*BUDGET, "maxUnavailable"), 1


def _memory_request(values: Mapping[str, Any]) -> Any:
    """Never above the limit: the API server would refuse the pods."""
    limit = read(values, MEMORY_LIMIT)
    most, enough = quantity(str(limit)), quantity(MEMORY)
    return limit if most is not None and enough is not None and most < enough else MEMORY


def _theirs(observation: Observation) -> Tree:
    """The live values that nobody here asked for: they stay, unless they are asked for now."""
    base = observation.base
    known = without(base.values or {}, base.foreign) if base else None
    return three_way(known, observation.live_values, {}).values


def spread_constraints(name: str) -> list[dict[str, Any]]:
    """Replicas on different nodes and zones where there are such (G41); never in the way of scheduling."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": "vcluster", "release": name}},
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


def service_names(spec: Spec) -> list[str]:
    """In-cluster names that the serving certificate lacks (pkg/server/cert/cert.go; G35)."""
    return [f"{spec.name}.{spec.namespace}.svc", f"{spec.name}.{spec.namespace}.svc.cluster.local"]


def _extra_names(spec: Spec, observation: Observation, tree: Mapping[str, Any]) -> list[str]:
    """All certificate names together: those of the raw values, the exposed address, the in-cluster names."""
    raw = read(tree, EXTRA_NAMES)
    if raw is not ABSENT and not isinstance(raw, list):
        return []  # Of the wrong type: the schema check speaks of it, if nothing is put in its place.
    names = [] if raw is ABSENT else list(raw)
    if spec.expose and spec.expose.host:
        names.append(spec.expose.host)
    ours = service_names(spec)
    flag = spec.defaults.service_names
    if flag or (
        flag is None and (_fresh(observation) or set(ours) <= set(_reference_list(observation)))
    ):
        names += ours
    return list(dict.fromkeys(names))


def _members_that_stay(observation: Observation, tree: Mapping[str, Any]) -> list[tuple[Path, Any]]:
    """Members go only where a count is said: a line that is gone from the inventory costs none of them (G51)."""
    live, store = observation.live_values, store_in(tree)
    if _fresh(observation) or store_in(live).type != store.type:
        return []
    found = ((path, read(live, path)) for path in store.member_paths[:1])
    return [item for item in found if item[1] is not ABSENT and read(tree, item[0]) is ABSENT]


def _joining(observation: Observation, tree: Mapping[str, Any]) -> list[tuple[Path, Any]]:
    """What members that join need, and what stays of that, of a store that stays the same (G05)."""
    live, base, store = observation.live_values, observation.base, store_in(tree)
    if _fresh(observation) or store_in(live).type != store.type:
        return []
    before = (live, (base.values if base else None) or {})
    if course_of(observation, live, tree).joins or any(map(store.joined, before)):
        return store.joining(tree)
    return []


def _reference_list(observation: Observation) -> list[str]:
    found = read(_reference(observation), EXTRA_NAMES)
    return found if isinstance(found, list) else []


def _reference(observation: Observation) -> Mapping[str, Any]:
    release = observation.base or observation.last_good
    return (release.values if release else None) or {}


def _fresh(observation: Observation) -> bool:
    """Nothing of this vCluster ever ran: no revision that Helm called deployed."""
    return observation.last_good is None


def _contradictions(
    first: Mapping[Path, tuple[str, Any]], raw: Mapping[str, Any]
) -> Iterator[Finding]:
    for path, (variable, value) in first.items():
        said = read(raw, path)
        if said is not ABSENT and said != value:
            yield refuse(
                "spec",
                f"{variable} and vcluster_values at {pointer(path)} contradict each other: {value!r} and {said!r}.",
                "",
                "Keep one of them.",
            )


def _blocked(paths: Iterable[Path], raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Raw values that stand where a section must be: the merge would replace them without a word (G17)."""
    for above in sorted({path[:end] for path in paths for end in range(1, len(path))}):
        found = read(raw, above)
        if found is not ABSENT and (not isinstance(found, Mapping) or is_reference(found)):
            yield refuse("G17", f"The value {pointer(above)} is not a mapping.")
