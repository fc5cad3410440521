# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind every module: the engine runs in this process when the connection is local."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._core.errors import Refused
from ..module_utils._core.finding import refuse
from ..module_utils._operate.context import Context
from ..module_utils._operate.door import Engine, answer, failure
from ._inventory import Collected, plain, vaulted_paths
from ._inventory import collect as collect_inventory

display = Display()


class EngineAction(ActionBase):  # type: ignore[misc]
    """Runs `engine` with the task's arguments, validated by `argument_spec`.

    Over any connection but the local one the module of the same name is shipped as usual: same specification, same
    engine, same result.
    """

    argument_spec: ClassVar[Mapping[str, Any]]
    engine: ClassVar[Engine]

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        result: dict[str, Any] = super().run(None, task_vars)
        if self._connection.become:
            raise AnsibleActionFail(
                f"{self._task.action} talks to API servers and needs no other user: remove become from this task."
            )
        collected = self._collect(task_vars or {})
        if collected.errors:
            return {
                **result,
                **failure(Refused(tuple(refuse("spec", text) for text in collected.errors))),
            }
        if self._connection.transport == "local":
            with self._turn(collected, task_vars or {}):
                return {**result, **self._in_process(collected)}
        return {
            **result,
            **self._execute_module(module_args=collected.arguments, task_vars=task_vars),
        }

    def _turn(
        self, collected: Collected, task_vars: dict[str, Any]
    ) -> AbstractContextManager[None]:
        """Held while the engine runs; an action that takes turns says how."""
        return nullcontext()

    def _collect(self, task_vars: dict[str, Any]) -> Collected:
        """The task's arguments, over those of the inventory when `from_inventory` asks for them."""
        given = {
            key: plain(value)
            for key, value in self._task.args.items()
            if not key.startswith("_ansible")
        }
        secret_paths = vaulted_paths(self._task.args.get("values") or {})
        if not boolean(given.pop("from_inventory", False)):
            if secret_paths:
                given["secret_paths"] = [*given.get("secret_paths", ()), *secret_paths]
            return Collected(given)
        name = task_vars["inventory_hostname"]
        # The task's own variables: unlike hostvars they hold play variables and role parameters too.
        collected = collect_inventory({name: TaskVariables(task_vars, self._templar)}, name)
        return replace(collected, arguments={**collected.arguments, **given})

    def _in_process(self, collected: Collected) -> dict[str, Any]:
        validation = ModuleArgumentSpecValidator(argument_spec=dict(self.argument_spec)).validate(
            collected.arguments
        )
        # Private in ansible-core; tests pin it on every core we support.
        secrets = {*validation._no_log_values, *collected.secrets}
        context = self._context()
        context.secrets.learn(*secrets)
        if validation.error_messages:
            text = context.secrets.mask("; ".join(validation.error_messages))
            return {"failed": True, "changed": False, "msg": text}
        with environment(self._environment()):
            return answer(type(self).engine, validation.validated_parameters, context, secrets)

    def _context(self) -> Context:
        return Context(
            check=self._task.check_mode,
            diff=self._task.diff,
            warn=display.warning,
            progress=self._show,
            trace=display.vvvv,
        )

    def _environment(self) -> dict[str, str]:
        variables: dict[str, str] = {}
        self._compute_environment_string(variables)
        return {key: str(value) for key, value in variables.items()}

    def _show(self, text: str) -> None:
        display.display(f"  {text}")


class TaskVariables(Mapping[str, Any]):
    """The variables of a task, each templated when it is read."""

    def __init__(self, variables: Mapping[str, Any], templar: Any) -> None:
        self._variables = variables
        self._templar = templar

    def __getitem__(self, name: str) -> Any:
        return self._templar.template(self._variables[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while: what `environment:` of a task means for a shipped module."""
    before = {key: os.environ.get(key) for key in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
