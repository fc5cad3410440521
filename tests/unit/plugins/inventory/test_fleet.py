# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plugin `fleet` in Ansible's own inventory: what is written wins, and nothing collapses into one host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret, VaultSecretsContext
from ansible.plugins.doc_fragments import constructed, inventory_cache
from ansible.vars.manager import VariableManager

from ansible_collections.fleetops.vcluster.plugins.inventory import fleet
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.discover import (
    Discovered,
    Row,
    Target,
)

NAME = "fleetops.vcluster.fleet"
SOURCE = """
plugin: fleetops.vcluster.fleet
clusters:
  - {name: west, kubeconfig: ~/.kube/west}
  - {name: east, kubeconfig: ~/.kube/east, context: admin}
"""
FACTS = {"fleetops_store": "sqlite", "fleetops_replicas": 1, "fleetops_proved": False}
SECRETS = [("default", VaultSecret(b"pw"))]
Found = dict[str, list[str] | Exception]


@pytest.fixture(scope="module", autouse=True)
def options() -> None:
    """What Ansible's loader does with the documentation; it finds no collection that was imported before it."""
    fragments = (constructed.ModuleDocFragment, inventory_cache.ModuleDocFragment)
    texts = [fleet.DOCUMENTATION, *(fragment.DOCUMENTATION for fragment in fragments)]
    known = {key: value for text in texts for key, value in yaml.safe_load(text)["options"].items()}
    constants.config.initialize_plugin_configuration_definitions("inventory", NAME, known)


def plugin() -> fleet.InventoryModule:
    made = fleet.InventoryModule()
    made._load_name, made._original_path, made._redirected_names = NAME, fleet.__file__, [NAME]
    made.ansible_name, made.ansible_aliases = NAME, [NAME]
    return made


class World:
    """The host clusters, by name: names of vClusters in namespaces `vcluster-NAME`, or an error."""

    def __init__(self) -> None:
        self.found: Found = {"west": ["a", "b"], "east": ["c"]}
        self.asked: list[list[Target]] = []
        self.namespaces: list[str] = []

    def discover(
        self, targets: list[Target], namespaces: list[str], _context: Any, _seconds: float
    ) -> tuple[Discovered, ...]:
        self.asked.append(list(targets))
        self.namespaces = namespaces
        return tuple(map(self._look, targets))

    def _look(self, target: Target) -> Discovered:
        found = self.found[target.name]
        if isinstance(found, Exception):
            return Discovered(target, error=found)  # type: ignore[arg-type]
        return Discovered(target, tuple(Row(name, f"vcluster-{name}", FACTS) for name in found))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(fleet, "discover", made.discover)
    return made


class Inventory:
    """What Ansible made of some sources, in their order."""

    def __init__(self, paths: list[str], loader: DataLoader) -> None:
        self.manager = InventoryManager(loader, None, parse=False)
        for path in paths:
            if path.endswith("fleet.yml"):
                source = plugin()
                source.parse(self.manager._inventory, loader, path)
                source.update_cache_if_changed()
            else:
                assert self.manager.parse_source(path)
        self.manager._inventory.reconcile_inventory()
        self._variables = VariableManager(loader, self.manager)

    def variables(self, host: str) -> dict[str, Any]:
        found: dict[str, Any] = self._variables.get_vars(host=self.manager.get_host(host))
        return {
            key: value
            for key, value in found.items()
            if key.startswith(("vcluster_", "fleetops_", "ansible_connection", "x_"))
        }

    def groups(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = self.manager.get_groups_dict()
        return {name: sorted(hosts) for name, hosts in found.items() if name != "all" and hosts}


Load = Callable[..., Inventory]


@pytest.fixture
def load(tmp_path: Path, world: World) -> Load:
    """Parse texts as inventory sources, in order; those of the plugin are told by its name."""
    loader = DataLoader()
    loader.set_vault_secrets(SECRETS)
    if VaultSecretsContext.current(optional=True) is None:
        VaultSecretsContext.initialize(VaultSecretsContext(SECRETS))

    def parse(*texts: str) -> Inventory:
        paths = []
        for number, text in enumerate(texts):
            suffix = "fleet.yml" if NAME in text else "written.yml"
            path = tmp_path / f"{number}.{suffix}"
            path.write_text(text)
            paths.append(str(path))
        return Inventory(paths, loader)

    return parse


def written(host: str, variables: str = "{}", group: str = "prod", **of_group: str) -> str:
    return f"{{{group}: {{vars: {of_group}, hosts: {{{host}: {variables}}}}}}}"


def test_a_host_is_a_vcluster_and_a_group_a_host_cluster(load: Load) -> None:
    inventory = load(SOURCE)
    assert inventory.groups() == {"west": ["a", "b"], "east": ["c"]}
    assert inventory.variables("c") == {
        "ansible_connection": "local",
        "vcluster_cluster": "east",
        "vcluster_kubeconfig": "~/.kube/east",
        "vcluster_context": "admin",
        "vcluster_name": "c",
        "vcluster_namespace": "vcluster-c",
        **FACTS,
    }


def test_what_is_found_is_no_unknown_variable_of_a_plan(load: Load) -> None:
    from ansible_collections.fleetops.vcluster.plugins.plugin_utils._inventory import collect

    collected = collect({"c": load(SOURCE).variables("c")}, "c")
    assert collected.errors == ()
    assert set(collected.arguments) == {
        "host",
        "name",
        "namespace",
        "cluster",
        "kubeconfig",
        "context",
    }


def test_without_groups_each_host_has_the_way_to_its_host_cluster(load: Load) -> None:
    inventory = load(SOURCE + "cluster_groups: false\n")
    assert inventory.groups() == {"ungrouped": ["a", "b", "c"]}
    assert inventory.variables("c")["vcluster_context"] == "admin"


def test_one_name_on_two_host_clusters_is_two_hosts(load: Load, world: World) -> None:
    world.found["east"] = ["a"]
    groups = load(SOURCE).groups()
    assert groups == {"west": ["b", "west.vcluster-a.a"], "east": ["east.vcluster-a.a"]}


@pytest.mark.parametrize("found_first", [True, False])
def test_what_is_written_wins_in_either_order(load: Load, found_first: bool) -> None:
    said = "{vcluster_namespace: vcluster-a, vcluster_replicas: 3, ansible_connection: ssh}"
    texts = [written("a", said), SOURCE]
    variables = load(*(reversed(texts) if found_first else texts)).variables("a")
    assert variables["ansible_connection"] == "ssh"
    assert variables["vcluster_replicas"] == 3
    assert variables["fleetops_store"] == "sqlite"
    assert variables["vcluster_kubeconfig"] == "~/.kube/west"


def test_what_a_written_group_says_wins_over_the_group_that_is_found(load: Load) -> None:
    text = written("a", "{vcluster_name: a}", "all", ansible_connection="ssh")
    inventory = load(text, SOURCE)
    assert inventory.variables("a")["ansible_connection"] == "ssh"
    # Not written, so nobody said that it is reached like the rest.
    assert inventory.variables("b")["ansible_connection"] == "local"
    text = written("a", "{vcluster_name: a}", "prod", ansible_connection="ssh")
    assert load(text, SOURCE).variables("a")["ansible_connection"] == "ssh"


def test_a_vcluster_that_is_written_under_another_name_is_merged(load: Load) -> None:
    said = "{vcluster_name: a, vcluster_kubeconfig: ~/.kube/west}"
    inventory = load(written("prod-a", said), SOURCE)
    assert inventory.groups() == {"prod": ["prod-a"], "west": ["b", "prod-a"], "east": ["c"]}
    assert inventory.variables("prod-a")["fleetops_store"] == "sqlite"


def test_a_written_host_of_that_name_elsewhere_is_not_merged(load: Load) -> None:
    said = "{vcluster_kubeconfig: ~/.kube/third}"
    inventory = load(written("a", said), SOURCE)
    assert inventory.groups()["west"] == ["b", "west.vcluster-a.a"]
    assert "fleetops_store" not in inventory.variables("a")


def test_a_machine_of_that_name_is_not_merged_unless_its_group_is_the_host_cluster(
    load: Load,
) -> None:
    inventory = load(written("a", "{ansible_host: 192.0.2.1}", "web"), SOURCE)
    assert inventory.variables("a") == {}
    assert inventory.groups()["west"] == ["b", "west.vcluster-a.a"]
    inventory = load(written("a", "{}", "west"), SOURCE)
    assert inventory.groups()["west"] == ["a", "b"]


def test_an_unreachable_host_cluster_is_a_warning_unless_it_is_to_be_an_error(
    load: Load, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.found["east"] = Unreachable("It does not answer.")
    assert load(SOURCE).groups() == {"west": ["a", "b"]}
    assert "Host cluster east: It does not answer." in " ".join(capsys.readouterr().err.split())
    with pytest.raises(AnsibleParserError):
        load(SOURCE + "strict_clusters: true\n")


def test_expressions_make_groups_and_variables(load: Load) -> None:
    inventory = load(
        SOURCE
        + "groups: {unproved: not fleetops_proved, on_west: vcluster_cluster == 'west'}\n"
        + "keyed_groups: [{key: fleetops_store, prefix: store}]\n"
        + "compose: {x_title: vcluster_cluster ~ '/' ~ vcluster_name}\n"
    )
    groups = inventory.groups()
    assert groups["unproved"] == groups["store_sqlite"] == ["a", "b", "c"]
    assert groups["on_west"] == ["a", "b"]
    assert inventory.variables("c")["x_title"] == "east/c"


@pytest.mark.parametrize("strict", [True, False])
def test_a_broken_expression_is_an_error_only_where_it_is_to_be_one(
    load: Load, strict: bool
) -> None:
    text = SOURCE + f"strict: {strict}\ncompose: {{x_title: nowhere.name}}\n"
    if strict:
        with pytest.raises(AnsibleError, match="x_title"):
            load(text)
    else:
        assert "x_title" not in load(text).variables("a")


def test_namespaces_are_handed_on(load: Load, world: World) -> None:
    load(SOURCE + "namespaces: [team-*]\n")
    assert world.namespaces == ["team-*"]


def test_the_cache_spares_the_look_and_only_those_that_answered_are_in_it(
    load: Load, world: World, tmp_path: Path
) -> None:
    text = SOURCE + (f"cache: true\ncache_plugin: jsonfile\ncache_connection: {tmp_path}/cache\n")
    world.found["east"] = Unreachable("It does not answer.")
    load(text)
    world.found = {"west": [], "east": ["c"]}
    assert load(text).groups() == {"west": ["a", "b"], "east": ["c"]}
    assert [[target.name for target in asked] for asked in world.asked] == [
        ["west", "east"],
        ["east"],
    ]
    load(text)
    assert len(world.asked) == 2
    load(text + "namespaces: [x]\n")
    assert len(world.asked) == 3


TOKEN = "s3cret-token"
BY_TOKEN = """
plugin: fleetops.vcluster.fleet
clusters:
  - {name: west, api_host: "https://west:6443", api_token: %s}
"""


def test_g38_a_token_in_clear_is_used_and_not_handed_on(
    load: Load, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    variables = load(BY_TOKEN % TOKEN).variables("a")
    assert world.asked[0][0].access.token == TOKEN
    assert "vcluster_api_token" not in variables
    assert TOKEN not in capsys.readouterr().err


def test_g38_a_template_is_handed_on_as_it_is_written(load: Load, world: World) -> None:
    text = '"{{ ' + "'s3cret' ~ '-token'" + ' }}"'
    variables = load(BY_TOKEN % text).variables("a")
    assert world.asked[0][0].access.token == TOKEN
    assert variables["vcluster_api_token"] == text.strip('"')


def test_g38_a_vaulted_token_is_handed_on_in_the_vault(load: Load, world: World) -> None:
    cipher = VaultLib(SECRETS).encrypt(TOKEN).decode()
    block = "!vault |\n" + "\n".join(f"          {line}" for line in cipher.splitlines())
    text = BY_TOKEN.replace("{name", "name").replace(", api", "\n    api").replace("%s}", "%s")
    variables = load(text % block).variables("a")
    assert world.asked[0][0].access.token == TOKEN
    assert str(variables["vcluster_api_token"]) == TOKEN
    assert TOKEN not in repr(variables["vcluster_api_token"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("clusters: [{kubeconfg: x}]", "kubeconfg"),
        ("clusters: [west]", "no mapping"),
        ("clusters: [{kubeconfig: /k/a}, {kubeconfig: /x/a}]", "Two host clusters are called a"),
        ("clusters: [{name: west}]\nhostname: '{zone}'", "no placeholder"),
    ],
)
def test_mistakes_in_the_source_are_named(load: Load, text: str, told: str) -> None:
    with pytest.raises(AnsibleParserError, match=told):
        load(f"plugin: {NAME}\n{text}\n")


@pytest.mark.parametrize(
    ("name", "ours"), [("x.fleet.yml", True), ("fleet.yaml", True), ("inventory.yml", False)]
)
def test_a_source_is_told_by_the_end_of_its_name(tmp_path: Path, name: str, ours: bool) -> None:
    path = tmp_path / name
    path.write_text("x")
    assert plugin().verify_file(str(path)) is ours
