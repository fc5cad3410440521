# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue: a guard that is not in it is never asked."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan import guards
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.guards.catalogue import GUARDS


def test_every_guard_of_every_room_is_asked_once() -> None:
    written = {
        function
        for room in pkgutil.iter_modules(guards.__path__, f"{guards.__name__}.")
        for _name, function in inspect.getmembers(importlib.import_module(room.name))
        if inspect.isfunction(function)
        and function.__module__ == room.name
        and not function.__name__.startswith("_")
        and tuple(inspect.signature(function).parameters) == ("case",)
        and function.__name__ != "findings_of"
    }
    assert written == set(GUARDS)
    assert len(GUARDS) == len(set(GUARDS))
