// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { expect, it, vi } from 'vitest';
import { createAuditLog } from './audit-log.ts';
import { callerFacts } from './caller.ts';
import { parseDistinguishedName } from './client-names.ts';
import type { JsonLinesFile } from './json-lines-file.ts';
import { createRunningOperations } from './running-operations.ts';

const CI = callerFacts({
  kind: 'certificate',
  identity: { subject: parseDistinguishedName('CN=ci'), alternativeNames: [], sha256: 'ab'.repeat(32) },
  from: '10.1.0.7',
});

function scriptedFile(isFull = false) {
  const lines: object[] = [];
  const file: JsonLinesFile = {
    async append(line) {
      if (isFull) throw new Error('no space left on device');
      lines.push(line);
    },
    read: async () => lines,
  };
  return { file, lines };
}

it('has a line before and one after, of the same operation', async () => {
  const { file, lines } = scriptedFile();
  const audit = createAuditLog({ file, wallMs: () => 0, log: silentLog });
  const end = await audit.begin(CI, 'load', 'web');
  expect(lines).toEqual([
    {
      time: '1970-01-01T00:00:00.000Z',
      id: expect.any(String),
      who: 'CN=ci',
      sha256: 'ab'.repeat(32),
      from: '10.1.0.7',
      operation: 'load',
      deployment: 'web',
      outcome: 'begun',
    },
  ]);
  await end({ outcome: 'failed', code: 'UNHEALTHY', why: 'x'.repeat(10_000) });
  expect(lines[1]).toEqual({ ...lines[0], outcome: 'failed', code: 'UNHEALTHY', why: 'x'.repeat(500) });
  await audit.refuse(CI, 'delete', 'web', { code: 'NOT_PERMITTED' });
  expect(lines[2]).toMatchObject({ who: 'CN=ci', operation: 'delete', outcome: 'refused' });
});

it('nothing begins that it cannot take; what has ended has ended', async () => {
  const { file } = scriptedFile(true);
  const error = vi.fn();
  const audit = createAuditLog({ file, wallMs: () => 0, log: { ...silentLog, error } });
  await expect(audit.begin(CI, 'load', 'web')).rejects.toMatchObject({
    code: 'STATE_UNWRITABLE',
    message: expect.stringContaining('no space left'),
  });
  await audit.refuse(CI, 'load', 'web', {});
  expect(error).toHaveBeenCalledOnce();
});

it('one operation of a deployment runs at a time', () => {
  const running = createRunningOperations(() => 0);
  const release = running.take('web', 'load', CI);
  running.take('db', 'load', CI)();
  expect(() => running.take('web', 'stop', CI)).toThrow(
    expect.objectContaining({
      code: 'OPERATION_RUNNING',
      details: { operation: 'load', since: '1970-01-01T00:00:00.000Z', by: 'CN=ci' },
    }),
  );
  expect(running.of('web')).toMatchObject({ operation: 'load' });
  release();
  expect(running.of('web')).toBeNull();
  running.take('web', 'stop', CI);
});
