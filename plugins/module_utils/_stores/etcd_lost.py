# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the log of an etcd member says that its data is gone for good (G63)."""

from __future__ import annotations

from .._core.observation import EMPTY, REMOVED

LOG_LINES = "40"  # that tell; a panic brings its stack along

# Seen with etcd 3.6.16: data directories emptied (of members that began the cluster, and of those that joined it), cut
# and overwritten; the last one after `member remove`. One that began the cluster and finds its peers only after it has
# begun anew has a few entries of its own, and not what they say it agreed to. One that nobody added and that has no
# data ends at its arguments, or when it has counted the members; with data it reads neither (3.5 and 3.6).
_SIGNS = {
    "has already been bootstrapped": EMPTY,
    "member count is unequal": EMPTY,
    "couldn't find local name": EMPTY,
    "is out of range [lastIndex(0)]": EMPTY,
    "is out of range [lastIndex(": "its volume is empty, or has lost entries",
    "crc mismatch": "its write-ahead log is corrupt",
    "failed to open database": "its database is corrupt",
    "the member has been permanently removed from the cluster": REMOVED,
}


def loss_in(log: str) -> str:
    """What a log says has happened to the data; empty where it says nothing of that kind."""
    return next((what for sign, what in _SIGNS.items() if sign in log), "")
