# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One question to several at the same time: the slowest answer is waited for, not the sum of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def at_once(asked: Mapping[str, T], question: Callable[[T], R]) -> dict[str, R]:
    """The answer of each, by name and in the order given. For a handful: each has a thread.

    Raises:
        Exception: What the question raised first, in that order; the others have ended by then.
    """
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        return dict(zip(asked, pool.map(question, asked.values()), strict=True))
