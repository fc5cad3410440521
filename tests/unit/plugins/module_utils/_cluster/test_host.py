# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the host cluster's outside."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.host import Host, connect
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import HostCluster
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access


def access(path: Path, **cluster: Any) -> Access:
    document = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9", **cluster}}],
        "users": [{"name": "c", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return Access(kubeconfig=str(path))


def test_it_has_all_that_the_port_names() -> None:
    wanted = {name for name, _ in inspect.getmembers(HostCluster) if not name.startswith("_")}
    assert wanted - {"api", "helm"} <= set(dir(Host))


def test_connecting_sends_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    host = connect(access(tmp_path / "k"), said.append)
    assert said == []
    assert host.api is not None


def test_a_certificate_that_is_not_verified_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    connect(access(tmp_path / "k", **{"insecure-skip-tls-verify": True}), said.append)
    assert "certificate of https://127.0.0.1:9 is not verified" in said[0]


def test_g46_a_missing_kubeconfig_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="does not exist"):
        connect(Access(kubeconfig="/nowhere"), print)
