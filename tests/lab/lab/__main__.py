# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line of the lab: `python -m lab COMMAND`. Each command is a function of its module."""

from __future__ import annotations

import argparse
import sys

from . import chart_server, database_server, ledger, parts, proxy, up
from .command import LabError

MODULES = (up, parts, chart_server, proxy, ledger, database_server)


def main() -> int:
    parser = argparse.ArgumentParser(prog="lab", description="Host clusters to test the fleet on.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in MODULES:
        module.add_command(subparsers)
    arguments = parser.parse_args()
    try:
        return int(arguments.run(arguments))
    except LabError as error:
        print(f"lab {arguments.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"lab {arguments.command}: stopped; `lab down` removes what is left", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
