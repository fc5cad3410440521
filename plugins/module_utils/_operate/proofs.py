# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof of many vClusters in one process: of those asked for, or only of those that are due."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .context import Context
from .door import failure
from .many import for_each
from .outlook import counted
from .plan_fleet import Entry, plan_fleet
from .render import WIDTH, wrapped
from .status import status_of
from .verbs import LOOK
from .verify import verified

_SPAN = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# Passed proofs get a line each up to this many; after that they are counted.
SHOWN = 40


@dataclass(frozen=True)
class Proofs:
    """What came of it.

    Attributes:
        results: Of module `verify`, by inventory host.
        not_due: Hosts whose last proof is young enough.
    """

    results: Mapping[str, Mapping[str, Any]]
    not_due: tuple[str, ...] = ()

    @property
    def failed(self) -> dict[str, str]:
        """What to say of each that failed."""
        return {host: str(r["msg"]) for host, r in self.results.items() if r.get("failed")}


def span_of(text: str) -> timedelta | None:
    """A span of time such as `90s`, `30m`, `24h` or `7d`; None for anything else."""
    match = _SPAN.fullmatch(text.strip())
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def prove_all(
    entries: Iterable[Entry], context: Context, concurrency: int, due: timedelta | None = None
) -> Proofs:
    """Prove vClusters.

    Args:
        entries: With their spec, or with what is wrong with their variables: that is their result then.
        concurrency: How many at once.
        due: Leave out those whose running revision was proved more recently.
    """
    given = tuple(entries)
    young = _young(given, context, due) if due else frozenset()
    asked = [entry for entry in given if entry.host not in young]
    specs = {entry.host: entry.spec for entry in asked if entry.spec and not entry.error}
    found = for_each(
        specs,
        context,
        lambda spec, host: verified(spec, host, context),
        lambda _spec, error: failure(error),
        concurrency,
    )
    wrong = {entry.host: failure(entry.error) for entry in asked if entry.error}
    results = {**found, **wrong}
    order = [entry.host for entry in asked]
    return Proofs({host: results[host] for host in order}, tuple(sorted(young)))


def _young(entries: Iterable[Entry], context: Context, due: timedelta) -> frozenset[str]:
    """The hosts that are well by the light pass and whose proof is younger than `due`."""
    found = map(status_of, plan_fleet(entries, context, LOOK).entries)
    return frozenset(
        status.host
        for status in found
        if status.state == "proved" and status.proof_age is not None and status.proof_age < due
    )


def proofs_text(proofs: Proofs) -> str:
    """What failed with its words, what is warned about, and how many passed; 80 columns."""
    lines = ["PROOF " + "-" * (WIDTH - 6)]
    for host, result in proofs.results.items():
        lines += _lines(host, result, short=len(proofs.results) > SHOWN)
    passed = len(proofs.results) - len(proofs.failed)
    parts = [f"{passed} passed", f"{len(proofs.failed)} failed"]
    if proofs.not_due:
        parts.append(f"{len(proofs.not_due)} not due")
    return "\n".join([*lines, f"{counted(len(proofs.results), 'vCluster')}: {', '.join(parts)}"])


def _lines(host: str, result: Mapping[str, Any], short: bool) -> Iterator[str]:
    checks = result.get("checks") or ()
    loud = [check for check in checks if check["status"] in ("fail", "warn")]
    if result.get("failed") or loud or not short:
        counts = Counter(check["status"] for check in checks)
        numbers = [f"{counts[s]} {s}" for s in ("pass", "warn", "fail", "skip") if counts[s]]
        yield from wrapped(f"{host}: {', '.join([result['outcome'], *numbers])}", "  ", "    ")
    if result.get("failed") and not loud:
        yield from wrapped(str(result["msg"]), "    ", "    ")
    for check in loud:
        yield from wrapped(
            f"{check['status']} {check['id']}: {check['evidence']}", "    ", "      "
        )
