// SPDX-License-Identifier: Apache-2.0
import { tallyText } from '../../compose/demo/neighbour.ts';
import { createStory } from '../../compose/demo/story.ts';
import { whyNoGuest } from '../lab/machines/guest-needs.ts';
import type { DemoOptions } from './device-programs.ts';
import { START_SECONDS, VM_ID } from './vm-configuration.ts';
import { createVmDevice, GUEST_URL } from './vm-device.ts';

/** The images, their copies, the disks of two VMs, and the package of a kernel. */
export const VM_DEMO_BYTES = 768 << 20;
/** So many answers of the same version say that it stays. */
const ENOUGH = 20;

/** Why this machine cannot show it, as one sentence with the way out; undefined: it can. */
export function whyNoVmDemo(): string | undefined {
  if (process.getuid?.() !== 0) return 'root is needed: each VM gets a user of its own.';
  const why = whyNoGuest();
  return why === undefined ? undefined : `${why}.`;
}

/**
 * A launch without containers: a VM whose disk is found on the bridge, verified and started; an update; and a broken
 * update, which is taken back while a neighbour asks all the time.
 *
 * @throws the signal's reason; an Error that says which step failed
 */
export async function runVmDemo({ lab, directory, write, isColoured, signal }: DemoOptions): Promise<void> {
  const device = await createVmDevice({ lab, directory, signal });
  const { until, atDevice } = device;
  const story = createStory(device.runAgent, write, isColoured);
  const showApps = () => story.show('app list', ['app', 'list', ...atDevice]);

  story.heading('A device with qemu, and no network but its own');
  story.say(
    'Its host owns the bridge bn1 (10.1.0.1), with a datastore (10.1.0.5) and a neighbour (10.1.0.77).',
  );
  story.say('There is no route to anywhere, and no engine of containers.');

  story.heading("Three disks lie in the datastore, each with Debian's kernel; the third is broken");
  async function publish(word: string, mode: 'good' | 'unwell') {
    const image = await device.publish(word, mode);
    story.say(`http://datastore.local/${image.name}, sha256 ${image.sha256}`);
    return image;
  }
  const first = await publish('v1', 'good');
  const second = await publish('v2', 'good');
  const third = await publish('v3', 'unwell');
  await device.startDatastore();
  await device.startAgent();
  let tellState = (_line: string) => {};
  device.watch((line) => tellState(line));
  // Meanwhile that comes up, so that it misses no state.
  await story.browse();
  const neighbour = await device.startNeighbour((line) => story.say(`The neighbour hears: ${line}`));
  story.say(`The neighbour asks ${GUEST_URL} all the time from now on.`);

  const untilHeard = (word: string) =>
    until(`an answer of ${word}`, async () => {
      const { last, words } = await neighbour.look();
      return last === word && (words[word] ?? 0) >= ENOUGH ? word : null;
    });
  /** Until a version runs, and its neighbour hears it. */
  async function untilServes(generation: number, word: string): Promise<void> {
    await until(`the start of ${word}`, async () => {
      const app = await device.readApp();
      if (app === undefined) return null;
      const isTakenBack = app.State === 'RUNNING' && app.ErrorCode !== '' && app.Generation < generation;
      if (app.State === 'BROKEN' || isTakenBack) device.fail(new Error(`${word} does not run: ${app.Error}`));
      return app.State === 'RUNNING' && app.Generation === generation ? app : null;
    });
    await untilHeard(word);
  }

  story.heading('The device is told to run the first: its disk is found, verified, and launched');
  tellState = story.follow('watch');
  const toldAt = performance.now();
  await device.configure(first);
  await untilServes(1, 'v1');
  const tookSeconds = Math.ceil((performance.now() - toldAt) / 1000);
  await showApps();
  await story.show(`app logs ${VM_ID} --tail 3`, ['app', 'logs', VM_ID, '--tail', '3', ...atDevice]);
  story.say(`From its configuration to its answers it took ${tookSeconds} s.`);

  story.heading('An update: another disk, whose VM is judged and takes the place of the first');
  story.say(
    'Two VMs never share an address: the old one stops last, and nobody answers until the new one is up.',
  );
  await neighbour.forget();
  await device.configure(second);
  await untilServes(2, 'v2');
  const updated = await neighbour.look();
  await showApps();
  story.say(tallyText(updated));

  story.heading('A broken update: the third comes up, is not well, and is taken back');
  story.say(
    `It is given ${START_SECONDS} s to become well; then the VM before it is started again, with its own disk.`,
  );
  await neighbour.forget();
  await device.configure(third);
  const kept = await until('the broken update', async () => {
    const app = await device.readApp();
    return app?.State === 'RUNNING' && app.ErrorCode !== '' ? app : null;
  });
  await untilHeard('v2');
  const taken = await neighbour.look();
  await showApps();
  story.say(tallyText(taken));
  if (kept.ErrorCode !== 'UNHEALTHY' || kept.Generation !== 2) {
    throw new Error(`generation ${kept.Generation} is there, and says ${kept.ErrorCode}: ${kept.Error}`);
  }
  if (Object.keys(taken.words).join() !== 'v2') throw new Error('the neighbour heard the broken one');
  story.say('Who asks hears the good version alone, but for the time in which the broken one had its try.');

  story.heading('The VM leaves with its entry in the configuration');
  await device.configure(null);
  await until('its end', async () => ((await device.isEmpty()) ? true : null));
  story.say('Its guest was told by its power button; its process and its disk are gone.');
  await device.stop();
}
