// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type EndFacts, judgeEnd } from './machine-end.ts';

const NOTHING: EndFacts = { reason: null, code: null, signal: null, complaint: '', ownReason: null };

describe('how a machine has ended', () => {
  it.each<[Partial<EndFacts>, number, RegExp]>([
    [{ reason: 'guest-shutdown', code: 0 }, 0, /switched itself off/],
    [{ reason: 'guest-panic', code: 0 }, 1, /panicked/],
    [{ reason: 'host-qmp-quit', code: 0 }, 137, /forced/],
    [{ reason: 'host-signal', code: 0 }, 143, /signal/],
    [{ ownReason: 'it took too long', reason: 'guest-shutdown', code: 0 }, 137, /took too long/],
    [{ signal: 'SIGKILL' }, 137, /SIGKILL/],
    [{ signal: 'SIGSEGV' }, 139, /SIGSEGV/],
    [{ code: 1, complaint: 'first\nqemu: no memory' }, 1, /^qemu ended with 1: qemu: no memory$/],
    [{ code: 0 }, 0, /qemu ended with 0/],
    [{}, 255, /nobody saw/],
  ])('%j', (facts, exitCode, why) => {
    expect(judgeEnd({ ...NOTHING, ...facts })).toEqual({ exitCode, why: expect.stringMatching(why) });
  });
});
