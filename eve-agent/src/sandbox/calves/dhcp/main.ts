// SPDX-License-Identifier: Apache-2.0
/** The client of DHCP as a calf: see `run-dhcp.ts`. */
import { randomInt } from 'node:crypto';
import { defineCalf } from '../../sdk/define-calf.ts';
import { createFrameChannel } from './frame-channel.ts';
import { DHCP } from './manifest.ts';
import { runDhcp } from './run-dhcp.ts';

const RANDOM_RANGE = 2 ** 32;
const random = () => randomInt(RANDOM_RANGE) / RANDOM_RANGE;

defineCalf(DHCP, process, ({ keys, descriptors, options, log, clock, signal }) => {
  const frames = createFrameChannel({ clock }, descriptors.frames);
  return runDhcp({ frames, keys, clock, random, log }, options, signal);
});
