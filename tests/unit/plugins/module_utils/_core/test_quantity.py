# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quantities as the API server reads them."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.quantity import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        ("0", 0),
        ("5Gi", 5 * 1024**3),
        ("5G", 5 * 10**9),
        (".5Gi", 1024**3 // 2),
        ("+5Ki", 5 * 1024),
        ("-5M", -5 * 10**6),
        ("5.", 5),
        ("1.5e3", 1500),
        ("2E3", 2000),
        ("2E", 2 * 10**18),
        ("1e-3", 0.001),
        ("200m", 0.2),
    ],
)
def test_a_quantity_is_a_number(text: str, number: float) -> None:
    assert float(quantity(text) or 0) == number


@pytest.mark.parametrize("text", ["", "5K", "5GB", "five", "5 Gi", ".", "5ki", "1e", "Gi", "5e1.5"])
def test_another_text_is_none(text: str) -> None:
    assert quantity(text) is None
