// SPDX-License-Identifier: Apache-2.0
/** The program of the calf that parses files of others: see `run-parsers.ts`. Its process has no right but its stream. */
import { Socket } from 'node:net';
import { STORE_DESCRIPTOR } from '@local-datastore/shared/confinement/launcher/calf';
import { runParsers } from './run-parsers.ts';

void runParsers(new Socket({ fd: STORE_DESCRIPTOR })).then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`it cannot go on: ${String(error)}\n`);
    process.exit(1);
  },
);
