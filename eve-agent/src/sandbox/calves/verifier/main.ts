// SPDX-License-Identifier: Apache-2.0
/** The program of the verifier: see `run-verifier.ts`. Its process has no right but its descriptors and one folder. */
import { FIRST_GIVEN_DESCRIPTOR } from '@local-datastore/shared/confinement/launcher/calf';
import { collectEarly } from '@local-datastore/shared/early-collection';
import { createLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { HASH_LANE_BYTES } from '../../../content/file-target.ts';
import { createHashLanes } from '../../../content/hash-lanes.ts';
import { createInlineHasher } from '../../../content/inline-hasher.ts';
import { createPace } from '../../../transfer/pace.ts';
import { openGivenStore } from '../../sdk/given-store.ts';
import { writeProgress } from './progress-record.ts';
import { runVerifier } from './run-verifier.ts';
import { rulesSchema, VERIFIER } from './verifier-messages.ts';

collectEarly();
const log = createLog(VERIFIER, 'info');
const rules = rulesSchema.parse(JSON.parse(process.argv[2] ?? ''));
const { bytesPerSecond } = rules;

void runVerifier(
  {
    store: openGivenStore(),
    handles: {
      onHandle: (listener) =>
        process.on('message', (message, handle: object | undefined) => listener(message, handle ?? null)),
    },
    lanes: createHashLanes(HASH_LANE_BYTES, undefined, createInlineHasher),
    pace: bytesPerSecond === null ? undefined : createPace(bytesPerSecond, systemClock.nowMs),
    tellProgress: (id, bytes) => writeProgress(FIRST_GIVEN_DESCRIPTOR, id, bytes),
    clock: systemClock,
    log,
  },
  rules,
).then(
  () => process.exit(),
  (error: unknown) => {
    log.error({ error: String(error) }, 'it cannot go on');
    process.exit(1);
  },
);
