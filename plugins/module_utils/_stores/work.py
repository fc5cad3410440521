# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What work on a live store needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from .._core.care import Maintenance
from .._core.observation import Pod
from .._core.ports import Api, Dial, Reach

# Waits until something holds, and says in words what; TimedOut when it does not come.
Until = Callable[[str, Callable[[], bool]], None]


@dataclass(frozen=True)
class Work:
    """The ways and hands of a piece of work.

    Attributes:
        api: Of the host cluster.
        reach: Ways to the members.
        pods: Those of the vCluster now.
        until: See Until.
        say: Takes a line of progress.
    """

    api: Api
    reach: Dial
    pods: Callable[[], Sequence[Pod]]
    until: Until
    say: Callable[[str], None]


@dataclass(frozen=True)
class Upkeep(Work):
    """What care of a store needs beside.

    Attributes:
        reach: Ways into the vCluster.
        wanted: When a part of it is due.
        held: Raises Locked where the lock was lost.
        stopped: Stops the control plane, and starts it again at its end.
        shell_image: An image with a shell: the control plane's own.
    """

    reach: Reach
    wanted: Maintenance
    held: Callable[[], None]
    stopped: Callable[[], AbstractContextManager[None]]
    shell_image: str
