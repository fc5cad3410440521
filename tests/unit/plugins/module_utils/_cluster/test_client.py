# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The range of the kubernetes client. What it reads is tested in test_kubeconfig.py."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import client
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError


class Client:
    """Stands for the kubernetes package."""

    def __init__(self, version: str) -> None:
        self.__version__ = version


@pytest.mark.parametrize("version", ["24.2.0", "25.3.0", "35.0.0", "36.0.1", "37.0.2"])
def test_versions_that_will_do(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(client, "kubernetes", Client(version))
    client.require()


@pytest.mark.parametrize("version", ["12.0.1", "24.1.0", "36.0.0"])
def test_versions_that_will_not(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(client, "kubernetes", Client(version))
    with pytest.raises(FleetError, match=f"kubernetes {version} is not usable"):
        client.require()


def test_a_missing_client_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MISSING", "No module named 'kubernetes'")
    with pytest.raises(FleetError, match="needs the Python library kubernetes"):
        client.require()
