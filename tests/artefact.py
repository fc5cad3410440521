# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the collection and check that the artefact holds the collection alone.

Usage: `.venv/core-2.21/bin/python tests/artefact.py build/artefact/fleetops-vcluster-0.1.0.tar.gz`
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The first part of each path that may be in the artefact, and must be unless it is optional.
REQUIRED = {
    "COPYING",
    "FILES.json",
    "MANIFEST.json",
    "README.md",
    "changelogs",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "roles",
    "tests",
}
OPTIONAL = {"CHANGELOG.rst"}
TESTS = {"tests", "tests/config.yml", "tests/sanity"}  # what ansible-test reads, nothing more


def main() -> int:
    artefact = Path(sys.argv[1]).resolve()
    artefact.parent.mkdir(parents=True, exist_ok=True)
    galaxy = Path(sys.executable).parent / "ansible-galaxy"
    subprocess.run(
        [str(galaxy), "collection", "build", "--force", "--output-path", str(artefact.parent)],
        cwd=ROOT,
        timeout=300,
        check=True,
    )
    with tarfile.open(artefact) as archive:
        names = {name.strip("/") for name in archive.getnames()}
    problems = problems_of(names)
    print("\n".join(problems) or f"{len(names)} files and folders, the collection alone")
    return 1 if problems else 0


def problems_of(names: set[str]) -> list[str]:
    """What is in the artefact and must not be, and what is missing."""
    top = {name.split("/")[0] for name in names}
    tests = {"/".join(name.split("/")[:2]) for name in names if name.startswith("tests")}
    compiled = {name for name in names if "__pycache__" in name or name.endswith(".pyc")}
    stray = (top - REQUIRED - OPTIONAL) | (tests - TESTS) | compiled
    return [
        *(
            f"does not belong into the artefact: {name} (see build_ignore in galaxy.yml)"
            for name in sorted(stray)
        ),
        *(f"missing from the artefact: {name}" for name in sorted(REQUIRED - top)),
    ]


if __name__ == "__main__":
    sys.exit(main())
