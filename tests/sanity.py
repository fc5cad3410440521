# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test sanity on the built artefact: what users get, nothing that lies beside it.

Usage: `.venv/core-2.21/bin/python tests/sanity.py build/artefact/fleetops-vcluster-0.1.0.tar.gz`;
core and Python are those of the interpreter.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import ansible
import ansible_test

ROOT = Path(__file__).resolve().parent.parent

# ansible-test fetches get-pip from its project's own host. Where only package registries can be
# reached that fails, so its cache is filled with this: the same result from Python's own wheel.
GET_PIP = """\
import ensurepip, ssl, subprocess, sys
ensurepip.bootstrap()
packages = [argument for argument in sys.argv[1:] if not argument.startswith("--no-")]
system = ssl.get_default_verify_paths()  # newer pips trust the system's certificates by themselves
trust = ["--cert", system.cafile or system.capath] if system.cafile or system.capath else []
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *trust, *packages]))
"""


def main() -> int:
    artefact = Path(sys.argv[1]).resolve()
    core = ".".join(ansible.__version__.split(".")[:2])
    work = ROOT / "build" / "sanity" / core
    shutil.rmtree(work, ignore_errors=True)
    tree = unpack(artefact, work)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    tester = Path(sys.executable).parent / "ansible-test"
    command = [str(tester), "sanity", "--venv", "--python", python, "--color", "no", "-v"]
    return subprocess.run(
        command, cwd=tree, env=environment(work / "home"), timeout=1500, check=False
    ).returncode


def unpack(artefact: Path, work: Path) -> Path:
    """Lay the artefact out as ansible-test wants it: a git tree under ansible_collections."""
    tree = work / "ansible_collections" / "fleetops" / "vcluster"
    tree.mkdir(parents=True)
    with tarfile.open(artefact) as archive:
        archive.extractall(tree, filter="data")
    identity = ["-c", "user.name=sanity", "-c", "user.email=sanity@localhost"]
    for arguments in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "artefact"]):
        subprocess.run(["git", *arguments], cwd=tree, timeout=60, check=True)
    # ansible-test 2.19 makes its environment in the tree and would check that too.
    (tree / ".git" / "info" / "exclude").write_text("tests/output/\n")
    return tree


def environment(home: Path) -> dict[str, str]:
    """The caller's environment with a home of its own, whose cache holds the get-pip stand-in."""
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True)
    versions = Path(ansible_test.__path__[0], "_internal", "python_requirements.py").read_text()
    for version in re.findall(r"""\bpip=['"]([\d.]+)['"]""", versions):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP)
    pip_cache = os.environ.get("PIP_CACHE_DIR") or str(Path.home() / ".cache" / "pip")
    return {**os.environ, "HOME": str(home), "PIP_CACHE_DIR": pip_cache}


if __name__ == "__main__":
    sys.exit(main())
