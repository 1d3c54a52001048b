// SPDX-License-Identifier: Apache-2.0
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { numberedFileName } from '@local-datastore/shared/files/numbered-files';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditFolderOf } from '../sandbox/audit/audit-folder.ts';
import { type AuditLog, openAuditLog } from '../sandbox/audit/audit-log.ts';
import { StoppedBySignal } from './exit-code.ts';
import { runProgram } from './program.ts';

let state: string;
let log: AuditLog;
beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'audit-command-'));
  log = await openAuditLog(
    { clock: createManualClock(), log: silentLog },
    { folder: auditFolderOf(state), boot: 'boot', now: () => new Date('2026-11-30T01:02:03.456Z') },
  );
  log.append({
    actor: 'net',
    op: 'write',
    path: '/ip',
    value: Buffer.from('10.1.0.5'),
    verdict: 'ok',
    handler: 'address',
  });
  log.append({ actor: 'net', op: 'read', path: '/secret', verdict: 'DENIED' });
  await log.flush();
});
afterAll(async () => {
  await log.close();
  await rm(state, { recursive: true });
});

/** Runs `eve-agent audit`, to its end or until it is stopped. */
function start(...args: readonly string[]) {
  const written = { stdout: '', stderr: '' };
  const streamTo = (key: keyof typeof written) => ({
    write(text: string) {
      written[key] += text;
      return true;
    },
  });
  const stop = new AbortController();
  const exitCode = runProgram(['audit', ...args], '1.2.3', {
    stdout: streamTo('stdout'),
    stderr: streamTo('stderr') as NodeJS.WriteStream,
    terminal: { input: Readable.from([]), output: new PassThrough() },
    signal: stop.signal,
    createLog: () => silentLog,
  });
  return { written, exitCode, stop: () => stop.abort(new StoppedBySignal('SIGINT')) };
}
async function run(...args: readonly string[]) {
  const { written, exitCode } = start(...args);
  return { exitCode: await exitCode, ...written };
}
const TIME = '2026-11-30T01:02:03.456Z';

describe('the audit log', () => {
  it('is printed for people', async () => {
    expect(await run('--state', state)).toEqual({
      exitCode: 0,
      stdout:
        `${TIME} audit    begin  /audit/${numberedFileName(1)} ok\n` +
        `${TIME} net      write  /ip ok  by address\n` +
        `${TIME} net      read   /secret DENIED\n`,
      stderr: '',
    });
  });

  it('is printed as it is kept', async () => {
    const { stdout } = await run('--state', state, '--json');
    expect(stdout).toBe(await readFile(join(auditFolderOf(state), numberedFileName(1)), 'utf8'));
  });

  it('is found whole', async () => {
    const { seq, hash } = log.head();
    expect(await run('--state', state, '--verify')).toEqual({
      exitCode: 0,
      stdout: `The audit log is whole: 3 lines (1 to 3) in 1 file.\nhead  ${seq} ${hash}\n`,
      stderr: '',
    });
    const { stdout, exitCode } = await run('--state', state, '--verify', '--json');
    expect({ exitCode, ...JSON.parse(stdout) }).toEqual({
      ...{
        exitCode: 0,
        files: 1,
        lines: 3,
        firstSeq: 1,
        lastSeq: 3,
        lastHash: hash,
        tornBytes: 0,
        problem: null,
      },
    });
  });

  it('is followed until it is interrupted', async () => {
    const { written, exitCode, stop } = start('--state', state, '--follow');
    await expect.poll(() => written.stdout.split('\n')).toHaveLength(4);
    log.append({ actor: 'dhcp', op: 'delete', path: '/mtu', verdict: 'ok' });
    await log.flush();
    await expect.poll(() => written.stdout).toContain('dhcp     delete /mtu ok\n');
    stop();
    expect(await exitCode).toBe(130);
  });

  it('is told broken with exit code 5, by file and line', async () => {
    const file = join(auditFolderOf(state), numberedFileName(1));
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('DENIED', 'denied'));
    expect(await run('--state', state, '--verify')).toEqual({
      exitCode: 5,
      stdout:
        `The audit log is BROKEN: ${numberedFileName(1)}, line 3: its hash is not that of its content\n` +
        'Whole before that: 2 lines (1 to 2).\n',
      stderr: '',
    });
    const { stdout } = await run('--state', state, '--verify', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      problem: { kind: 'bad-line', file: numberedFileName(1), line: 3 },
    });
    await writeFile(file, text);
    await appendFile(file, '\u001b[2J\n');
    expect((await run('--state', state)).stdout).toMatch(
      /\n00000001.jsonl: a line that is not of the log: it is not JSON\n$/,
    );
    await writeFile(file, `${text}{"actor"`);
    expect((await run('--state', state, '--verify')).stdout).toContain(
      'Behind it: 8 bytes of a line that is not finished.',
    );
    await writeFile(file, text);
  });
});

describe('a wrong call', () => {
  it.each([
    ['where there is none', ['--state', '/nonexistent'], 'there is no audit log in /nonexistent/audit'],
    ['to follow where there is none', ['--state', '/nonexistent', '-f'], 'there is no audit log in'],
    ['to check where there is none', ['--state', '/nonexistent', '--verify'], 'there is no audit log in'],
    [
      'to check and to follow',
      ['--verify', '--follow'],
      '--verify and --follow are two commands: give one of them',
    ],
    ['of something', ['something'], 'too many arguments'],
    [
      'below a file',
      ['--state', '/dev/null'],
      'the audit log in /dev/null/audit cannot be read: not a directory',
    ],
  ])('%s ends with 2 and says why', async (_, args, message) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^(?:error|eve-agent): ${message}`));
  });
});
