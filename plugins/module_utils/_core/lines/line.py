# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of one line (minor) of the vCluster chart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..versions import version_of


@dataclass(frozen=True)
class Patch:
    """One released chart.

    Attributes:
        version: Chart version, for example 0.36.1.
        kubernetes: Default tenant Kubernetes (values.yaml, controlPlane.distro.k8s.image.tag), without the v.
        etcd: Default image tag of deployed etcd (values.yaml, controlPlane.backingStore.etcd.deploy).
    """

    version: str
    kubernetes: str
    etcd: str


@dataclass(frozen=True)
class Moved:
    """What becomes of a value below a removed key, where that is exact.

    Attributes:
        old: Dotted path of the value or section.
        new: Dotted path of what stands for it; empty where nothing has to.
        turn: How its value is turned, by name (`turns.TURNS`); a turn that does not fit leaves the value where it is.
    """

    old: str
    new: str
    turn: str = "same"


@dataclass(frozen=True)
class Removed:
    """A value key that this line no longer takes (G17).

    Attributes:
        key: Dotted path of the key.
        replacement: What to write instead.
        moves: What becomes of it; exact where every value below it moves. The first that fits a value counts.
        since: The first patch without it; empty where that is the first of the line.
    """

    key: str
    replacement: str
    moves: tuple[Moved, ...] = ()
    since: str = ""


@dataclass(frozen=True)
class Distro:
    """What brings the tenant's Kubernetes.

    Attributes:
        name: `k8s`, `k3s` or `k0s` (values.yaml, controlPlane.distro).
        versions: One of each minor that the vendor supports, oldest first, as image tags without the v
            (config/default_extra_values.go, of the newest patch).
        pin: Dotted path of the value that says which one runs.
        instead: Dotted path of the value that says so where it is set; empty for none.
        beside: Dotted paths of values that win for their part where they are set, so they say the same.
    """

    name: str
    versions: tuple[str, ...]
    pin: str
    instead: str = ""
    beside: tuple[str, ...] = ()

    def version(self, minor: tuple[int, int]) -> str | None:
        """The supported version of a minor; None when there is none."""
        pairs = ((text, version_of(text)) for text in self.versions)
        return next((text for text, found in pairs if found and found.minor == minor), None)

    @cached_property
    def minors(self) -> tuple[tuple[int, int], ...]:
        """The supported minors, oldest first."""
        return tuple(found.minor for text in self.versions if (found := version_of(text)))


@dataclass(frozen=True)
class Broken:
    """A value that must not be switched on with some patches (G60).

    Attributes:
        versions: The patches.
        key: Dotted path of a boolean value.
        what: What happens.
        fixed: The versions that are free of it.
    """

    versions: tuple[str, ...]
    key: str
    what: str
    fixed: str


@dataclass(frozen=True)
class MetricsPaths:
    """Where a tenant's API serves the metrics of others beside its own at /metrics; empty where it does not.

    To the client of Secret vc-NAME only (0.36.1, pkg/server/filters/k8s_metrics.go).

    Attributes:
        controller_manager: As the chart's own ServiceMonitor asks for it (templates/servicemonitor.yaml).
        kine: Of the kine within the control plane, which only SQLite and the vendor's external database have.
        etcd: Of the embedded etcd.
    """

    controller_manager: str = "/metrics/controller-manager"
    kine: str = "/metrics/kine"
    etcd: str = "/metrics/etcd"


# Until 0.33, and 0.34: in both the stores of the control plane gave none.
FIRST_METRICS = MetricsPaths("/controller-manager/metrics", "", "")
METRICS_WITHOUT_STORES = MetricsPaths(kine="", etcd="")


@dataclass(frozen=True)
class Line:
    """A chart minor.

    Attributes:
        name: For example `0.36`.
        patches: Its stable releases, oldest first, as far as they are known here.
        distros: What it can run the tenant's Kubernetes with (G21).
        hosts: Minors of host clusters in the vendor's matrix (documentation, lifecycle policy); empty where none is
            known.
        rolls_etcd: It changes the pod template of deployed etcd beside the image (etcd-statefulset.yaml).
        removed: Keys that went with this line.
        broken: Values that some of its patches break.
        metrics: Where its metrics are.
    """

    name: str
    patches: tuple[Patch, ...]
    distros: tuple[Distro, ...]
    hosts: tuple[tuple[int, int], ...] = ()
    rolls_etcd: bool = False
    removed: tuple[Removed, ...] = ()
    broken: tuple[Broken, ...] = ()
    metrics: MetricsPaths = MetricsPaths()

    @cached_property
    def minor(self) -> tuple[int, int]:
        """The name as numbers."""
        major, minor = self.name.split(".")
        return int(major), int(minor)

    def distro(self, name: str) -> Distro | None:
        """Its distro of that name; None when it has none."""
        return next((distro for distro in self.distros if distro.name == name), None)
