#!/usr/bin/env python3
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run stages of the test suite and print one verdict table (`make test`).

Usage: run.py test | fast | full | STAGE...

Every stage runs even when another failed, unless it needs that one; its output goes to
build/logs/STAGE.log, and a failed stage shows its last 40 lines. A stage whose inputs are missing
fails. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from stages import ROOT, STAGES, SUITES, Stage

LOGS = ROOT / "build" / "logs"
TAIL = 40  # lines shown of a failed stage


@dataclass(frozen=True)
class Result:
    """The outcome of one stage."""

    stage: Stage
    passed: bool
    seconds: float
    note: str = ""

    @property
    def log(self) -> Path:
        return LOGS / f"{self.stage.name}.log"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [stage.name for stage in STAGES]
    parser.add_argument(
        "what",
        nargs="+",
        choices=[*SUITES, *names],
        metavar="SUITE_OR_STAGE",
        help=f"{', '.join(SUITES)}, or some of: {', '.join(names)}",
    )
    wanted = parser.parse_args().what
    signal.signal(signal.SIGTERM, interrupted)
    LOGS.mkdir(parents=True, exist_ok=True)
    results = run_all([stage for stage in STAGES if is_wanted(stage, wanted)], "full" in wanted)
    print_table(results)
    failed = sum(not result.passed for result in results)
    print(f"stages: {len(results) - failed} passed, {failed} failed", flush=True)
    return 1 if failed or not results else 0


def is_wanted(stage: Stage, wanted: list[str]) -> bool:
    return stage.name in wanted or bool(set(wanted) & set(stage.suites))


def interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def run_all(chosen: list[Stage], full: bool) -> list[Result]:
    """Run the stages in order; the cleaning ones also after an interruption."""
    environment = {**os.environ, "FLEETOPS_FULL": "1"} if full else dict(os.environ)
    results: list[Result] = []
    try:
        for stage in chosen:
            results.append(run_stage(stage, chosen, results, environment))
    except KeyboardInterrupt:
        done = {result.stage.name for result in results}
        for stage in chosen:
            if stage.cleans and stage.name not in done:
                run_command(stage, environment)
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    return results


def run_stage(
    stage: Stage, chosen: list[Stage], results: list[Result], environment: dict[str, str]
) -> Result:
    broken = [r.stage.name for r in results if r.stage.name in stage.needs and not r.passed]
    if broken:
        result = Result(stage, False, 0.0, f"not run: {', '.join(broken)} failed")
        result.log.write_text(result.note + "\n")
    else:
        print(f"{stage.name:<20} ...", flush=True)
        started = time.monotonic()
        code = run_command(stage, environment)
        note = "" if code == 0 else f"exit code {code}" if code is not None else "time limit"
        result = Result(stage, code == 0, time.monotonic() - started, note)
        if not result.passed:
            print_tail(result)
    word = "ok" if result.passed else f"FAILED ({result.note})"
    print(f"{stage.name:<20} {word} {result.seconds:.0f} s", flush=True)
    return result


def run_command(stage: Stage, environment: dict[str, str]) -> int | None:
    """Run the stage in a process group of its own; None when its time limit ended it."""
    with (LOGS / f"{stage.name}.log").open("wb") as log:
        process = subprocess.Popen(
            stage.command,
            cwd=ROOT / stage.folder,
            env={**environment, **stage.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(timeout=stage.limit)
        except subprocess.TimeoutExpired:
            end_group(process)
            return None
        except KeyboardInterrupt:
            end_group(process)
            raise


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a stage that is cut off, with all that it started, politely first."""
    for number, grace in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            continue


def print_tail(result: Result) -> None:
    lines = result.log.read_text(errors="replace").splitlines()[-TAIL:]
    print(f"--- last lines of {result.log.relative_to(ROOT)}")
    print("\n".join(lines))
    print("---")


def print_table(results: list[Result]) -> None:
    print(f"\n{'stage':<20} {'result':<7} {'seconds':>7}  log")
    for result in results:
        word = "ok" if result.passed else "FAILED"
        log = result.log.relative_to(ROOT)
        print(
            f"{result.stage.name:<20} {word:<7} {result.seconds:>7.0f}  {log} {result.note}".rstrip()
        )
    total = sum(result.seconds for result in results)
    print(f"{'total':<20} {'':<7} {total:>7.0f}")


if __name__ == "__main__":
    sys.exit(main())
