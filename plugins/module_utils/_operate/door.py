# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both doors share: run an engine, turn its errors into a result, let no secret and no traceback out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._core.errors import FleetError, Refused
from .context import Context

Arguments = Mapping[str, Any]
Result = dict[str, Any]
Engine = Callable[[Arguments, Context], Result]


def answer(
    engine: Engine,
    arguments: Arguments,
    context: Context,
    secrets: Iterable[str] = (),
) -> Result:
    """The result of an engine, errors included.

    Args:
        engine: Takes the validated arguments and the context.
        secrets: Secret texts within the arguments.
    """
    context.secrets.learn(*secrets)
    try:
        result = engine(arguments, context)
    except FleetError as error:
        result = failure(error)
    except Exception as error:
        result = failure(FleetError(context.defect(error)))
    finally:
        context.close()
    return context.secrets.mask(result)


def failure(error: FleetError) -> Result:
    """An expected error as a result."""
    result: Result = {"failed": True, "changed": False, "outcome": error.outcome, "msg": str(error)}
    if isinstance(error, Refused):
        result["findings"] = [asdict(finding) for finding in error.findings]
    return result


def run_module(argument_spec: dict[str, Any], engine: Engine) -> None:
    """The main() of a module that is shipped to another machine."""
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True)
    secrets = set(module.no_log_values)

    def warn(text: str) -> None:
        module.warn(context.secrets.mask(text))

    context = Context(module.check_mode, module._diff, warn=warn, trace=module.debug)
    result = answer(engine, module.params, context, secrets)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
