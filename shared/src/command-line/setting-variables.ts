// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { ConfigurationError } from '../errors.ts';
import { isSwitch } from './options.ts';

/** The variables of a process, by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable without a value, as templates leave them, is one that is not set. @param prefix of all settings */
export function dropEmptyVariables(environment: Record<string, string | undefined>, prefix: string): void {
  for (const [name, value] of Object.entries(environment)) {
    if (name.startsWith(prefix) && value === '') delete environment[name];
  }
}

/** As systemd reads booleans (systemd.syntax(7)). */
const ON = new Set(['1', 'yes', 'y', 'true', 't', 'on']);
const OFF = new Set(['0', 'no', 'n', 'false', 'f', 'off']);

/** @throws ConfigurationError naming the variable */
function readSwitch(name: string, text: string): boolean {
  const word = text.trim().toLowerCase();
  if (ON.has(word)) return true;
  if (OFF.has(word)) return false;
  throw new ConfigurationError(`the variable ${name} holds "${text}": true or false expected`);
}

/**
 * Has the variables of switches read before a command acts. commander takes a switch for on where its variable is there
 * at all, whatever that holds. A flag stays stronger; `NO_X=false` is the other side of `NO_X=true`, as in a file.
 *
 * @param program of which a command will be called; that throws ConfigurationError where a variable is neither on nor off
 */
export function readSwitchVariables(program: Command, environment: Environment): void {
  program.hook('preAction', (_, command) => {
    for (const option of command.options) {
      const text = option.envVar === undefined ? undefined : environment[option.envVar];
      if (text === undefined || !isSwitch(option)) continue;
      const attribute = option.attributeName();
      if (command.getOptionValueSource(attribute) !== 'env') continue;
      const isOn = readSwitch(option.envVar ?? '', text);
      command.setOptionValueWithSource(attribute, option.negate ? !isOn : isOn, 'env');
    }
  });
}
