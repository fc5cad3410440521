# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves of what was measured, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from results import machine
from session import NoOp

mpl.use("svg")
from matplotlib import pyplot

mpl.rcParams.update(
    {"font.size": 11, "svg.fonttype": "none", "svg.hashsalt": "bench", "axes.grid": True}
)
OURS = "fleetops.vcluster.site"
COLOURS = ("#0b6e4f", "#b23a48", "#3d5a98")
VCLUSTERS = "unchanged vClusters on 10 host clusters"


def cpu(runs: Sequence[NoOp], samples: Mapping[str, float], path: Path) -> None:
    """Ours as measured, and what the peers' cost of one vCluster makes for as many."""
    with _figure("CPU of a run that changes nothing", path) as axes:
        sizes = [run.size for run in runs]
        axes.plot(sizes, [run.cpu for run in runs], "o-", color=COLOURS[0], label=OURS)
        for run in runs:
            label = f"{run.cpu:.1f} s"
            axes.annotate(label, (run.size, run.cpu), (0, -16), textcoords="offset points")
        for colour, (name, each) in zip(COLOURS[1:], samples.items(), strict=True):
            totals = [each * size for size in sizes]
            label = f"{name}: {totals[-1]:,.0f} s for {sizes[-1]:,}"
            axes.plot(sizes, totals, "--", color=colour, label=label)
        axes.set(xscale="log", yscale="log", ylabel="CPU s of the controller")
        axes.margins(0.12, 0.15)
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.legend(loc="upper left", frameon=False, fontsize=9)


def lines(runs: Sequence[NoOp], folder: Path) -> None:
    """CPU, wall time and memory of ours on plain scales, where a bend would show."""
    measures: dict[str, tuple[str, Callable[[NoOp], float]]] = {
        "growth_cpu_linear": ("CPU s of the controller", lambda run: run.cpu),
        "growth_wall": ("seconds", lambda run: run.wall),
        "growth_memory": ("peak MB of the controller (PSS)", lambda run: run.memory),
    }
    for name, (label, value) in measures.items():
        with _figure(f"A run of {OURS} that changes nothing", folder / f"{name}.svg") as axes:
            sizes, values = [run.size for run in runs], [value(run) for run in runs]
            axes.plot(sizes, values, "o-", color=COLOURS[0])
            for at in zip(sizes, values, strict=True):
                axes.annotate(f"{at[1]:.1f}", at, (6, -14), textcoords="offset points")
            axes.set(ylabel=label, ylim=(0, None))
            axes.margins(0.12)
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=30)


@contextmanager
def _figure(title: str, path: Path) -> Iterator[Any]:
    figure, axes = pyplot.subplots(figsize=(8, 5))
    axes.set(title=title, xlabel=VCLUSTERS)
    yield axes
    figure.text(0.01, 0.01, f"Measured on {machine()}", fontsize=8)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
