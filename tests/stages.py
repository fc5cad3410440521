# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of the test suite, as data; run.py carries out those of each lane in this order."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUITES = ("test", "fast", "full", "lint")
CODE, LAB = "code", "lab"  # lanes: what keeps a core busy, and what mostly waits for host clusters

NEW = ROOT / ".venv" / "core-2.21" / "bin"
OLD = ROOT / ".venv" / "core-2.19" / "bin"
LINT = ROOT / ".venv" / "lint" / "bin"
ARTEFACT = "build/artefact/fleetops-vcluster-0.1.0.tar.gz"


@dataclass(frozen=True)
class Stage:
    """One line of the verdict.

    Attributes:
        name: Also the name of its log.
        command: Argument list.
        suites: The suites it is part of.
        needs: Stages without which it makes no sense; it fails when one of them failed.
        limit: Seconds until it is ended and counted as failed.
        cleans: Run even when the suite is interrupted.
        environment: Variables on top of the caller's.
        folder: Where it runs, relative to the repository's root.
        lane: The stages of a lane run one after another.
    """

    name: str
    command: tuple[str, ...]
    suites: tuple[str, ...] = ("test", "full")
    needs: tuple[str, ...] = ()
    limit: int = 900
    cleans: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "."
    lane: str = CODE


FAST = ("test", "fast", "full")
STYLE = ("test", "fast", "full", "lint")


def tools(folder: Path, **more: str) -> dict[str, str]:
    """The variables that make the programs of one virtual environment the ones that are found."""
    return {
        "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}",
        "VIRTUAL_ENV": str(folder.parent),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_HOME": str(ROOT / "build" / "ansible"),
        "NO_COLOR": "1",
        **more,
    }


def linter(name: str, *command: str, suites: tuple[str, ...] = STYLE, **more: str) -> Stage:
    return Stage(
        name,
        (str(LINT / command[0]), *command[1:]),
        suites,
        ("setup",),
        environment=tools(LINT, **more),
    )


def pytest(
    name: str,
    folder: Path,
    *arguments: str,
    suites: tuple[str, ...] = ("test", "full"),
    needs: tuple[str, ...] = (),
    limit: int = 900,
    lane: str = CODE,
    **more: str,
) -> Stage:
    command = (str(folder / "python"), "-m", "pytest", "-q", *arguments)
    environment = tools(folder, **more)
    return Stage(name, command, suites, ("setup", *needs), limit, False, environment, ".", lane)


def lab(
    name: str,
    *arguments: str,
    needs: tuple[str, ...] = (),
    limit: int = 300,
    cleans: bool = False,
    lane: str = LAB,
    suites: tuple[str, ...] = ("test", "full"),
) -> Stage:
    command = (str(NEW / "python"), "-m", "lab", *arguments)
    return Stage(
        name,
        command,
        suites,
        needs=("setup", *needs),
        limit=limit,
        cleans=cleans,
        environment=tools(NEW, PYTHONPATH="tests/lab"),
        lane=lane,
    )


def sanity(core: str, folder: Path) -> Stage:
    return Stage(
        f"sanity-{core}",
        (str(folder / "python"), "tests/sanity.py", ARTEFACT),
        needs=("setup", "build"),
        limit=1500,
        environment=tools(folder),
    )


def integration(
    name: str,
    helm: str,
    *paths: str,
    suites: tuple[str, ...] = ("test", "full"),
    limit: int = 1800,
) -> Stage:
    return pytest(
        name,
        NEW,
        *paths,
        suites=suites,
        needs=("lab-up",),
        limit=limit,
        lane=LAB,
        FLEETOPS_TEST_HELM=helm,
    )


def files(*names: str) -> tuple[str, ...]:
    """Files of tests that need the lab."""
    return tuple(f"tests/integration/test_{name}.py" for name in names)


# All parts of the lab but the older Kubernetes: only the full suite walks from it, and builds it then.
PARTS = (
    "coredns",
    "etcd-3.5",
    "etcd-3.6",
    "helm-3",
    "helm-4",
    "kine",
    "kine-0.17.2",
    "kubernetes-1.36",
    "metrics-server",
    "promtool",
    "syncer",
)

STAGES = (
    Stage("setup", (sys.executable, "tests/environments.py"), STYLE, limit=1500),
    # With empty caches it takes all cores for a long time: nothing runs beside it.
    lab("lab-parts", "build", *PARTS, limit=3000, lane=CODE),
    linter("ruff", "ruff", "check", "."),
    linter("format", "ruff", "format", "--check", "."),
    linter("mypy", "mypy", "-p", "ansible_collections.fleetops.vcluster.plugins"),
    linter("imports", "lint-imports", PYTHONPATH="build/collections"),
    linter("yamllint", "yamllint", "--strict", "."),
    linter(
        "ansible-lint", "ansible-lint", "--offline", "--strict", suites=("test", "full", "lint")
    ),
    linter("changelog", "antsibull-changelog", "lint"),
    linter(
        "docs",
        "antsibull-docs",
        "lint-collection-docs",
        "--plugin-docs",
        "--validate-collection-refs",
        "dependent",
        "--disallow-unknown-collection-refs",
        "--skip-rstcheck",
        ".",
        suites=("test", "full", "lint"),
    ),
    Stage(
        "build",
        (str(NEW / "python"), "tests/artefact.py", ARTEFACT),
        needs=("setup",),
        environment=tools(NEW),
    ),
    Stage(
        "galaxy-importer",
        (str(LINT / "python"), "-m", "galaxy_importer.main", str(ROOT / ARTEFACT)),
        needs=("setup", "build"),
        environment=tools(LINT, GALAXY_IMPORTER_CONFIG=str(ROOT / "tests" / "galaxy-importer.cfg")),
        folder="build",  # it leaves its result where it runs
    ),
    Stage(
        "environment",
        (str(LINT / "ansible-builder"), "create", "--context", "build/environment"),
        needs=("setup", "build"),
        environment=tools(LINT),
    ),
    sanity("2.21", NEW),
    sanity("2.19", OLD),
    pytest("unit-2.21", NEW, "-n", "2", "-m", "not apiserver", "tests/unit", suites=FAST),
    pytest("unit-2.19", OLD, "-n", "2", "-m", "not apiserver", "tests/unit", suites=FAST),
    # Installs Debian's Chromium where there is none.
    pytest("browser", NEW, "tests/browser", suites=("full",)),
    # Of the core only its Python matters to them: one is enough for the short suite, which has a time to keep.
    pytest("apiserver-2.21", NEW, "-m", "apiserver", "tests/unit", needs=("lab-parts",)),
    pytest(
        "apiserver-2.19",
        OLD,
        "-m",
        "apiserver",
        "tests/unit",
        needs=("lab-parts",),
        suites=("full",),
    ),
    # These measure time. Installs Debian's PostgreSQL and MariaDB where there are none, half a minute.
    pytest("lab-unit", NEW, "-m", "not lab", "tests/lab/tests", needs=("lab-parts",), lane=LAB),
    pytest("contract", NEW, "-n", "2", "tests/contract", needs=("lab-parts",)),
    pytest("monitoring", NEW, "-n", "2", "tests/monitoring", needs=("lab-parts",)),
    pytest("lab", NEW, "-m", "lab", "tests/lab/tests", needs=("lab-parts",), lane=LAB),
    lab("lab-up", "up", "--helm", "helm3,helm4", needs=("lab-parts",)),
    integration(
        "integration-helm4",
        "helm4",
        *files("awx", "bad_input", "doors", "fleet", "interrupted", "proof"),
    ),
    # The pairs that matter most; all of them in the full suite.
    integration("migrate", "helm4", *files("migrate"), limit=9600),
    integration("migrate-faults", "helm4", *files("migrate_faults"), suites=("full",), limit=7200),
    integration("waves", "helm4", *files("waves"), suites=("full",), limit=3600),
    integration(
        "scale",
        "helm4",
        *files("scale", "scale_claims", "recover", "autoscaling"),
        suites=("full",),
        limit=7200,
    ),
    integration(
        "backends",
        "helm4",
        *files("backend_etcd", "backend_database"),
        suites=("full",),
        limit=7200,
    ),
    integration("maintenance", "helm4", *files("maintenance"), suites=("full",), limit=3600),
    integration("autoscaling-helm3", "helm3", *files("autoscaling"), suites=("full",), limit=3600),
    integration(
        "snapshots",
        "helm4",
        *files(
            "snapshot", "snapshot_sqlite", "snapshot_keys", "snapshot_claim", "snapshot_request"
        ),
        *files("drill", "move"),
        suites=("full",),
        limit=3600,
    ),
    integration(
        "faults", "helm4", *files("saving_faults", "scale_faults"), suites=("full",), limit=7200
    ),
    integration("prometheus", "helm4", *files("monitoring"), suites=("full",)),
    # A store of 1 GB, saved and restored.
    Stage(
        "sizes",
        (str(NEW / "python"), "tests/bench/bench.py", "snapshot_1gb"),
        ("full",),
        ("setup", "lab-up"),
        limit=3600,
        environment=tools(NEW, PYTHONPATH="tests/lab:tests/integration"),
        lane=LAB,
    ),
    # The same host clusters again, for tenants with an older Kubernetes too.
    lab("lab-end", "down", needs=("lab-up",), suites=("full",)),
    lab(
        "lab-older",
        "up",
        "--helm",
        "helm3,helm4",
        "--kubernetes",
        "v1.36.3,v1.35.4",
        needs=("lab-end",),
        limit=1800,
        suites=("full",),
    ),
    integration(
        "upgrades",
        "helm4",
        *files("upgrade", "upgrade_faults", "certificates"),
        suites=("full",),
        limit=7200,
    ),
    # What depends on Helm's version: the same tests with each, runs that are killed in the full suite; input, doors and
    # proof do not.
    integration("integration-helm3", "helm3", *files("fleet")),
    integration("interrupted-helm3", "helm3", *files("interrupted"), suites=("full",)),
    Stage(
        "molecule",
        (str(NEW / "python"), "tests/scenarios.py"),
        needs=("setup", "lab-up"),
        limit=2700,
        environment=tools(NEW, PYTHONPATH="tests/lab"),
        lane=LAB,
    ),
    lab("lab-down", "down", cleans=True),
)
