# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps its files."""

from __future__ import annotations

import os
from pathlib import Path

LAB = Path(__file__).resolve().parent.parent  # tests/lab
REPOSITORY = LAB.parent.parent


def cache() -> Path:
    """What is costly to make and the same for every clone: programs, images, charts.

    Everything in it is keyed by the content it was made from, so it may be deleted at any time.
    `FLEETOPS_LAB_CACHE`, else `fleetops-vcluster` in `XDG_CACHE_HOME` (default `~/.cache`).
    """
    chosen = os.environ.get("FLEETOPS_LAB_CACHE")
    if chosen:
        return Path(chosen)
    user_cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(user_cache) / "fleetops-vcluster"


def state() -> Path:
    """What belongs to the running lab of this clone: keys, kubeconfigs, logs, `lab.json`.

    `FLEETOPS_LAB_STATE`, else `build/lab` of the repository.
    """
    chosen = os.environ.get("FLEETOPS_LAB_STATE")
    return Path(chosen) if chosen else REPOSITORY / "build" / "lab"
