// SPDX-License-Identifier: Apache-2.0
/**
 * A priv: starts the test calf of the bundle that it is, lets it do what its arguments say (`deed` or `deed=argument`),
 * prints a line of JSON of each, and waits to be killed; after `leave` it ends.
 */

import { findMissing } from '@local-datastore/shared/confinement/launcher/layer-plan';
import { planHere } from '@local-datastore/shared/confinement/launcher/spawn-calf';
import { findCalf } from '../../../eve-agent/src/sandbox/calves/find-calf.ts';
import { startTestCalf } from '../test-calf.ts';

const print = (value: unknown) =>
  process.stdout.write(
    `${JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? Number(each) : each))}\n`,
  );

async function run(): Promise<void> {
  const calf = await startTestCalf(findCalf('test'));
  const layers = calf.layers();
  if (layers === null) throw new Error('it has ended');
  const missing = findMissing(layers, planHere(), process.geteuid?.() ?? -1);
  print({ pid: calf.pid, layers, missing, output: calf.output });
  for (const each of process.argv.slice(2)) {
    if (each === 'leave') process.exit();
    const [deed = '', argument] = each.split('=');
    print(await calf.tell(deed, argument));
  }
  // Until it is killed.
  setInterval(() => {}, 60_000);
}

run().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
