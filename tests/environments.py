#!/usr/bin/env python3
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare .venv/ and build/collections/ from the pins in requirements/ (`make setup`).

Standard library only, for Python 3.9 or later: it runs before anything is installed. Each
environment has a stamp with a digest of its pins, so a repeated run costs a few milliseconds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLLECTIONS = ROOT / "build" / "collections"
# Collections that this one depends on (galaxy.yml).
OTHERS = ("kubernetes.core", "community.postgresql", "ansible.mysql")
INSTALL_TIMEOUT = 1200  # seconds; an empty cache on a slow line


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Attributes:
        name: Also that of its requirements file.
        python: Version of its Python.
        apart: More requirements, installed without a look at what they ask for.
    """

    name: str
    python: str
    apart: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return ROOT / ".venv" / self.name

    @property
    def requirements(self) -> Path:
        return requirements_file(self.name)


def requirements_file(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


ENVIRONMENTS = (
    Environment("core-2.21", "3.13", ("s3",)),
    Environment("core-2.19", "3.11"),
    Environment("lint", "3.13"),
)


class SetupError(Exception):
    """What is missing, and what to do about it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [environment.name for environment in ENVIRONMENTS]
    parser.add_argument(
        "names", nargs="*", metavar="ENVIRONMENT", help=f"some of: {', '.join(names)}"
    )
    wanted = parser.parse_args().names or names
    try:
        chosen = [environment for environment in ENVIRONMENTS if environment.name in wanted]
        if len(chosen) < len(set(wanted)):
            raise SetupError(f"unknown environment in {wanted}; there are {', '.join(names)}")
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(prepare, chosen))
        prepare_collections()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


def prepare(environment: Environment) -> None:
    """Create one environment unless its stamp says that it holds exactly these pins."""
    interpreter = environment.path / "bin" / "python"
    stamp = environment.path / ".stamp"
    digest = digest_of(environment)
    if interpreter.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    base = find_python(environment.python)
    print(f"setup: .venv/{environment.name} from {base}", flush=True)
    shutil.rmtree(environment.path, ignore_errors=True)
    run([base, "-m", "venv", str(environment.path)])
    pip = [str(interpreter), "-m", "pip", "install", "-q"]
    run([*pip, "-r", str(environment.requirements)])
    for name in environment.apart:
        run([*pip, "--no-deps", "-r", str(requirements_file(name))])
    make_collections_importable(environment, interpreter)
    stamp.write_text(digest)


def digest_of(environment: Environment) -> str:
    """A digest of everything that decides what is in the environment."""
    text = f"{environment.python} {ROOT}\n{requirements_text(environment.requirements)}"
    text += "".join(requirements_text(requirements_file(name)) for name in environment.apart)
    return hashlib.sha256(text.encode()).hexdigest()


def requirements_text(path: Path) -> str:
    """The requirements file with the files it includes by `-r`."""
    text = path.read_text()
    included = re.findall(r"^-r\s+(\S+)", text, re.MULTILINE)
    return text + "".join(requirements_text(path.parent / name) for name in included)


def find_python(version: str) -> str:
    """The path of a CPython of this minor version, from PATH, pyenv or uv."""
    candidates = [shutil.which(f"python{version}"), sys.executable]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += [
        str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)
    ]
    for candidate in candidates:
        if candidate and is_python(candidate, version):
            return candidate
    if shutil.which("uv"):
        subprocess.run(["uv", "python", "install", version], timeout=INSTALL_TIMEOUT, check=False)
        found = subprocess.run(
            ["uv", "python", "find", version],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ).stdout.strip()
        if found and is_python(found, version):
            return found
    raise SetupError(
        f"Python {version} is needed and was not found on PATH, in {pyenv} or by uv.\n"
        f"Install it (for instance `uv python install {version}` or `pyenv install {version}`) "
        "and run `make setup` again."
    )


def is_python(candidate: str, version: str) -> bool:
    """Whether the program runs, is of this minor version and can make environments."""
    probe = "import ensurepip, venv, sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [candidate, "-c", probe], capture_output=True, text=True, timeout=60, check=False
        )
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.strip() == version


def make_collections_importable(environment: Environment, interpreter: Path) -> None:
    """Put build/collections on sys.path: pytest imports it and Ansible finds it there.

    Not in the lint environment, where tools are pointed at the artefact they are to judge.
    """
    if environment.name == "lint":
        return
    site = subprocess.check_output(
        [str(interpreter), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        text=True,
        timeout=60,
    ).strip()
    Path(site, "fleetops_collections.pth").write_text(f"{COLLECTIONS}\n")


def prepare_collections() -> None:
    """Lay out build/collections: this repository as a link, those that it depends on as copies."""
    namespaces = COLLECTIONS / "ansible_collections"
    own = namespaces / "fleetops" / "vcluster"
    own.parent.mkdir(parents=True, exist_ok=True)
    # ansible-lint installs this repository there, and not again while the version stays the same.
    shutil.rmtree(ROOT / "build" / "ansible" / "collections", ignore_errors=True)
    if not own.is_symlink():
        own.symlink_to(os.path.relpath(ROOT, own.parent))
    pins = ROOT / "requirements" / "collections.txt"
    digest = hashlib.sha256(pins.read_bytes() + repr(OTHERS).encode()).hexdigest()
    stamp = namespaces / ".stamp"
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"setup: {', '.join(OTHERS)} into build/collections", flush=True)
    python = str(ENVIRONMENTS[0].path / "bin" / "python")
    python = python if Path(python).exists() else find_python(ENVIRONMENTS[0].python)
    with tempfile.TemporaryDirectory() as folder:
        run(
            [
                python,
                "-m",
                "pip",
                "download",
                "-q",
                "--no-deps",
                "--only-binary",
                ":all:",
                "-d",
                folder,
                "-r",
                str(pins),
            ]
        )
        wheel = next(Path(folder).glob("*.whl"))
        for name in OTHERS:
            place = name.replace(".", "/")
            shutil.rmtree(namespaces / place, ignore_errors=True)
            extract(wheel, f"ansible_collections/{place}/")
    stamp.write_text(digest)


def extract(wheel: Path, prefix: str) -> None:
    """Unpack the members of the wheel under `prefix` into build/collections."""
    with zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if name.startswith(prefix)]
        if not members:
            raise SetupError(f"{wheel.name} holds no {prefix}: choose another pin")
        archive.extractall(COLLECTIONS, members)


def run(command: list[str]) -> None:
    """Run a command to its end; its last lines become the error when it fails."""
    result = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_TIMEOUT,
        check=False,
    )
    if result.returncode:
        tail = "\n".join(result.stdout.splitlines()[-20:])
        raise SetupError(f"`{' '.join(command)}` failed:\n{tail}")


if __name__ == "__main__":
    sys.exit(main())
