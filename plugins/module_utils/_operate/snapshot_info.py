# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `snapshot_info`: what is in the target, read only."""

from __future__ import annotations

from .._core.errors import Refused
from .._plan.guards.snapshots import target_findings
from .context import Context
from .door import Arguments, Result
from .options import spec_of
from .saved import known
from .snapshot_text import as_data


def run_snapshot_info(arguments: Arguments, context: Context) -> Result:
    """The snapshots of one vCluster, newest first. Its host cluster is not asked: it may be gone.

    Raises:
        Refused: There is no target.
        FleetError: The target cannot be read.
    """
    spec = spec_of(arguments, context)
    missing = target_findings(spec)
    if missing:
        raise Refused(missing)
    found, errors = known(spec, context)
    for error in errors:
        context.warn(f"{spec.host}: {error}")
    snapshots = [as_data(manifest) for manifest in reversed(found)]
    return {"changed": False, "snapshots": snapshots}
