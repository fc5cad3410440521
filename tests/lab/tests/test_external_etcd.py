# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The external etcd's objects, as far as they can be judged without a cluster."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from lab.command import LabError
from lab.external_etcd import ExternalEtcd, create, manifests


def test_three_members_know_each_other_by_names_of_the_headless_service() -> None:
    *_others, stateful_set = manifests("alpha", 3, {})
    command = stateful_set["spec"]["template"]["spec"]["containers"][0]["command"]
    cluster = next(flag for flag in command if flag.startswith("--initial-cluster="))
    members = cluster.partition("=")[2].split(",")
    assert [member.partition("=")[2] for member in members] == [
        f"https://alpha-{index}.alpha-headless.external-etcd:2380" for index in range(3)
    ]
    assert stateful_set["spec"]["replicas"] == 3
    assert "--client-cert-auth=true" in command


def test_the_secret_of_a_client_holds_its_files() -> None:
    etcd = ExternalEtcd("alpha", "alpha.external-etcd:2379", b"authority", b"certificate", b"key")
    secret = etcd.secret("alpha-client", "vc-alpha")
    data = {name: base64.b64decode(text) for name, text in secret["data"].items()}
    assert data == {"ca.crt": b"authority", "tls.crt": b"certificate", "tls.key": b"key"}
    assert secret["metadata"] == {"name": "alpha-client", "namespace": "vc-alpha"}


def test_two_members_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="2 members; must be 1 or 3"):
        create(tmp_path / "kubeconfig", "alpha", tmp_path, members=2)
