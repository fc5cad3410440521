# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors: each has the outcome that results and reports are sorted by."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core import errors
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refuse

OUTCOMES = [
    (errors.FleetError("what"), "failed"),
    (errors.Unreachable("what"), "unreachable"),
    (errors.ApiError(404, "what"), "failed"),
    (errors.HelmError("what"), "failed"),
    (errors.Refused((refuse("G01", "what"),)), "refused"),
    (errors.Locked("what"), "locked"),
    (errors.Unsettled("what"), "failed"),
    (errors.TimedOut("what"), "failed"),
    (errors.Unready("what"), "failed"),
    (errors.ProofFailed("what", "", ()), "failed"),
]


@pytest.mark.parametrize(("error", "outcome"), OUTCOMES)
def test_every_error_has_its_outcome(error: errors.FleetError, outcome: str) -> None:
    assert error.outcome == outcome
    assert "what" in str(error)


def test_no_error_is_missing_here() -> None:
    assert {type(error) for error, _outcome in OUTCOMES} == {
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, errors.FleetError)
    }


def test_what_happened_comes_before_the_way_out() -> None:
    assert str(errors.FleetError("what.", "out.")) == "what. out."
    assert str(errors.FleetError("what.")) == "what."


def test_a_refusal_says_all_its_findings() -> None:
    refused = errors.Refused((refuse("G01", "one."), refuse("G02", "two.", "why.")))
    assert str(refused) == "G01: one.; G02: two. why."


def test_a_defect_names_the_line_that_raised_it() -> None:
    assert errors.defect(KeyError("x")) == "Internal error, please report it: KeyError: 'x'."
    try:
        raise ValueError("odd")
    except ValueError as error:
        assert "ValueError: odd (test_errors.py:" in errors.defect(error)


def test_an_error_in_the_middle_of_the_work_says_what_the_work_was_on() -> None:
    title = "vCluster vcluster-a/a on host cluster hc1"
    lost = errors.FleetError("The Lease x was lost.")
    assert errors.about(title, lost) == f"{title}: The Lease x was lost."
    silent = errors.FleetError(f"{title}: no answer.")
    assert errors.about(title, silent) == f"{title}: no answer."
