# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which addresses may name a Service of the host cluster."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.service_names import (
    ServicePort,
    service_at,
    split,
)


@pytest.mark.parametrize(
    ("endpoint", "found"),
    [
        ("store:2379", ServicePort("here", "store", 2379)),
        ("store.there:2379", ServicePort("there", "store", 2379)),
        ("https://store.there.svc:2379", ServicePort("there", "store", 2379)),
        ("store.there.svc.cluster.local.:2379", ServicePort("there", "store", 2379)),
        ("store.there", ServicePort("there", "store", 443)),
        ("etcd.example.net:2379", None),
        ("store-0.store-headless.there.svc:2379", None),
        ("10.0.0.1:2379", None),
        ("[fd00::1]:2379", None),
        ("a..b:1", None),
    ],
)
def test_services_are_told_from_other_hosts(endpoint: str, found: ServicePort | None) -> None:
    assert service_at(endpoint, "here") == found


def test_host_and_port() -> None:
    assert split("https://[fd00::1]:2379/") == ("fd00::1", 2379)
    assert split("etcd.example.net") == ("etcd.example.net", 443)
