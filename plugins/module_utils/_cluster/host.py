# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host cluster, as the engine uses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property

from .._core.care import Point
from .._core.migration import Migration
from .._core.observation import Node, Observation, Proved
from .._core.ports import Fleet, Helm, Lock, Reach
from .._core.spec import Access, Spec
from .api import KubernetesApi
from .fleet import survey
from .helm import HelmCommand
from .kubeconfig import load
from .lock import locked
from .nodes import nodes
from .observe import observe, referenced_secrets
from .releases import forget, mark, note_migration, note_points, note_proof, note_snapshot
from .tenant import Ways
from .transport import HostTransport


class Host:
    """See the port `HostCluster`.

    Args:
        api: Its API.
        helm: Helm against it.
        transport: What the API uses; port-forwards need its connection.
    """

    def __init__(self, api: KubernetesApi, helm: Helm, transport: HostTransport) -> None:
        self.api = api
        self.helm = helm
        self._transport = transport

    def fleet(self, specs: Sequence[Spec], *, leases: bool = False) -> Fleet:
        """See HostCluster."""
        wanted = {(spec.namespace, spec.name): referenced_secrets(spec) for spec in specs}
        return survey(self.api, wanted, leases=leases)

    def observe(self, spec: Spec) -> Observation:
        """See HostCluster."""
        return observe(self.api, spec)

    def nodes(self) -> Sequence[Node] | None:
        """See HostCluster."""
        return self._nodes

    @cached_property
    def _nodes(self) -> Sequence[Node] | None:
        return nodes(self.api)

    def lock(self, spec: Spec) -> AbstractContextManager[Lock]:
        """See HostCluster."""
        return locked(self.api, spec.namespace, spec.name, spec.limits.lock)

    def reach(self, spec: Spec) -> Reach:
        """See HostCluster."""
        connection, seconds = self._transport.connection, spec.limits.rollout
        return Ways(self.api, connection, spec.namespace, spec.name, seconds)

    def forget(self, spec: Spec, revision: int) -> None:
        """See HostCluster."""
        forget(self.api, spec.namespace, spec.name, revision)

    def mark(
        self, spec: Spec, revision: int, digest: str, foreign: Sequence[str], proved: Proved
    ) -> None:
        """See HostCluster."""
        mark(self.api, spec.namespace, spec.name, revision, digest, foreign, proved)

    def note_proof(self, spec: Spec, revision: int, proved: Proved) -> None:
        """See HostCluster."""
        note_proof(self.api, spec.namespace, spec.name, revision, proved)

    def note_points(self, spec: Spec, points: Sequence[Point]) -> None:
        """See HostCluster."""
        note_points(self.api, spec.namespace, spec.name, points)

    def note_migration(self, spec: Spec, migration: Migration | None) -> None:
        """See HostCluster."""
        note_migration(self.api, spec.namespace, spec.name, migration)

    def note_snapshot(self, spec: Spec, revision: int, snapshot: str) -> None:
        """See HostCluster."""
        note_snapshot(self.api, spec.namespace, spec.name, revision, snapshot)


def connect(access: Access, warn: Callable[[str], None]) -> Host:
    """The host cluster behind an access; nothing is sent yet.

    Args:
        warn: Takes a line that the user should read.

    Raises:
        Unreachable: The kubeconfig or context does not exist, or the credential plugin failed.
    """
    transport = HostTransport(lambda: load(access))
    if not transport.connection.verified:
        warn(
            f"The certificate of {transport.connection.server} is not verified ({access.key} says so)."
        )
    return Host(
        KubernetesApi(f"Host cluster {access.key}", transport), HelmCommand(access), transport
    )
