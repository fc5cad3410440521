# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Annotations by which objects of this collection say whose they are."""

from __future__ import annotations

# On all that holds the data of a vCluster beside its release, `NAMESPACE/NAME`: nobody else's data goes there.
OWNER = "fleetops.vcluster/owner"
