# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the contract tests: the facts, the charts of the lab, both Helms."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "lab"), str(ROOT / "build" / "collections")]

from facts import HOST_VERSION, NAMESPACE, RELEASE, Contract, by_identity  # noqa: E402

from lab import chart, parts  # noqa: E402

VERSIONS = [line.version for line in chart.lines().values()]


@dataclass(frozen=True)
class Outcome:
    """What `helm template` said."""

    code: int
    output: str
    error: str

    def objects(self) -> dict[str, dict[str, Any]]:
        """Return the rendered objects by kind/name."""
        assert self.code == 0, self.error
        return by_identity(self.output)


Template = Callable[..., Outcome]


def _folder() -> Path | None:
    named = os.environ.get("VCLUSTER_CONTRACT")
    return Path(named) if named else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each version and case, or of each version and check, that the facts have."""
    folder = _folder()
    names = set(metafunc.fixturenames)
    if {"version", "case"} <= names:
        pairs = [(v, c) for v in VERSIONS for c in (Contract(folder).cases(v) if folder else ["-"])]
        metafunc.parametrize(("version", "case"), pairs)
    elif {"version", "check"} <= names:
        checks = (
            Contract(folder).read("fails.json")["checks"]
            if folder
            else {"-": {"results": VERSIONS}}
        )
        pairs = [(v, c) for v in VERSIONS for c, of in checks.items() if v in of["results"]]
        metafunc.parametrize(("version", "check"), pairs)
    elif "version" in names:
        metafunc.parametrize("version", VERSIONS)


@pytest.fixture(scope="session")
def contract() -> Contract:
    """The facts; without them there is nothing to compare with."""
    folder = _folder()
    if folder is None:
        message = "VCLUSTER_CONTRACT does not name a folder with facts about the vendor's chart"
        if os.environ.get("FLEETOPS_FULL") == "1":
            pytest.fail(message)
        pytest.skip(message)
    assert (folder / "index.json").is_file(), f"VCLUSTER_CONTRACT={folder} has no index.json"
    return Contract(folder)


@pytest.fixture(scope="session")
def helms() -> dict[str, Path]:
    """Both Helms, built when the lab's cache lacks them."""
    return parts.build(["helm3", "helm4"])


@pytest.fixture(scope="session")
def charts() -> dict[str, Path]:
    """Packages of the stand-in chart by version."""
    return {version: chart.package(version) for version in VERSIONS}


@pytest.fixture(scope="session")
def template(
    helms: dict[str, Path], charts: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Template:
    """Run `helm template` on the stand-in chart; the same call is run once."""
    values_file = tmp_path_factory.mktemp("values") / "values.json"
    known: dict[tuple[str, ...], Outcome] = {}

    def run(
        version: str,
        values: dict[str, Any],
        *,
        helm: str = "helm4",
        host: str = HOST_VERSION,
        release: str = RELEASE,
        namespace: str = NAMESPACE,
    ) -> Outcome:
        text = json.dumps(values)
        key = (version, text, helm, host, release, namespace)
        if key not in known:
            values_file.write_text(text)
            argv = [helms[helm], "template", release, charts[version]]
            argv += ["--namespace", namespace, "--kube-version", host, "--values", values_file]
            done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
            known[key] = Outcome(done.returncode, done.stdout, done.stderr)
        return known[key]

    return run
