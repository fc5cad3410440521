# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the doors hand to the engine beside the arguments."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ansible.module_utils.common.parameters import remove_values

from .._cluster.host import connect
from .._core.errors import defect
from .._core.ports import HostCluster, Target
from .._core.spec import Access, Spec
from .targets import Targets

T = TypeVar("T")
Connect = Callable[[Access, Callable[[str], None]], HostCluster]

# A shorter text is no secret, and masking it would make every message unreadable.
SHORTEST_SECRET = 4


class Secrets:
    """The secret texts a run came to know; nothing that holds one leaves the engine in clear (G38)."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def learn(self, *values: Any) -> None:
        """Remember every text within the values as secret."""
        for value in values:
            if isinstance(value, dict):
                self.learn(*value.values())
            elif isinstance(value, (list, tuple, set, frozenset)):
                self.learn(*value)
            elif isinstance(value, str) and len(value) >= SHORTEST_SECRET:
                self._texts.add(str(value))

    def mask(self, value: T) -> T:
        """The same value with every known secret text in it replaced."""
        if not self._texts:
            return value
        masked: T = remove_values(value, self._texts)
        return masked


def _silent(_text: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Context:
    """How an engine runs.

    Attributes:
        check: Change nothing, say what would be done.
        diff: Add differences of values and rendered objects.
        progress: Takes one line about what is going on, while it goes on.
        warn: Takes one line that the user should read.
        trace: Takes the traceback of an error nobody expected.
        connect: Makes the HostCluster of an Access.
        targets: Where snapshots go.
        secrets: Collects the secret texts of the run.
    """

    check: bool = False
    diff: bool = False
    progress: Callable[[str], None] = _silent
    warn: Callable[[str], None] = _silent
    trace: Callable[[str], None] = _silent
    connect: Connect = connect
    targets: Targets = field(default_factory=Targets)
    secrets: Secrets = field(default_factory=Secrets)

    def host(self, access: Access) -> HostCluster:
        """The host cluster behind an access; warnings are masked on their way out."""
        self.secrets.learn(access.token)
        return self.connect(access, lambda text: self.warn(self.secrets.mask(text)))

    def target(self, spec: Spec) -> Target:
        """The target of a vCluster's snapshots; nothing is sent yet."""
        return self.targets.of(spec, lambda: self.host(spec.access).api)

    def close(self) -> None:
        """End what the run has on host clusters for itself."""
        self.targets.close()

    def say(self, text: str) -> None:
        """Report progress, masked."""
        self.progress(self.secrets.mask(text))

    def defect(self, error: Exception) -> str:
        """The words for an error nobody expected; its traceback goes to the trace, masked."""
        self.trace(self.secrets.mask("".join(traceback.format_exception(error))))
        return f"{defect(error)} Nothing more was done; the next run observes again and goes on from there."
