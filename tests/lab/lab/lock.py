# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between processes that share the cache."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator

from .paths import cache


@contextlib.contextmanager
def cache_lock(name: str) -> Iterator[None]:
    """Hold the lock `name` of the cache; waits for its holder. A killed holder frees it."""
    folder = cache() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
