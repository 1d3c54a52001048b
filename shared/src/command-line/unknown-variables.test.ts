// SPDX-License-Identifier: Apache-2.0
import { Command, Option } from 'commander';
import { expect, it } from 'vitest';
import { describeUnknownVariables, variablesOf } from './unknown-variables.ts';

const option = (name: string, variable: string) => new Option(`--${name} VALUE`).env(variable);

it('names what looks like a setting and is none, and what was probably meant', () => {
  const program = new Command();
  program.command('serve').addOption(option('host-name', 'DATASTORE_HOST_NAME'));
  program.command('images').command('list').addOption(option('root', 'DATASTORE_ROOT'));
  const names = [
    ...['PATH', 'DATASTORE_HOST_NAME', 'DATASTORE_ROOT', 'DATASTORE_HOSTNAME'],
    ...['DATASTORE_ROTO', 'DATASTORE_COLOUR'],
  ];
  expect(describeUnknownVariables('DATASTORE_', variablesOf(program), names, 'see --help')).toEqual([
    expect.stringMatching(/DATASTORE_HOSTNAME is ignored.*: did you mean DATASTORE_HOST_NAME\?$/),
    expect.stringMatching(/DATASTORE_ROTO is ignored.*: did you mean DATASTORE_ROOT\?$/),
    expect.stringMatching(/DATASTORE_COLOUR is ignored.*: see --help$/),
  ]);
});
