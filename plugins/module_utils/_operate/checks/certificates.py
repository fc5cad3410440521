# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of the certificates: days left, and the names that the serving one is valid for."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ..._cluster.certificates import certificates
from ..._core.check import CheckResult
from ..._core.errors import ApiError
from ..._core.ports import Replica
from .scene import Scene, Verdict, run

WARN_DAYS = 30
# What renews those of the Secrets, those that the replicas serve, and authorities.
CURES = (
    "fleetops.vcluster.certificates renews it",
    "restarting the control plane renews it",
    "vcluster certs rotate-ca renews it, and voids every kubeconfig",
)


@dataclass(frozen=True)
class Certificate:
    """What a replica's serving certificate says."""

    ends: datetime
    names: tuple[str, ...]


def checks(scene: Scene) -> Iterator[CheckResult]:
    """All checks of this file, in order."""
    found: dict[str, Certificate] = {}
    ends: dict[str, datetime] = {}
    result = run("certificates", lambda: days_left(scene, found, ends))
    first = min(ends.values(), default=None)
    yield replace(result, facts={"ends": first.isoformat()}) if first else result
    yield run("service_names", lambda: service_names(scene, found))


def days_left(scene: Scene, found: dict[str, Certificate], ends: dict[str, datetime]) -> Verdict:
    """Days left on all of them, by the host cluster's clock (G36, G55).

    Args:
        found: Is filled with what the replicas serve, by pod.
        ends: Is filled with when each ends that is renewed by what they stand for: the entries of the Secrets, or,
            where those have none, what the replicas serve.
    """
    kept = certificates(scene.host, scene.spec.namespace, scene.spec.name)
    ends.update(kept.leaves)
    for name, replica in scene.replicas.items():
        found[name] = served(replica)
    serving = {name: certificate.ends for name, certificate in found.items()}
    if not kept.leaves:
        ends.update(serving)
    now = scene.host.now
    left = [
        (end, name, cure)
        for cure, group in zip(CURES, (kept.leaves, serving, kept.authorities), strict=True)
        for name, end in group.items()
    ]
    if not left:
        return "skip", "no replica answers, and the Secrets have no certificate"
    if over := [f"{name}: expired on {end:%Y-%m-%d}" for end, name, _cure in left if end <= now]:
        return "fail", "; ".join(over)
    end, name, cure = min(left)
    days = (end - now).days
    evidence = f"{name}: {days} days left"
    return ("warn", f"{evidence}; {cure}") if days < WARN_DAYS else ("pass", evidence)


def service_names(scene: Scene, found: dict[str, Certificate]) -> Verdict:
    """The names by which workloads on the host cluster call the Service are in the certificate (G35)."""
    if scene.spec.defaults.service_names is False:
        return "skip", "vcluster_defaults.service_names is off"
    if not found:
        return "skip", "no certificate was read"
    service = f"{scene.spec.name}.{scene.spec.namespace}.svc"
    wanted = (service, f"{service}.cluster.local")
    problems = [
        f"{name} is not valid for {host}"
        for name, seen in found.items()
        for host in wanted
        if host not in seen.names
    ]
    return ("warn", "; ".join(problems)) if problems else ("pass", ", ".join(wanted))


def served(replica: Replica) -> Certificate:
    """The certificate of the connection to a replica, verified for `localhost` by its handshake.

    Raises:
        FleetError: The replica does not answer.
    """
    if not replica.certificate:
        with suppress(ApiError):  # whatever it says, the handshake is done
            replica.text("/livez")
    peer = replica.certificate
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(peer["notAfter"])), UTC)
    names = tuple(str(entry[1]) for entry in peer.get("subjectAltName", ()))
    return Certificate(ends, names)
