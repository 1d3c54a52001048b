// SPDX-License-Identifier: Apache-2.0
/**
 * Writes lines into an audit log whose files are short: `audit-in-order.ts FOLDER COUNT`. Prints a path once its line is
 * acknowledged, and at the end the failures that there were.
 */
import { writeSync } from 'node:fs';
import { openAuditLog } from '../../../eve-agent/src/sandbox/audit/audit-log.ts';
import { silentLog } from '../../../shared/src/log.ts';
import { systemClock } from '../../../shared/src/system-clock.ts';

const [folder = '', count = ''] = process.argv.slice(2);
const log = await openAuditLog(
  {
    clock: systemClock,
    log: { ...silentLog, error: (fields) => writeSync(1, `error ${JSON.stringify(fields)}\n`) },
  },
  { folder, boot: 'boot', maxFileBytes: 1000, maxFiles: 2 },
);
for (let i = 0; i < Number(count); i += 1) {
  const path = `/key/${i}`;
  log.append({ actor: 'net', op: 'write', path, value: Buffer.from('value'), verdict: 'ok' });
  await log.flush();
  writeSync(1, `done ${path} ${log.head().seq} ${log.head().hash}\n`);
}
await log.close();
