# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A namespace for a drill, with a quota and no way in; it is gone with all that was in it when the drill is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .._core.errors import FleetError, TimedOut
from .._core.ports import HostCluster
from .._core.spec import Spec
from .._plan.scratch import LABEL, isolation
from .context import Context
from .wait import Deadline, came

PAUSE = 1.0
HELM_SECONDS = 120


@dataclass(frozen=True)
class Scratch:
    """The namespace of one drill.

    Attributes:
        spec: Of the copy that runs there.
    """

    host: HostCluster
    spec: Spec
    context: Context

    @contextmanager
    def namespace(self) -> Iterator[None]:
        """Make it, and remove it whatever happens.

        Raises:
            FleetError: There is one of that name that no drill made, or it does not go away.
        """
        found = self.host.api.find(self._path)
        if found is not None:
            self._own(found)
            with self.host.lock(self.spec):  # a drill that still runs has it
                self._remove()
        self.host.api.create("/api/v1/namespaces", self._body())
        try:
            for path, body in isolation(self.spec):
                self.host.api.create(path, body)
            yield
        finally:
            self._remove()

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.spec.namespace}"

    def _body(self) -> dict[str, object]:
        return {"metadata": {"name": self.spec.namespace, "labels": {LABEL: "true"}}}

    def _own(self, found: dict[str, dict[str, dict[str, str]]]) -> None:
        """Only what a drill made is ever deleted."""
        if found["metadata"].get("labels", {}).get(LABEL) != "true":
            raise FleetError(
                f"Namespace {self.spec.namespace} on host cluster {self.spec.cluster} is not a drill's: it has no "
                f"label {LABEL}.",
                "Rename it: a drill needs that name.",
            )

    def _remove(self) -> None:
        found = self.host.api.find(self._path)
        if found is None:
            return
        self._own(found)
        self.context.say(f"{self.spec.host}: removing namespace {self.spec.namespace}")
        # The chart may have made objects outside the namespace.
        self.host.helm.uninstall(self.spec.name, self.spec.namespace, HELM_SECONDS)
        self.host.api.delete(self._path)
        # Also when the drill's own time is over.
        limit = Deadline(self.spec.limits.rollout)
        if not came(lambda: self.host.api.find(self._path) is None, limit, PAUSE):
            raise TimedOut(
                f"Namespace {self.spec.namespace} on host cluster {self.spec.cluster} does not go away.",
                f"See `kubectl get namespace {self.spec.namespace} -o yaml` for what holds it.",
            )
