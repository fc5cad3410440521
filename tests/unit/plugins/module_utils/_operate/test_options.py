# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of a module to a Spec, and what it makes known as secret."""

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import spec_of


def test_a_spec_teaches_its_token_and_its_vaulted_values() -> None:
    context = Context()
    spec_of(
        {
            "name": "t",
            "api_host": "https://h",
            "api_token": "t0ken-text",
            "values": {"a": [{"b": "vaulted-text"}]},
            "secret_paths": ["/a/0/b", "/gone"],
        },
        context,
    )
    masked = context.secrets.mask("t0ken-text vaulted-text")
    assert "t0ken-text" not in masked
    assert "vaulted-text" not in masked
