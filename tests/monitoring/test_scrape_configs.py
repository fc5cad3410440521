# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus takes the scrape configurations of every store and of every line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.registry import LINES
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.scrape import api_scrapes
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.monitors import (
    Asked,
    scrape_configs,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import STORES
from lab import parts

LIMIT = 120  # seconds
OPTIONS = {"endpoint": "store.shared:2379"}


@pytest.mark.parametrize("kubeconfig", ["", "west.kubeconfig"])
def test_they_are_valid(tmp_path: Path, kubeconfig: str) -> None:
    jobs = []
    for line in LINES:
        for store in STORES:
            name = f"{store.type.replace('_', '-')}-{line.name.replace('.', '-')}"
            spec = spec_from({"name": name, "kubeconfig": "/k/west"})
            values = {} if store.type == "database_external" else store.values(name, OPTIONS)
            found = (*api_scrapes(name, line.metrics), *store.scrapes(name, values, line.metrics))
            jobs += scrape_configs(spec, found, Asked(kubeconfig=kubeconfig), name)
    # Within the configuration: promtool does not look into scrape_config_files.
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": jobs}))
    promtool = parts.build(["promtool"])["promtool"]
    command = [promtool, "check", "config", "--syntax-only", tmp_path / "prometheus.yml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
