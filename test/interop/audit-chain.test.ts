// SPDX-License-Identifier: Apache-2.0
/** The audit log, checked by a program that knows of it only what the manual says. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openAuditLog } from '../../eve-agent/src/sandbox/audit/audit-log.ts';
import { silentLog } from '../../shared/src/log.ts';
import { systemClock } from '../../shared/src/system-clock.ts';
import { randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { somePath, someValue } from '../store-messages.ts';

/** docs/audit.md, "How it is kept". Prints how many lines there are, or which is wrong. */
const CHECK = `
import glob, hashlib, json, os, sys
folder = sys.argv[1]
head = json.load(open(os.path.join(folder, "head.json")))
prev, count = "0" * 64, 0
for name in sorted(glob.glob(os.path.join(folder, "*.jsonl"))):
    for text in open(name):
        line = json.loads(text)
        count += 1
        stated = line.pop("hash")
        canonical = json.dumps(line, sort_keys=True, separators=(",", ":"))
        found = hashlib.sha256((line["prev"] + canonical).encode()).hexdigest()
        if (line["seq"], line["prev"], stated) != (count, prev, found):
            sys.exit(f"line {count} is wrong")
        prev = stated
if (head["seq"], head["hash"]) != (count, prev):
    sys.exit("the head is wrong")
print(count)
`;

const LINES = 300;

describeWith(['python'], 'the audit log', () => {
  let folder: string;
  beforeAll(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'audit-chain-')), 'audit');
    const random = randomOfThisRun('audit chain');
    const options = { folder, boot: 'boot', maxFileBytes: 20_000, maxFiles: 100 };
    const log = await openAuditLog({ clock: systemClock, log: silentLog }, options);
    for (let i = 0; i < LINES; i += 1) {
      const path = `/${somePath(random).join('/')}`;
      const verdict = random.pick(['ok', 'DENIED', 'a "quoted" \\ verdict', 'é\u2028\0']);
      log.append({ actor: 'net', op: 'write', path, value: someValue(random), verdict, handler: 'x' });
      if (i % 20 === 0) await log.flush();
    }
    await log.close();
  });
  afterAll(() => rm(join(folder, '..'), { recursive: true }));

  const check = () => {
    const { stdout, stderr, status } = spawnSync('python3', ['-c', CHECK, folder], { encoding: 'utf8' });
    return { status, said: (stdout + stderr).trim() };
  };

  it('is chained as its manual says', async () => {
    const { said, status } = check();
    expect(status).toBe(0);
    // With the first line, and one for each further file.
    expect(Number(said)).toBeGreaterThan(LINES + 2);
    const first = join(folder, '00000001.jsonl');
    const text = await readFile(first, 'utf8');
    await writeFile(first, text.replace('"seq":5', '"seq":6'));
    expect(check()).toEqual({ status: 1, said: 'line 5 is wrong' });
    await writeFile(first, text);
  });
});
