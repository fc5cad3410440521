# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renew the certificates of a vCluster: its syncer does it when it starts, so everything restarts (G36)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from .._cluster.certificates import certificates
from .._core.certificates import EXPORTED
from .._core.moments import moment_text
from .._core.observation import Observation, Workload
from .._core.ports import Api
from .._core.spec import Spec
from .wait import Deadline, rollout, wait_until

# The annotation of pod templates with which the vendor's own watcher restarts them (0.34 to 0.36, pkg/certs): nobody's
# value, so no drift (G37), and Helm keeps it.
RENEWED_AT = "vcluster.loft.sh/cert-rotation-at"
NEVER = datetime.min.replace(tzinfo=UTC)  # of what there is none yet


def renew(
    api: Api, spec: Spec, seen: Observation, limit: Deadline, say: Callable[[str], None]
) -> None:
    """Restart what has certificates: the control plane, which renews them, and then the members of a deployed etcd.

    Nobody waits for the control plane to be ready in between: where certificates have ended already, it is not before
    the members have new ones too.

    Raises:
        TimedOut: The syncer did not renew them, or not the one of the kubeconfig that it exports.
        Unready: What restarted did not come back.
    """
    before = _ends(api, spec)
    plane, etcd = seen.workload("control_plane"), seen.workload("etcd")
    if plane:
        _restart(api, spec, plane)
    what = "the syncer to renew the certificates"
    wait_until(spec, limit, what, lambda: _ends(api, spec).own > before.own)
    if etcd:
        _restart(api, spec, etcd)
    rollout(api, spec, limit, say)
    what = f"the syncer to renew the kubeconfig in Secret vc-{spec.name}"
    wait_until(spec, limit, what, lambda: _ends(api, spec).exported > before.exported)
    say(f"its certificates end on {_ends(api, spec).own:%Y-%m-%d} now")


class Ends(NamedTuple):
    """When the first certificate of the control plane ends, and that of the exported kubeconfig."""

    own: datetime
    exported: datetime


def _ends(api: Api, spec: Spec) -> Ends:
    leaves = dict(certificates(api, spec.namespace, spec.name).leaves)
    exported = leaves.pop(EXPORTED, NEVER)
    return Ends(min(leaves.values(), default=NEVER), exported)


def _restart(api: Api, spec: Spec, workload: Workload) -> None:
    path = f"/apis/apps/v1/namespaces/{spec.namespace}/{workload.kind.lower()}s/{workload.name}"
    annotations = {RENEWED_AT: moment_text(api.now)}
    api.merge(path, {"spec": {"template": {"metadata": {"annotations": annotations}}}})
