// SPDX-License-Identifier: Apache-2.0
/** An agent is killed before each of its calls for the audit log: what was acknowledged is there, and the chain is whole. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { verifyAuditLog } from '../../eve-agent/src/sandbox/audit/verify-audit-log.ts';
import { mustRunProgram, runProgram } from '../lab/run-program.ts';
import { randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { repetitions } from '../soak.ts';
import { runKilledBefore } from './killed-before.ts';

const program = fileURLToPath(new URL('./programs/audit-in-order.ts', import.meta.url));
/** What changes the disk; `openat` makes files, and is asked of very many others too. */
const CALLS =
  'pwrite64,write,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat';
const LINES = 8;
/** Every so many calls, in a run of the tests. */
const STEP = repetitions({ short: 17, long: 1 });

async function linesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.join('').split('\n').slice(0, -1);
}

describeWith(['strace'], 'an agent that is killed before a call to the kernel', () => {
  it('has kept all lines that it acknowledged, and goes on with the chain', {
    timeout: 3_600_000,
  }, async () => {
    let kills = 0;
    const found = new Set<string>();
    const first = randomOfThisRun('audit killed').integer(1, STEP);
    for (let before = first, isKilled = true; isKilled; before += STEP) {
      const folder = join(await mkdtemp(join(tmpdir(), 'audit-killed-')), 'audit');
      try {
        let acknowledged = '';
        const onLine = (line: string) => {
          if (line.startsWith('done')) acknowledged = line;
        };
        isKilled = await runKilledBefore({
          program,
          args: [folder, String(LINES)],
          calls: CALLS,
          before,
          onLine,
        });
        if (isKilled) kills += 1;
        const verdict = await verifyAuditLog(folder);
        // Of a log that was not begun there is nothing to be said.
        expect(verdict?.problem ?? null, `killed before call ${before}`).toBeNull();
        const [, , seq = '0', hash = ''] = acknowledged.split(' ');
        expect(verdict?.lastSeq ?? 0).toBeGreaterThanOrEqual(Number(seq));
        if (hash !== '')
          expect((await linesIn(folder)).filter((line) => line.includes(`"hash":"${hash}"`))).toHaveLength(1);

        expect(
          await runKilledBefore({ program, args: [folder, '1'], calls: CALLS, before: undefined, onLine }),
        ).toBe(false);
        const after = await verifyAuditLog(folder);
        expect(after).toMatchObject({ tornBytes: 0, problem: null });
        const [opened = ''] = (await linesIn(folder)).slice(-2);
        found.add(JSON.parse(opened).verdict.replace(/\d+/, 'N'));
        expect(opened).not.toContain('broken');
        expect((await readdir(folder)).filter((name) => name.endsWith('.jsonl')).length).toBeLessThanOrEqual(
          2,
        );
      } finally {
        await rm(join(folder, '..'), { recursive: true });
      }
    }
    process.stderr.write(`audit log: killed ${kills} times; ${[...found].join(', ')}\n`);
    expect(kills).toBeGreaterThan(100 / STEP);
  });
});

describeWith(['root'], 'a disk that is full', () => {
  it('loses no chain: what was not written is said, and the rest goes on', async () => {
    const top = await mkdtemp(join(tmpdir(), 'audit-full-'));
    await mustRunProgram(['mount', '-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', top]);
    try {
      const folder = join(top, 'audit');
      await mustRunProgram([
        'dd',
        'if=/dev/zero',
        `of=${join(top, 'ballast')}`,
        'bs=4096',
        'count=4',
        'status=none',
      ]);
      const { stdout, exitCode } = await runProgram([process.execPath, program, folder, '60']);
      expect(exitCode).toBe(0);
      expect(stdout).toContain('ENOSPC');
      expect(stdout).toContain('done /key/59');
      const full = await verifyAuditLog(folder);
      expect(full).toMatchObject({ problem: null });
      await rm(join(top, 'ballast'));
      await mustRunProgram([process.execPath, program, folder, '3']);
      const after = await verifyAuditLog(folder);
      expect(after).toMatchObject({ tornBytes: 0, problem: null });
      expect(after?.lastSeq).toBeGreaterThan(full?.lastSeq ?? 0);
      expect(await linesIn(folder)).toContainEqual(expect.stringContaining('/key/2'));
    } finally {
      await mustRunProgram(['umount', top]);
      await rm(top, { recursive: true });
    }
  });
});
