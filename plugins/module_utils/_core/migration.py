# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written down of a store migration, so that another run goes on with it or goes back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """How far it came."""

    COPYING = "copying"  # the source has everything: where a run is cut off, it comes up again
    SWITCHING = (
        "switching"  # the target has everything, and may have been let in: the way is forward
    )
    DONE = "done"  # proved on the target; the source is kept as it was until it is retired


@dataclass(frozen=True)
class Migration:
    """The latest store migration of a vCluster.

    Attributes:
        source: Type of the store that is left.
        target: Type of the store that it goes to.
        phase: See Phase.
        at: When that began, by the host cluster's clock, in ISO 8601.
        snapshot: Id of the snapshot of the source after its last write; empty before there is one. While it is copied
            back to a store that was left: of that one.
        run: The run that did it.
        place: Which of its kind the target is, where its type does not say it: the address of an etcd.
    """

    source: str
    target: str
    phase: Phase
    at: str
    snapshot: str = ""
    run: str = ""
    place: str = ""

    @property
    def left(self) -> str:
        """Type of the store that can come back as it was left; empty where there is none."""
        if not self.snapshot:
            return ""
        return self.target if self.phase is Phase.COPYING else self.source

    @property
    def as_data(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def migration_of(data: dict[str, Any]) -> Migration:
    """The reverse of `as_data`.

    Raises:
        TypeError, ValueError: It is none.
    """
    return Migration(**{**data, "phase": Phase(data["phase"])})
