#!/usr/bin/env python3
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run stages of the test suite and print one verdict table (`make test`).

Usage: run.py test | fast | full | STAGE...

The stages of a lane run one after another, the lanes beside each other. Every stage runs even when
another failed, unless it needs that one; its output goes to build/logs/STAGE.log, and a failed
stage shows its last 40 lines. A stage whose inputs are missing fails. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from stages import LAB, ROOT, STAGES, SUITES, Stage

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
    chosen = [stage for stage in STAGES if is_wanted(stage, wanted)]
    began = time.monotonic()
    results = Suite(chosen, full="full" in wanted).run()
    print_table(results, time.monotonic() - began)
    failed = sum(not result.passed for result in results)
    print(f"stages: {len(results) - failed} passed, {failed} failed", flush=True)
    return 1 if failed or not results else 0


def is_wanted(stage: Stage, wanted: list[str]) -> bool:
    return stage.name in wanted or bool(set(wanted) & set(stage.suites))


def interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


class Suite:
    """Stages on their way.

    Attributes:
        ended: The result of each stage that has one.
        running: The process of each stage that runs.
    """

    def __init__(self, chosen: list[Stage], *, full: bool) -> None:
        self.chosen = chosen
        self.environment = {**os.environ, **({"FLEETOPS_FULL": "1"} if full else {})}
        self.ended: dict[str, Result] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.changed = threading.Condition()
        self.interrupted = False

    def run(self) -> list[Result]:
        """Run all lanes; the cleaning stages also after an interruption."""
        names = dict.fromkeys(stage.lane for stage in self.chosen)
        lanes = [threading.Thread(target=self.run_lane, args=(name,)) for name in names]
        try:
            for lane in lanes:
                lane.start()
            for lane in lanes:
                lane.join()
        except KeyboardInterrupt:
            self.interrupt(lanes)
            print("interrupted", file=sys.stderr)
            sys.exit(130)
        return [self.ended[stage.name] for stage in self.chosen]

    def run_lane(self, name: str) -> None:
        for stage in self.chosen:
            if stage.lane == name:
                result = self.run_stage(stage)
                with self.changed:
                    self.ended[stage.name] = result
                    self.changed.notify_all()

    def run_stage(self, stage: Stage) -> Result:
        broken = self.broken_needs(stage)
        if broken or self.interrupted:
            note = f"not run: {', '.join(broken)} failed" if broken else "not run: interrupted"
            result = Result(stage, False, 0.0, note)
            result.log.write_text(result.note + "\n")
        else:
            print(f"{stage.name:<20} ...", flush=True)
            started = time.monotonic()
            code = self.run_command(stage)
            note = "" if code == 0 else f"exit code {code}" if code is not None else "time limit"
            result = Result(stage, code == 0, time.monotonic() - started, note)
            if not result.passed:
                print_tail(result)
        word = "ok" if result.passed else f"FAILED ({result.note})"
        print(f"{stage.name:<20} {word} {result.seconds:.0f} s", flush=True)
        return result

    def broken_needs(self, stage: Stage) -> list[str]:
        """Wait for the stages without which this one makes no sense; returns those that failed."""
        needs = [other.name for other in self.chosen if other.name in stage.needs]
        with self.changed:
            self.changed.wait_for(lambda: all(name in self.ended for name in needs))
        return [name for name in needs if not self.ended[name].passed]

    def run_command(self, stage: Stage) -> int | None:
        """Run the stage in a process group of its own; None when its time limit ended it."""
        # What waits for the lab most of the time goes first; the others take what it leaves.
        first = ("nice", "-n", "0" if stage.lane == LAB else "10")
        with (LOGS / f"{stage.name}.log").open("wb") as log:
            process = subprocess.Popen(
                (*first, *stage.command),
                cwd=ROOT / stage.folder,
                env={**self.environment, **stage.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.running[stage.name] = process
            try:
                return process.wait(timeout=stage.limit)
            except subprocess.TimeoutExpired:
                end_group(process)
                return None
            finally:
                del self.running[stage.name]

    def interrupt(self, lanes: list[threading.Thread]) -> None:
        """End what runs, then clean up."""
        self.interrupted = True
        for process in list(self.running.values()):
            end_group(process)
        for lane in lanes:
            lane.join()
        for stage in self.chosen:
            if stage.cleans:
                self.run_command(stage)


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


def print_table(results: list[Result], seconds: float) -> None:
    print(f"\n{'stage':<20} {'result':<7} {'seconds':>7}  log")
    for result in results:
        word = "ok" if result.passed else "FAILED"
        log = result.log.relative_to(ROOT)
        print(
            f"{result.stage.name:<20} {word:<7} {result.seconds:>7.0f}  {log} {result.note}".rstrip()
        )
    print(f"{'in all':<20} {'':<7} {seconds:>7.0f}")


if __name__ == "__main__":
    sys.exit(main())
