// SPDX-License-Identifier: Apache-2.0
/**
 * Doctor and download, one after the other, against each of several URLs: `both-commands.ts URLS-JSON`, some URLs at
 * a time. Prints a JSON line for each.
 */
import { runDoctorOn, runDownloadOf } from '../both-commands.ts';

/** Most of each is waiting. */
const AT_A_TIME = 10;
const ARGS = ['--timeout', '4'];
const urls: string[] = JSON.parse(process.argv[2] ?? '[]');

async function work(): Promise<void> {
  for (let url = urls.shift(); url !== undefined; url = urls.shift()) {
    const doctor = await runDoctorOn(url, ARGS);
    const download = await runDownloadOf(url, ARGS);
    process.stdout.write(`${JSON.stringify({ url, doctor, download })}\n`);
  }
}
await Promise.all(Array.from({ length: AT_A_TIME }, work));
