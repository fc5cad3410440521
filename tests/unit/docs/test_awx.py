# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data for AWX: its shape, and that all it names exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[3]
AWX = ROOT / "docs" / "awx"
DATA = yaml.safe_load((AWX / "controller.yml").read_text())
TEXT, SWITCH, NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "integer"}

# Options and types of awx.awx 24 (modules job_template, workflow_job_template) and of infra.aap_configuration 3
# (controller_workflow_job_templates, simplified_workflow_nodes), as far as they are used here.
SURVEY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "description", "spec"],
    "properties": {
        "name": TEXT,
        "description": TEXT,
        "spec": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["question_name", "variable", "type", "required"],
                "properties": {
                    "question_name": TEXT,
                    "question_description": TEXT,
                    "variable": TEXT,
                    "type": {"enum": ["text", "integer", "multiplechoice"]},
                    "required": SWITCH,
                    "min": NUMBER,
                    "max": NUMBER,
                    "default": {"type": ["string", "integer"]},
                },
            },
        },
    },
}
COMMON = {
    **dict.fromkeys(("name", "description", "organization", "inventory"), TEXT),
    **dict.fromkeys(
        ("ask_limit_on_launch", "ask_variables_on_launch", "allow_simultaneous", "survey_enabled"),
        SWITCH,
    ),
    "survey_spec": SURVEY,
}
TEMPLATE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "organization", "project", "playbook", "inventory"],
    "properties": {
        **COMMON,
        **dict.fromkeys(("project", "playbook", "execution_environment"), TEXT),
        **dict.fromkeys(("ask_job_type_on_launch", "ask_diff_mode_on_launch"), SWITCH),
        "job_type": {"enum": ["run", "check"]},
        "forks": NUMBER,
    },
}
NODES = {"type": "array", "items": TEXT}
NODE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["identifier"],
    "oneOf": [{"required": ["unified_job_template"]}, {"required": ["approval_node"]}],
    "properties": {
        **dict.fromkeys(("identifier", "unified_job_template", "lookup_organization"), TEXT),
        **dict.fromkeys(("success_nodes", "failure_nodes", "always_nodes"), NODES),
        "extra_data": {"type": "object"},
        "approval_node": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {"name": TEXT, "description": TEXT, "timeout": NUMBER},
        },
    },
}
WORKFLOW = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "organization", "simplified_workflow_nodes"],
    "properties": {**COMMON, "simplified_workflow_nodes": {"type": "array", "items": NODE}},
}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "controller_templates": {"type": "array", "items": TEMPLATE},
        "controller_workflows": {"type": "array", "items": WORKFLOW},
    },
}
TEMPLATES = {template["name"]: template for template in DATA["controller_templates"]}


def test_the_data_has_the_shape_that_the_roles_take() -> None:
    jsonschema.validate(DATA, SCHEMA)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))
def test_each_template_runs_a_playbook_of_ours(template: dict[str, Any]) -> None:
    (play,) = yaml.safe_load((AWX / "project" / template["playbook"]).read_text())
    name = play["ansible.builtin.import_playbook"].removeprefix("fleetops.vcluster.")
    assert (ROOT / "playbooks" / f"{name}.yml").is_file()


@pytest.mark.parametrize("workflow", DATA["controller_workflows"], ids=lambda flow: flow["name"])
def test_every_node_is_reached_and_every_template_exists(workflow: dict[str, Any]) -> None:
    nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
    reached = {next(iter(nodes))}
    for node in nodes.values():
        assert node.get("unified_job_template", "vcluster-plan") in TEMPLATES
        reached |= set(node.get("success_nodes", ()))
    assert reached == set(nodes)


def test_surveys_and_nodes_set_variables_that_our_playbooks_read() -> None:
    read = {
        name
        for path in (ROOT / "playbooks").rglob("*.yml")
        for name in re.findall(r"fleetops_\w+", path.read_text())
    }
    asked = {
        question["variable"]
        for holder in (*DATA["controller_templates"], *DATA["controller_workflows"])
        for question in holder.get("survey_spec", {}).get("spec", ())
    }
    for workflow in DATA["controller_workflows"]:
        for node in workflow["simplified_workflow_nodes"]:
            asked |= node.get("extra_data", {}).keys()
            if node.get("extra_data"):
                assert TEMPLATES[node["unified_job_template"]]["ask_variables_on_launch"]
    assert asked <= read
