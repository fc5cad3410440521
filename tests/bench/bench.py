# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection costs, beside kubernetes.core.helm and a loop of helm (`make bench`).

`noop`, `status`, `one_changed`, `growth` and `changed` run on simulated vClusters in host clusters
that are an API alone, started here. `verify` and `install` run on the lab's host clusters, when
they are up (`make lab-up`). All figures come from one machine, one after the other; they go to
build/bench.json, the curves to build/bench/*.svg.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence

import fleet_parts
import lab_parts
from harness import Lab, program
from hosts import BENCH, ROOT, BareLab
from measure import BenchError
from results import Result, machine, table, write
from session import Session, Sizes

FLEET = (100, 1000, 5000)
PARTS = (*fleet_parts.PARTS, *lab_parts.PARTS)


def main() -> int:
    arguments = _arguments()
    BENCH.mkdir(parents=True, exist_ok=True)
    os.environ["HELM"] = program("helm4")
    fleet = sorted(map(int, arguments.fleet.split(",")))
    sizes = Sizes(
        (fleet[0], fleet[1], fleet[-1]),
        min(arguments.sample, fleet[0]),
        min(arguments.sample * 2 // 5, fleet[0]),
        arguments.changed,
        arguments.repeats,
    )
    results: list[Result] = []
    error = ""
    try:
        for found in _run(arguments.parts or PARTS, sizes, arguments.host_clusters):
            results += found
    except (BenchError, RuntimeError) as failure:
        error = f"bench: {failure}"
    write(results, ROOT / "build" / "bench.json")
    print("\n".join([*table(results), machine(), error]))
    return 1 if error else 0


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


def _run(parts: Sequence[str], sizes: Sizes, host_clusters: int) -> Iterator[list[Result]]:
    wanted = [name for name in fleet_parts.PARTS if name in parts]
    if wanted:
        lab = BareLab(host_clusters)
        try:
            lab.up()
            session = Session(lab, sizes)
            for name in wanted:
                print(f"bench: {name}", flush=True)
                yield fleet_parts.PARTS[name](session, BENCH)
        finally:
            lab.down()
    # Without the lab they are left out, unless asked for by name: then Lab.running() says what is missing.
    on_lab = lab_parts.PARTS if parts is not PARTS or _lab_is_up() else {}
    for name, part in on_lab.items():
        if name in parts:
            print(f"bench: {name}", flush=True)
            yield part()


def _lab_is_up() -> bool:
    try:
        Lab.running()
    except RuntimeError as missing:
        print(f"bench: {' and '.join(lab_parts.PARTS)} are left out: {missing}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
