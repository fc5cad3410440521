# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of one line (minor) of the vCluster chart."""

from __future__ import annotations

from dataclasses import dataclass


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
class Removed:
    """A value key that this line no longer takes (G17).

    Attributes:
        key: Dotted path of the key.
        replacement: What to write instead.
    """

    key: str
    replacement: str


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
class Line:
    """A chart minor.

    Attributes:
        name: For example `0.36`.
        patches: Its stable releases, oldest first, as far as they are known here.
        removed: Keys that went with this line.
        broken: Values that some of its patches break.
    """

    name: str
    patches: tuple[Patch, ...]
    removed: tuple[Removed, ...] = ()
    broken: tuple[Broken, ...] = ()

    @property
    def minor(self) -> tuple[int, int]:
        """The name as numbers."""
        major, minor = self.name.split(".")
        return int(major), int(minor)
