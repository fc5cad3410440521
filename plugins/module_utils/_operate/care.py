# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at how the store of a vCluster is, and keep how much it held: on its Lease, one look a day (G43, G44)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from .._core.care import Condition, Point, growth, with_point
from .._core.errors import FleetError
from .._core.moments import moment_text
from .._core.observation import Observation, Pod
from .._core.ports import HostCluster, Reach
from .._core.spec import Spec
from .._plan.care import Due, due, in_words
from .._stores.registry import condition
from .pods import look


@dataclass(frozen=True)
class Looked:
    """What came of a look.

    Attributes:
        points: How much the store held at earlier looks, and now.
    """

    condition: Condition
    points: tuple[Point, ...]
    due: Due

    @property
    def words(self) -> str:
        """How the store is, in a line."""
        return in_words(self.condition, self.points, self.due.full)

    def as_data(self) -> dict[str, Any]:
        """For results and reports; bytes, and moments as RFC 3339."""
        full = self.due.full
        return {
            **asdict(self.condition),
            "size": self.condition.size,
            "used": self.condition.used,
            "growth": growth(self.points),
            "full_at": moment_text(full) if full else None,
            "due": self.due.words,
        }


def looked_at(
    spec: Spec,
    observation: Observation,
    pods: Sequence[Pod],
    reach: Reach,
    now: datetime,
    *,
    closely: bool = False,
) -> Looked | None:
    """How the store that runs is; None where it tells nothing of itself.

    Args:
        now: By the host cluster's clock.
        closely: See Store.condition.
    """
    found = condition(spec, observation, pods, reach, closely=closely)
    if found is None:
        return None
    points = observation.points
    if found.parts:
        points = with_point(points, Point(int(now.timestamp()), found.used))
    return Looked(found, points, due(spec, found, points, now))


def look_closely(spec: Spec, host: HostCluster, observation: Observation) -> Looked | None:
    """The same, with all that can be told.

    Raises:
        FleetError: It cannot be looked at now.
    """
    pods, reach = look(host.api, spec).pods, host.reach(spec)
    found = looked_at(spec, observation, pods, reach, host.api.now, closely=True)
    if found and found.condition.trouble and not found.condition.parts:
        raise FleetError(
            f"{spec.title}: {found.condition.title} cannot be looked at: {found.condition.trouble}",
            "Run fleetops.vcluster.verify.",
        )
    return found


def note(spec: Spec, host: HostCluster, observation: Observation, used: int) -> None:
    """Keep how much the store held, if it is time for it."""
    points = with_point(observation.points, Point(int(host.api.now.timestamp()), used))
    if points != observation.points:
        host.note_points(spec, points)
