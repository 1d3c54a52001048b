// SPDX-License-Identifier: Apache-2.0
/**
 * A process that puts rules of files on itself, and then tries others. Arguments: a file to read, a folder with a file
 * `there` that may be written, the port of a server on loopback. Prints a line of JSON: of each trial the code of its error, or `done`.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { refuseNewPrivileges } from '@local-datastore/shared/confinement/system/confine';
import { refuseOtherFiles } from '@local-datastore/shared/confinement/system/file-rules';
import { systemErrorCode } from '../../../shared/src/errors.ts';

const [, , readable = '', writable = '', port = ''] = process.argv;
const there = join(writable, 'there');
refuseNewPrivileges();
refuseOtherFiles([
  { path: readable, use: 'read' },
  { path: writable, use: 'write' },
]);

const told: Record<string, string> = {};
function attempt(name: string, action: () => unknown): void {
  try {
    action();
    told[name] = 'done';
  } catch (error) {
    told[name] = systemErrorCode(error) ?? String(error);
  }
}

attempt('read', () => readFileSync(readable));
attempt('write what may be read', () => writeFileSync(readable, 'x'));
attempt('read another', () => readFileSync('/etc/passwd'));
attempt('list another', () => readdirSync('/'));
attempt('make elsewhere', () => mkdirSync('/tmp/ruled-process'));
attempt('write', () => writeFileSync(there, 'written'));
attempt('cut off', () => truncateSync(there, 1));
attempt('make', () => writeFileSync(`${there}-2`, 'written'));
attempt('rename', () => renameSync(there, `${there}-2`));
attempt('remove', () => rmSync(there));
attempt('list', () => readdirSync(writable));
attempt('signal', () => process.kill(process.ppid, 0));
connect(Number(port), '127.0.0.1')
  .on('connect', () => finish('done'))
  .on('error', (error) => finish(systemErrorCode(error) ?? error.message));

function finish(connected: string): void {
  writeSync(1, `${JSON.stringify({ ...told, connect: connected })}\n`);
  process.exit(0);
}
