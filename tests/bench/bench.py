# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection costs, beside kubernetes.core.helm and a loop of helm (`make bench`).

`noop`, `status`, `inventory`, `one_changed`, `growth`, `changed` and `backup` run on simulated
vClusters in host clusters that are an API alone, started here. `verify`, `install`, `scale`, `upgrade`,
`migrate`, `migrate_1gb`, `snapshot` and `snapshot_1gb` run on the lab's host clusters, when they are up
(`make lab-up`). All figures come from one machine, one after the other; they go to build/bench.json, the
curves to build/bench/*.svg.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import fleet_parts
import lab_parts
from harness import program
from hosts import BENCH, ROOT, BareLab
from results import Result, machine, table, write
from session import Session, Sizes

Part = Callable[[], list[Result]]
FLEET = (100, 1000, 5000)
PARTS = (*fleet_parts.PARTS, *lab_parts.PARTS)


def main() -> int:
    arguments = _arguments()
    BENCH.mkdir(parents=True, exist_ok=True)
    os.environ["HELM"] = program("helm4")
    results: list[Result] = []
    errors = []
    with ExitStack() as ending:
        for name, part in _parts(arguments, ending):
            print(f"bench: {name}", flush=True)
            try:
                results += part()
            except Exception as error:  # the others are still worth their time
                errors.append(f"bench: {name}: {type(error).__name__}: {error}")
            write(results, ROOT / "build" / "bench.json", whole=not arguments.parts)
    print("\n".join([*table(results), machine(), *errors]))
    return 1 if errors else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    numbers = ",".join(map(str, FLEET))
    parser.add_argument("--fleet", default=numbers, help=f"sizes of the fleet (default {numbers})")
    parser.add_argument("--host-clusters", type=int, default=10, help="default 10")
    parser.add_argument("--sample", type=int, default=50, help="of kubernetes.core.helm")
    parser.add_argument("--changed", type=int, default=50, help="that get a new value")
    parser.add_argument("--repeats", type=int, default=3, help="of a run; its median counts")
    return parser.parse_args()


def _parts(arguments: argparse.Namespace, ending: ExitStack) -> Iterator[tuple[str, Part]]:
    """The parts that are asked for, in their order; what is started for them ends with `ending`."""
    parts = arguments.parts or PARTS
    wanted = [name for name in fleet_parts.PARTS if name in parts]
    if wanted:
        lab = BareLab(arguments.host_clusters)
        ending.callback(lab.down)
        lab.up()
        session = Session(lab, _sizes(arguments))
        for name in wanted:
            yield name, partial(fleet_parts.PARTS[name], session, BENCH)
        ending.close()
    # Without the lab they are left out, unless asked for by name: then they say what is missing.
    on_lab = [name for name in lab_parts.PARTS if name in parts]
    if arguments.parts or lab_parts.possible():
        for name in on_lab:
            yield name, lab_parts.PARTS[name]


def _sizes(arguments: argparse.Namespace) -> Sizes:
    fleet = sorted(map(int, arguments.fleet.split(",")))
    return Sizes(
        (fleet[0], fleet[1], fleet[-1]),
        min(arguments.sample, fleet[0]),
        min(arguments.sample * 2 // 5, fleet[0]),
        arguments.changed,
        arguments.repeats,
    )


if __name__ == "__main__":
    sys.exit(main())
