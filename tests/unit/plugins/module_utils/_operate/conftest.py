# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the engine's tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import verify, wait
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.control_plane import (
    run_control_plane,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer

sys.path.insert(0, str(Path(__file__).parent))
from fakes import ASKED, FakeHost, World

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits keep their limits and lose their pauses."""
    monkeypatch.setattr(wait, "BREATH", 0.0)
    monkeypatch.setattr(wait, "LAST_BREATH", 0.0)
    monkeypatch.setattr(verify, "PAUSE", 0.0)


@pytest.fixture
def run(world: World) -> Run:
    """Run the engine of control_plane over the world."""

    def run_it(
        check: bool = False, progress: Any = None, diff: bool = False, **more: Any
    ) -> dict[str, Any]:
        context = Context(
            check=check,
            diff=diff,
            connect=lambda _access, _warn: FakeHost(world),
            progress=progress or (lambda _text: None),
        )
        return answer(run_control_plane, {**ASKED, **more}, context)

    return run_it
