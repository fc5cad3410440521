# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replace what an etcd holds, key by key: where its files are out of reach, or the data is that of another store.

Its revision goes up from where it is, so clients see each change (G61). A run that is cut off leaves it half filled,
and is done again.
"""

from __future__ import annotations

from collections.abc import Iterable

from .._core.errors import FleetError
from .._core.etcd import Etcd, KeyChange
from .refill import Refill
from .rewrite import batches

# All that a control plane writes: the API server and the syncer below these, the API server's compactor the last one.
OWN = (b"/registry/", b"/vcluster/", b"compact_rev_key")


def replace_keys(title: str, etcd: Etcd, refill: Refill) -> None:
    """The etcd holds the data, and nothing else, when this returns.

    Raises:
        FleetError: It holds what no control plane writes, or its revision is too low; nothing was touched then.
    """
    refill.say(f"filling {title}")
    revision, held = _count(etcd, b"")
    if revision < refill.revision:
        raise FleetError(
            f"{title} is at revision {revision:,}, below {refill.revision:,} of the snapshot: clients would see no "
            "changes (G61).",
            "Fill it by etcdutl snapshot restore with --bump-revision and --mark-compacted, then run again.",
        )
    strange = held - sum(_count(etcd, prefix)[1] for prefix in OWN)
    if strange:
        raise FleetError(
            f"{title} holds {strange:,} keys that are no vCluster's, and would be emptied.",
            "Give the vCluster an etcd of its own, or move those keys away.",
        )
    remove(etcd)
    write(etcd, refill.items())


def remove(etcd: Etcd) -> None:
    """Remove all that a control plane writes."""
    for prefix in OWN:
        etcd.delete(prefix)


def write(etcd: Etcd, changes: Iterable[KeyChange]) -> None:
    """Write and delete keys, in lots."""
    for lot in batches(changes):
        etcd.write(lot)


def forget(etcd: Etcd) -> None:
    """Compact all that was before: whoever watches from there lists again (G61)."""
    etcd.compact(_count(etcd, b"")[0])


def held(etcd: Etcd) -> int:
    """Keys of a control plane that it holds."""
    return sum(_count(etcd, prefix)[1] for prefix in OWN[:2])


def _count(etcd: Etcd, prefix: bytes) -> tuple[int, int]:
    return etcd.count(prefix=prefix) or (0, 0)
