# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What brings the tenant's Kubernetes (G21), and the values that say which release of it runs (G19)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.lines.line import Distro
from .._core.lines.registry import LINES, line_of
from .renames import path_of_key
from .values import ABSENT, Path, read

UNSET = (ABSENT, None, "")


def distro_in(values: Mapping[str, Any]) -> str:
    """What brings the tenant's Kubernetes: k8s unless another one is switched on (_distro.tpl)."""
    switched = ("controlPlane", "distro")
    on = (name for name in ("k3s", "k0s") if read(values, (*switched, name, "enabled")) is True)
    return next(on, "k8s")


def version_paths(values: Mapping[str, Any], distro: Distro) -> tuple[Path, ...]:
    """The values that decide over the release, the one to write first; others win for their part where they are set."""
    said = path_of_key(distro.instead) if distro.instead else ()
    first = said if said and read(values, said) not in UNSET else path_of_key(distro.pin)
    beside = (path_of_key(key) for key in distro.beside)
    return (first, *(path for path in beside if read(values, path) not in UNSET))


def version_path(values: Mapping[str, Any], chart: str, distro: str = "") -> Path:
    """The value that decides over the release.

    Args:
        chart: Version of the chart that takes the values; the newest line counts where it is not known.
        distro: What brings Kubernetes, where the values do not tell.
    """
    line, name = line_of(chart) or LINES[-1], distro or distro_in(values)
    found = line.distro(name) or LINES[-1].distro("k8s")
    if found is None:
        raise ValueError(f"{LINES[-1].name} has no k8s")
    return version_paths(values, found)[0]
