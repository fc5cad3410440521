# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make members.py importable for the tests beside it, and real etcd servers to be had."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from etcd_pods import EtcdPods
from programs import Programs

from lab.parts import build

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def program() -> Path:
    return build(["etcd"])["etcd"]


@pytest.fixture
def etcd(program: Path, tmp_path: Path) -> Iterator[EtcdPods]:
    programs = Programs(tmp_path)
    yield EtcdPods(program, programs, tmp_path)
    programs.end()
