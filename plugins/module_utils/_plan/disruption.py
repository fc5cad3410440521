# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a step costs the tenant, estimated.

Any values change alters the pod template annotation vClusterConfigHash (chart, _vclusterconfighash.tpl), so every
control-plane pod restarts at every change: nothing is called restart-free (G11).
"""

from __future__ import annotations

from .._core.observation import Workload
from .._core.plan import Disruption, Members, Turn

# Seen on two cores, chart 0.36.1: one control-plane pod is ready 19 s after its start; three replicas with three
# members 42 s after the install.
POD_SECONDS = 20
# A member counts as ready 10 s after its start at the earliest (chart 0.36.1, etcd-statefulset.yaml, startupProbe).
MEMBER_SECONDS = 15
# One of two voters is back sooner: its headless name serves it while it is not ready. On the lab, in five runs: 1.8 to
# 3.8 s from the end of its process to the next acknowledged write. The other one rejects it until the DNS of the host
# cluster tells its new address (etcd 3.6, "rejected connection on peer endpoint"): a cache there adds its time.
PAIR_SECONDS = 3
# The only one is away until it is ready, and the control plane, which ended with it, until it reaches it. On the lab:
# 21 and 32 s.
ALONE_SECONDS = 25
COPY_SECONDS = 60  # until a control plane that was stopped for a copy is there again
# Until a control plane that was stopped for a change of its store is there again: on the lab 23 to 40 s, with up to
# 10,000 keys; once 69 s, beside another lab on the same two cores. Minutes more for each GB: one in a million keys took
# 11 there, from an etcd to another, saved, read back, written key by key and compared (make bench BENCH=migrate_1gb).
MOVE_SECONDS, MOVE_MINUTES = 45, 10
# The vendor's words for embedded etcd, which nobody here saw: the first pod restarts once or twice while others join.
JOIN_RESTARTS = 2
# Bytes a second that a store rewrites, and seconds until a control plane that was stopped for it is there again. On the
# lab an etcd of 115 MB in use rewrote 89 MB a second; disks across a network are slower.
REWRITE_RATE, STOP_SECONDS = 20_000_000, 60
BESIDE = "; the control plane's pods restart beside it"


def restart(plane: Workload | None, replicas: int) -> Disruption:
    """All control-plane pods restart, one after the other."""
    name = plane.name if plane else "control plane"
    if min(plane.replicas if plane else replicas, replicas) > 1:
        return Disruption(
            "rolling",
            POD_SECONDS * replicas,
            f"{replicas} pods of {name} restart one after the other, about {POD_SECONDS} s each",
        )
    if plane and plane.kind == "Deployment" and plane.replicas:
        # statefulset.yaml, strategy (0.30 to 0.36): maxSurge 1, and nothing unavailable while one is asked for.
        why = f"the only pod of {name} ends when another one is ready, about {POD_SECONDS} s"
        return Disruption("rolling", POD_SECONDS, why)
    return Disruption(
        "outage", POD_SECONDS, f"the only pod of {name} restarts, about {POD_SECONDS} s"
    )


def hop_cost(plane: Workload | None, members: int) -> Disruption:
    """All control-plane pods restart at a hop.

    Args:
        members: Members of the store that restart with them; 0 where none does.
    """
    cost = restart(plane, plane.replicas if plane else 1)
    if not members:
        return cost
    away = cost.seconds if cost.kind == "outage" else 0
    if members == 1:
        why = f"the only etcd member restarts, and takes connections when it is ready{BESIDE}"
        return Disruption("outage", max(ALONE_SECONDS, away), why)
    if members == 2:
        why = f"both etcd members restart, one after the other, and each is needed{BESIDE}"
        return Disruption("outage", max(PAIR_SECONDS, away), why)
    seconds = cost.seconds + MEMBER_SECONDS * members
    why = f"{members} etcd members restart one after the other, about {MEMBER_SECONDS} s each; {cost.estimate}"
    return Disruption(cost.kind, seconds, why)


def member_change(move: Members, etcd: Workload | None, *, told: bool) -> Disruption:
    """All members restart one after the other, and the control plane with them: every value is in its hash (G11).

    Args:
        told: The members know already that others may join.
    """
    name = etcd.name if etcd else "etcd"
    if move.turn is Turn.RETURN:
        return Disruption("outage", MEMBER_SECONDS, f"pods of {name} come back, there is no quorum")
    if move.turn is Turn.REPLACE:
        why = f"{name}-{move.lost[0]} begins anew"
        if told:
            return Disruption("rolling", MEMBER_SECONDS, f"{why}, the others go on")
        why += "; the others restart to be told that members may join"
        return Disruption("rolling" if move.before > 3 else "outage", PAIR_SECONDS, why)
    if min(move.before, move.after) > 1:
        count = move.after
        why = f"{count} pods of {name} restart one after the other, about {MEMBER_SECONDS} s each{BESIDE}"
        return Disruption("rolling", MEMBER_SECONDS * count, why)
    if move.turn is Turn.JOIN:
        why = f"the first pod of {name} restarts while it is one of two voters{BESIDE}"
        return Disruption("outage", PAIR_SECONDS, why)
    why = f"the only pod of {name} restarts, and takes connections when it is ready{BESIDE}"
    return Disruption("outage", ALONE_SECONDS, why)


def copy_outage(store: str) -> Disruption:
    """The control plane stops for a copy of its store, where that cannot be copied otherwise.

    Args:
        store: What it is called.
    """
    why = (
        f"only if {store} cannot be copied while it runs the control plane stops for the copy: the API is away for "
        f"about {COPY_SECONDS} s then, longer for a database of more than a GB"
    )
    return Disruption("outage", COPY_SECONDS, why)


def copied_store(source: str, target: str) -> Disruption:
    """The control plane stops while all that its store holds goes into another one."""
    why = (
        f"no write is taken while {target} is filled with what {source} holds, and until the only replica is there "
        f"again: about {MOVE_SECONDS} s, and {MOVE_MINUTES} min more for each GB"
    )
    return Disruption("outage", MOVE_SECONDS, why)


def replicas_back(name: str) -> Disruption:
    """Replicas that are members of the store come back; the others run on, their values are the same.

    Args:
        name: Of their StatefulSet.
    """
    why = f"pods of {name} come back, before that there may be no quorum"
    return Disruption("outage", POD_SECONDS, why)


def replica_change(name: str, before: int, after: int) -> Disruption:
    """Replicas that are members of the store come or go, and all restart with it: every value is in their hash (G11).

    Args:
        name: Of their StatefulSet.
    """
    if before == 1:
        why = f"{name}-0 restarts, up to {JOIN_RESTARTS} times by the vendor's words, while the others join it"
        return Disruption("outage", JOIN_RESTARTS * POD_SECONDS, why)
    if after > before:
        return restart(Workload("control_plane", "StatefulSet", name, before), before)
    # With podManagementPolicy Parallel those that go and the last one that stays end at once (StatefulSet controller).
    going = f"{before - after} of {before} pods of {name} go"
    why = f"{going} while {name}-{after - 1} restarts; until it is back there is no quorum"
    if after == 1:
        why = f"all pods of {name} end, and the vendor's image makes a store of one member of what {name}-0 holds"
    return Disruption("outage", POD_SECONDS, why)
