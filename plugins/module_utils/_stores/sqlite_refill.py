# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a database into the volume of a stopped control plane: a pod on its claim takes it.

The old one stays until the new one lies complete and checked beside it, so a run that is cut off anywhere is simply
done again.
"""

from __future__ import annotations

from .._core.ports import Json
from .claim_pod import ClaimPod
from .refill import RECEIVE, SETTLE, Delivery

FILE = "state.db"  # 0.36.1: kine's database in the volume of the control plane
# A log or a journal of the old one would be played into the new one.
LEFT = tuple(f"{FILE}{end}" for end in ("-wal", "-shm", "-journal"))


def refill_database(namespace: str, name: str, refill: Delivery, *, same: bool = False) -> None:
    """Fill the claim of the control plane; one that is gone is made again.

    Args:
        name: Of its StatefulSet.
        same: It says what the old one says: with its log it does, and alone, but the old one without its log does not.

    Raises:
        FleetError: The pod failed, with its words.
    """
    found = refill.api.get(f"/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}")
    place = ClaimPod(refill.api, refill.until, found, 0, "syncer")
    refill.say("filling the volume of the control plane")
    place.ensure_claim()
    refill.fill(place, restore_pod(place, refill, same=same))


def restore_pod(place: ClaimPod, refill: Delivery, *, same: bool = False) -> Json:
    """It waits for the data, then puts it in its place."""
    folder, fresh = place.folder, f"{place.folder}/restored.db"
    receive = place.receive(fresh, refill.size, f"rm -f {fresh}")
    checked = f"echo '{refill.sha256}  {fresh}' | sha256sum -c"
    gone = " ".join(f"{folder}/{name}" for name in LEFT)
    steps = [f"rm -f {gone}", f"mv {fresh} {folder}/{FILE}"]
    settle = " && sync && ".join([checked, *(reversed(steps) if same else steps), "sync"])
    return place.manifest(
        "restore",
        [place.step(RECEIVE, refill.shell_image, receive, place.data)],
        place.step(SETTLE, refill.shell_image, ["sh", "-c", settle], place.data),
    )
