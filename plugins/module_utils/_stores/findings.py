# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings that several stores have in common."""

from __future__ import annotations

from collections.abc import Sequence

from .._core.finding import Finding, refuse, warn
from .store import Options


def licensed(store: str) -> Finding:
    """G33: a store that needs the vendor's licence, whatever the image."""
    return warn(
        "G33",
        f"The store {store} needs a licence (0.36.1, pkg/pro).",
        "Without one Helm is green and the pods end at once.",
        "The proof finds the words in the log.",
    )


def even_count(count: int, what: str) -> list[Finding]:
    """G07: an even count of members."""
    if count < 1 or count % 2:
        return []
    return [
        refuse(
            "G07",
            f"{count} {what}.",
            f"They survive no more losses than {count - 1} and need one more for quorum.",
            f"Use {count - 1} or {count + 1}, or set vcluster_allow: [G07].",
        )
    ]


def unknown_options(store: str, known: Sequence[str], options: Options) -> list[Finding]:
    """Options of another store."""
    return [
        refuse(
            "spec",
            f"vcluster_store.{option} means nothing to {store}.",
            "",
            f"It takes: {', '.join(known) or 'no options'}.",
        )
        for option in options
        if option not in known
    ]
