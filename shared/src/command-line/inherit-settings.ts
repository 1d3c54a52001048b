// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';

/** Commands that are made apart take over from the one above them how it writes and ends, down to the last one. */
export function inheritSettings(command: Command): void {
  for (const nested of command.commands) {
    nested.copyInheritedSettings(command);
    inheritSettings(nested);
  }
}
