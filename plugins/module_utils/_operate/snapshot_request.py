# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `snapshot_request`: an archive by the vendor's own controller, in the bucket, read back."""

from __future__ import annotations

import time

from .._core.snapshot_request import COMPLETED
from .._plan.guards.snapshots import request_findings
from .context import Context
from .door import Arguments, Result
from .options import spec_of
from .planning import accepted
from .requesting import Requesting
from .wait import Deadline


def run_snapshot_request(arguments: Arguments, context: Context) -> Result:
    """Have the vendor's controller write an archive, and read it back.

    Raises:
        Refused: There is no bucket, the controller does not run, or does not write whole archives.
        FleetError: It wrote none, or not one that can be relied on. Nothing is left of that.
    """
    spec = spec_of(arguments, context)
    host = context.host(spec.access)
    accepted(spec, request_findings(spec, host.observe(spec)), context)
    target, s3 = context.target(spec), spec.snapshots.s3
    if context.check or s3 is None:  # the guard has refused the latter
        msg = f"{spec.title}: would ask its controller for an archive in the {target.title}"
        return {"changed": True, "outcome": "planned", "msg": msg}
    began = time.monotonic()
    with host.lock(spec) as lock:
        observation = host.observe(spec)
        # What held the lock may have been a restore.
        accepted(spec, request_findings(spec, observation), context)
        deadline = Deadline(spec.limits.total)
        requesting = Requesting(spec, s3, host, observation, target, context, lock, deadline)
        requesting.sweep()
        archive = requesting.archive()
    seconds = round(time.monotonic() - began, 1)
    compared = (
        "as many as its store held"
        if archive.compared
        else "its store does not tell how many it held"
    )
    return {
        "changed": True,
        "outcome": "done",
        "msg": f"{spec.title}: archive {archive.url}, {archive.contents.keys:,} keys, {compared}, read back, "
        f"{seconds} s",
        "url": str(archive.url),
        "key": archive.url.key,
        "count": archive.contents.keys,
        "digest": archive.contents.digest,
        "compared": archive.compared,
        "phase": COMPLETED,
        "seconds": seconds,
    }
