# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods are chosen by the labels of the chart, or by those that this collection's backends agree on."""

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.line import (
    FIRST_METRICS,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.scrape import (
    api_scrapes,
    backend_scrape,
    plane_scrapes,
)


def test_the_control_plane_is_asked_at_each_pod_with_the_client_of_its_kubeconfig() -> None:
    api, manager = api_scrapes("t", FIRST_METRICS)
    assert (api.path, manager.path) == ("/metrics", "/controller-manager/metrics")
    assert api.labels == {"app": "vcluster", "release": "t"}
    assert api.port == 8443
    assert api.certificates and api.certificates.secret == "vc-t"
    assert "client-key" not in repr(api)


def test_a_path_that_a_line_lacks_is_no_scrape() -> None:
    assert plane_scrapes("t", "kine", "") == ()


def test_a_backend_is_found_by_its_own_labels_and_port() -> None:
    found = backend_scrape("kine", "t")
    assert found.labels == {"app.kubernetes.io/name": "kine", "app.kubernetes.io/instance": "t"}
    assert (found.port, found.certificates) == ("metrics", None)
