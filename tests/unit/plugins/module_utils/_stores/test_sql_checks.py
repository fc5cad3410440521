# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The releases of kine that lose writes are named wherever they are told."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.sql_checks import LOSING

ROLE = Path(__file__).resolve().parents[5] / "roles" / "backend_database"


def test_the_role_refuses_the_releases_that_the_proof_fails() -> None:
    constants = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    assert tuple(constants["__backend_database_losing"]) == LOSING
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    assert not defaults["backend_database_kine_image"].endswith(LOSING)
