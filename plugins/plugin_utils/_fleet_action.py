# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of actions that see all hosts of a play at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._core.errors import FleetError
from ..module_utils._operate.door import failure
from ._files import publish

display = Display()


class FleetAction(ActionBase):  # type: ignore[misc]
    """Validates the task's arguments by `argument_spec` and hands them to `fleet`."""

    BYPASS_HOST_LOOP = True
    argument_spec: ClassVar[Mapping[str, Any]]

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        result: dict[str, Any] = super().run(None, task_vars)
        validation = ArgumentSpecValidator(dict(self.argument_spec)).validate(dict(self._task.args))
        if validation.error_messages:
            raise AnsibleActionFail("; ".join(validation.error_messages))
        try:
            return {**result, **self.fleet(validation.validated_parameters, task_vars or {})}
        except FleetError as error:
            return {**result, **failure(error)}

    def show(self, text: str, dest: str | None) -> dict[str, Any]:
        """Print a text, or write it to a file of the controller; the result says which, and whether that changed."""
        if dest is None:
            display.display(text.rstrip("\n"))
            return {"changed": False, "dest": None}
        return {
            "changed": publish(Path(dest), text, check=self._task.check_mode).changed,
            "dest": dest,
        }

    def fleet(self, options: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """The result of the task; a FleetError becomes one.

        Args:
            options: The validated arguments.
            variables: Of the task.
        """
        raise NotImplementedError
