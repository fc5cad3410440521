# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the integration tests. Without a running lab they fail; they never skip.

FLEETOPS_TEST_HELM chooses helm3 or helm4 (default: helm4).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import ROLES, SAVING_ROLES, Fleet, Lab, kubectl, operator_kubeconfig, surroundings

MakeFleet = Callable[..., Fleet]


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab.running()


@pytest.fixture(scope="session")
def operators(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each host cluster a kubeconfig with the rights of docs/rbac/cluster-role.yaml."""
    return _kubeconfigs(lab, tmp_path_factory.mktemp("operators"), "operator", ROLES[:1])


@pytest.fixture(scope="session", autouse=True)
def clean(lab: Lab) -> Iterator[None]:
    """No vCluster of these tests before the first, none after the last: another Helm begins anew."""
    _remove_all(lab)
    yield
    _remove_all(lab)


@pytest.fixture
def anew(lab: Lab) -> None:
    """No vCluster of an earlier test: versions do not go down."""
    _remove_all(lab)


def _remove_all(lab: Lab) -> None:
    for kubeconfig in lab.clusters.values():
        found = kubectl(kubeconfig, "get", "namespaces", "--output=name").split()
        ours = [name for name in found if name.startswith("namespace/vcluster-it-")]
        if ours:
            kubectl(kubeconfig, "delete", *ours, "--timeout=100s")


@pytest.fixture(scope="session")
def helm() -> str:
    return os.environ.get("FLEETOPS_TEST_HELM", "helm4")


@pytest.fixture(scope="session")
def restorers(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same with the rights for restores and drills beside them."""
    return _kubeconfigs(lab, tmp_path_factory.mktemp("restorers"), "restorer", ROLES)


@pytest.fixture(scope="session")
def savers(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same with the rights of docs/rbac/backup-cluster-role.yaml beside the least ones."""
    return _kubeconfigs(lab, tmp_path_factory.mktemp("savers"), "saver", SAVING_ROLES)


def _kubeconfigs(lab: Lab, folder: Path, who: str, roles: Sequence[Path]) -> dict[str, Path]:
    return {
        name: operator_kubeconfig(name, admin, folder, who, roles)
        for name, admin in lab.clusters.items()
    }


@pytest.fixture
def make_fleet(lab: Lab, operators: dict[str, Path], helm: str, tmp_path: Path) -> MakeFleet:
    """Make a fleet of a mapping host cluster -> inventory host -> variables."""

    def make(hosts: dict[str, Any], kubeconfigs: dict[str, Path] | None = None) -> Fleet:
        inventory = {
            "all": {
                "vars": {
                    "ansible_connection": "local",
                    "vcluster_chart": lab.chart_repository,
                    # Tests of waves say their own; the others have no time for a canary.
                    "vcluster_wave_sizes": ["100%"],
                    "vcluster_soak": {"seconds": 3},
                },
                "children": {
                    cluster: {
                        "vars": {"vcluster_kubeconfig": str((kubeconfigs or operators)[cluster])},
                        "hosts": own,
                    }
                    for cluster, own in hosts.items()
                },
            }
        }
        path = tmp_path / "inventory.yml"
        path.write_text(yaml.safe_dump(inventory, sort_keys=False))
        return Fleet(path, surroundings(tmp_path, helm))

    return make
