# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What --diff shows, and what it never shows."""

from __future__ import annotations

from typing import Any


def test_diff_shows_values_and_hides_the_content_of_secrets(run: Any) -> None:
    result = run(check=True, diff=True, values={"controlPlane": {"coredns": {"enabled": True}}})
    values, objects = result["diff"]
    assert "coredns" in values["after"]
    assert "config.yaml: '********'" in objects["after"]
