# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exceptions of the collection. Lower layers raise one of these; only the doors turn them into results."""

from __future__ import annotations

import traceback

from .check import CheckResult
from .finding import Finding


class FleetError(Exception):
    """Something that ends the work on one vCluster.

    Args:
        what: One sentence: which object, what was tried, what came back.
        way_out: What the reader can do now; empty when there is nothing to add.
    """

    outcome = "failed"

    def __init__(self, what: str, way_out: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.way_out = way_out

    def __str__(self) -> str:
        return f"{self.what} {self.way_out}".rstrip()


class Unreachable(FleetError):
    """The host cluster does not answer, or no longer takes our credentials (G46)."""

    outcome = "unreachable"


class ApiError(FleetError):
    """An API server answered with an error that retrying does not heal.

    Args:
        status: HTTP status code, for example 403, 404, 409, 422.
    """

    def __init__(self, status: int, what: str, way_out: str = "") -> None:
        super().__init__(what, way_out)
        self.status = status

    @property
    def forbidden(self) -> bool:
        """Whether the rights are missing."""
        return self.status == 403

    @property
    def conflict(self) -> bool:
        """Whether it is there already, or was changed meanwhile; a repeated request meets its own first one."""
        return self.status == 409


class HelmError(FleetError):
    """Helm ended with an error, or is not usable here."""


class Refused(FleetError):
    """A guard refuses; nothing was changed."""

    outcome = "refused"

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("; ".join(str(finding) for finding in findings))
        self.findings = findings


class Locked(FleetError):
    """Another run holds the Lease of this vCluster (G24)."""

    outcome = "locked"


class Unsettled(FleetError):
    """A store cannot be copied while its control plane runs; nothing is wrong with it."""


class TimedOut(FleetError):
    """A wait reached its limit; `what` says what was seen last."""


class Unready(TimedOut):
    """Pods did not become ready after a change, or never will."""


def about(title: str, error: FleetError) -> str:
    """The words of an error with what the work was on: what is lost or silent in the middle of it may not know."""
    return str(error) if title in str(error) else f"{title}: {error}"


def defect(error: Exception) -> str:
    """The words for an error that nobody expected, with the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
    return f"Internal error, please report it: {type(error).__name__}: {error}{place}."


class ProofFailed(FleetError):
    """The checks after a step failed; `what` names them.

    Args:
        checks: All results of the last round.
    """

    def __init__(self, what: str, way_out: str, checks: tuple[CheckResult, ...]) -> None:
        super().__init__(what, way_out)
        self.checks = checks
