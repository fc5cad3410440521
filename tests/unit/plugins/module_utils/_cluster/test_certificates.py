# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When certificates end, as the Secrets of a vCluster have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from signed import certificate, encoded, kubeconfig

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.certificates import (
    certificates,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.certificates import (
    Certificates,
)

NOW = datetime(2026, 3, 17, 9, 30, tzinfo=UTC)
SECRETS = "/api/v1/namespaces/vcluster-a/secrets"


def days(count: int) -> datetime:
    return NOW + timedelta(days=count)


class Api:
    """Secrets by name."""

    def __init__(self, **secrets: dict[str, bytes]) -> None:
        self._secrets = secrets

    def find(self, path: str) -> dict[str, Any] | None:
        name = path.removeprefix(f"{SECRETS}/").replace("-", "_")
        found = self._secrets.get(name)
        return found and {"data": {key: encoded(value) for key, value in found.items()}}


def test_g36_leaves_and_authorities_end_apart() -> None:
    api: Any = Api(
        a_certs={
            "apiserver.crt": certificate(days(40)),
            "apiserver.key": b"a key",
            "ca.crt": certificate(days(3000)),
            "admin.conf": kubeconfig(days(30)),
        },
        vc_a={"client-certificate": certificate(days(35)), "token": b""},
    )
    found = certificates(api, "vcluster-a", "a")
    leaves = {"apiserver.crt": days(40), "admin.conf": days(30), "client-certificate": days(35)}
    assert found == Certificates(leaves, {"ca.crt": days(3000)})
    assert found.first == ("admin.conf", days(30))


def test_what_is_no_certificate_is_left_out() -> None:
    api: Any = Api(
        a_certs={"apiserver.crt": b"-----", "admin.conf": b"users: []", "scheduler.conf": b"\xff"}
    )
    assert certificates(api, "vcluster-a", "a") == Certificates()


def test_without_secrets_there_is_none() -> None:
    nothing: Any = Api()
    assert certificates(nothing, "vcluster-a", "a").first is None
