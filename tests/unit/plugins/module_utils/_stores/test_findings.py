# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several stores refuse in the same words."""

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.findings import (
    unknown_options,
)


def test_every_option_that_means_nothing_is_named_with_those_that_do() -> None:
    found = unknown_options("mine", ("size",), {"size": 1, "members": 3, "tls": {}})
    assert [finding.what for finding in found] == [
        "vcluster_store.members means nothing to mine.",
        "vcluster_store.tls means nothing to mine.",
    ]
    assert {finding.way_out for finding in found} == {"It takes: size."}
