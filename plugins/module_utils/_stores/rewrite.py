# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restored store must not say: where pods ran, and what belonged to the host cluster where it was saved.

A pod that has started and has no pod on the host is deleted by the syncer (0.36.1,
pkg/controllers/resources/pods/syncer.go, SyncToHost). A restore ends the host's pods, so each one in the store has to
be one that was not scheduled yet; the vendor's own restore does the same (pkg/snapshot/restoreclient.go, transformPod).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from .._core.errors import FleetError
from .._core.etcd import KeyChange
from .._core.observation import POD_ENDED
from .._core.wire import Malformed, changed, get, without

PODS, MAPPINGS = b"/registry/pods/", b"/vcluster/mappings/"
# Which addresses Services can have. The API server writes both again, of the range that it is started with; one that is
# stored stays, and Services with addresses of another host cluster would be deleted and not made again: the syncer does
# that when an address differs (0.36.1, pkg/specialservices, pkg/controllers/resources/services).
RANGES = (b"/registry/servicecidrs/kubernetes", b"/registry/ranges/serviceips")
WORKLOADS = tuple(
    b"/registry/%b/" % name
    for name in (
        b"pods", b"controllers", b"deployments", b"replicasets", b"statefulsets", b"daemonsets", b"jobs", b"cronjobs",
    )
)  # fmt: skip
SYSTEM = b"kube-system"  # CoreDNS is there
PROTOBUF = b"k8s\x00"  # before runtime.Unknown, in which the API server wraps what it stores
RAW = 2  # runtime.Unknown
METADATA, SPEC, STATUS = 1, 2, 3  # Pod
DELETED = 9  # ObjectMeta: deletionTimestamp
NODE = 10  # PodSpec: nodeName
PHASE = 1  # PodStatus

MOST, LARGEST = 100, 1 << 20  # keys and bytes of a lot


def rewritten(
    items: Iterable[tuple[bytes, bytes]], *, elsewhere: bool, idle: bool = False
) -> Iterator[KeyChange]:
    """The keys that change, with their new value; None for a key that goes.

    Args:
        items: Keys and values of a snapshot.
        elsewhere: It is restored under another name, or on another host cluster: what stands for its objects on the
            host is not there (the vendor's `--new-vcluster`), and Services may have other addresses.
        idle: Nothing runs in it but what the control plane itself needs.

    Raises:
        FleetError: A pod is not stored as the API server stores it.
    """
    for key, value in items:
        if idle and key.startswith(WORKLOADS) and key.split(b"/")[3:4] != [SYSTEM]:
            yield key, None
        elif key.startswith(PODS):
            try:
                new = unscheduled(value)
            except ValueError as error:
                raise FleetError(
                    f"{key.decode(errors='replace')} cannot be read: {error}.",
                    "Such a tenant cannot be restored: the syncer would delete its pods.",
                ) from error
            if new != value:
                yield key, new
        elif elsewhere and (key.startswith(MAPPINGS) or key in RANGES):
            yield key, None


def batches(changes: Iterable[KeyChange]) -> Iterator[list[KeyChange]]:
    """The changes in lots that etcd takes at once: 128 keys and 1.5 MiB by default."""
    lot: list[KeyChange] = []
    size = 0
    for key, value in changes:
        more = len(key) + len(value or b"")
        if lot and (len(lot) == MOST or size + more > LARGEST):
            yield lot
            lot, size = [], 0
        lot.append((key, value))
        size += more
    if lot:
        yield lot


def unscheduled(value: bytes) -> bytes:
    """A stored pod that waits for a node. One that is being deleted, or that has ended, stays as it is: the work of a
    finished Job is not done again.

    Raises:
        Malformed: It is not stored as the API server stores it, for example encrypted by it.
    """
    if value.startswith(b"{"):
        return _unscheduled_json(value)
    if not value.startswith(PROTOBUF):
        raise Malformed("neither JSON nor Protocol Buffers: the API server encrypts what it stores")
    wrapped = value[len(PROTOBUF) :]
    pod = get(wrapped, RAW) or b""
    phase = get(get(pod, STATUS) or b"", PHASE) or b""
    if get(get(pod, METADATA) or b"", DELETED) is not None or phase.decode() in POD_ENDED:
        return value
    pod = without(changed(pod, SPEC, lambda spec: without(spec, NODE)), STATUS)
    return PROTOBUF + changed(wrapped, RAW, lambda _old: pod)


def _unscheduled_json(value: bytes) -> bytes:
    pod = json.loads(value)
    if pod["metadata"].get("deletionTimestamp") or pod.get("status", {}).get("phase") in POD_ENDED:
        return value
    pod["spec"].pop("nodeName", None)
    pod.pop("status", None)
    return json.dumps(pod).encode()
