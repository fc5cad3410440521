# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renew the certificates of a vCluster: its syncer does it when it starts, so everything restarts (G36)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .._cluster.certificates import certificates
from .._core.certificates import EXPORTED
from .._core.moments import moment_text
from .._core.observation import Observation, Workload
from .._core.ports import Api
from .._core.spec import Spec
from .._plan.renewal import ends_soon
from .wait import Deadline, rollout, wait_until

# The annotation of pod templates with which the vendor's own watcher restarts them (0.34 to 0.36, pkg/certs): nobody's
# value, so no drift (G37), and Helm keeps it.
RENEWED_AT = "vcluster.loft.sh/cert-rotation-at"


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
    plane, etcd = seen.workload("control_plane"), seen.workload("etcd")
    if plane:
        _restart(api, spec, plane)
    what = "the syncer to renew the certificates"
    wait_until(spec, limit, what, lambda: not any(_due(api, spec, exported=False)))
    if etcd:
        _restart(api, spec, etcd)
    rollout(api, spec, limit, say)
    what = f"the syncer to renew the kubeconfig in Secret vc-{spec.name}"
    wait_until(spec, limit, what, lambda: not any(_due(api, spec, exported=True)))
    first = certificates(api, spec.namespace, spec.name).first
    if first:
        say(f"its first certificate ends on {first[1]:%Y-%m-%d} now")


def _due(api: Api, spec: Spec, *, exported: bool) -> Iterator[bool]:
    """Of each certificate whether it is to be renewed: the control plane's own, or the one of the kubeconfig."""
    for entry, ends in certificates(api, spec.namespace, spec.name).leaves.items():
        if (entry == EXPORTED) is exported:
            yield ends_soon(spec, ends, api.now)


def _restart(api: Api, spec: Spec, workload: Workload) -> None:
    path = f"/apis/apps/v1/namespaces/{spec.namespace}/{workload.kind.lower()}s/{workload.name}"
    annotations = {RENEWED_AT: moment_text(api.now)}
    api.merge(path, {"spec": {"template": {"metadata": {"annotations": annotations}}}})
