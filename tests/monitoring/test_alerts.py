# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules by Prometheus's own tool, and that their cases would notice a rule that is wrong."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import parts

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "roles" / "monitoring" / "files" / "alerts.yml"
CASES = Path(__file__).with_name("alerts.test.yml")
PAGE = ROOT / "docs" / "monitoring.md"
LIMIT = 120  # seconds


def rules() -> dict[str, dict[str, Any]]:
    """The rules by the name of their alert."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in found}) == len(found)
    return {rule["alert"]: rule for rule in found}


def cases() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(CASES.read_text())["tests"]
    return found


each_alert = pytest.mark.parametrize("alert", rules())


@pytest.fixture(scope="session")
def promtool() -> Path:
    return parts.build(["promtool"])["promtool"]


def run(promtool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [promtool, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def passes(promtool: Path, folder: Path, text: str, chosen: list[dict[str, Any]]) -> bool:
    """Whether some cases pass with these rules."""
    (folder / "alerts.yml").write_text(text)
    document = {**yaml.safe_load(CASES.read_text()), "tests": chosen}
    (folder / CASES.name).write_text(yaml.safe_dump(document))
    return run(promtool, "test", "rules", folder / CASES.name).returncode == 0


def test_they_are_valid(promtool: Path) -> None:
    done = run(promtool, "check", "rules", "--lint-fatal", RULES)
    assert done.returncode == 0, done.stdout


def test_their_cases_pass(promtool: Path, tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_text(RULES.read_text())
    (tmp_path / CASES.name).write_text(CASES.read_text())
    done = run(promtool, "test", "rules", tmp_path / CASES.name)
    assert done.returncode == 0, done.stdout


def fires(case: dict[str, Any], alert: str) -> bool:
    expected = [
        sample
        for query in case.get("promql_expr_test", ())
        for sample in query.get("exp_samples", ())
    ]
    return any(f'alertname="{alert}"' in sample["labels"] for sample in expected)


@each_alert
@pytest.mark.parametrize(
    "mutant", ["1 > 2", "vector(1)", "for: 0s"], ids=["never", "always", "at once"]
)
def test_a_wrong_rule_is_noticed(promtool: Path, tmp_path: Path, alert: str, mutant: str) -> None:
    """Where it never fires, where it always does, and where it does not wait."""
    document = yaml.safe_load(RULES.read_text())
    for group in document["groups"]:
        for rule in group["rules"]:
            if rule["alert"] == alert and mutant == "for: 0s":
                rule["for"] = "0s"
            elif rule["alert"] == alert:
                rule["expr"] = f"vector(1) {'> 2' if mutant == '1 > 2' else ''}"
    chosen = [case for case in cases() if fires(case, alert)]
    assert chosen
    assert not passes(promtool, tmp_path, yaml.safe_dump(document), chosen)


@each_alert
def test_each_says_how_bad_it_is_which_vcluster_it_is_and_what_to_do(alert: str) -> None:
    rule = rules()[alert]
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["for"]
    words = rule["annotations"]
    assert "$labels.vcluster" in words["summary"]
    anchor = words["runbook_url"].partition("docs/monitoring.md#")[2]
    headings = re.findall(r"^### (.+)$", PAGE.read_text(), re.MULTILINE)
    assert anchor in [heading.lower() for heading in headings]


def test_the_commands_that_they_name_are_playbooks() -> None:
    texts = [rule["annotations"]["description"] for rule in rules().values()]
    named = {name for text in texts for name in re.findall(r"fleetops\.vcluster\.(\w+)", text)}
    there = {path.stem for path in (ROOT / "playbooks").glob("[a-z]*.yml")}
    assert named <= there
