// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from 'vitest';
import { createAccess } from '../access/access.ts';
import { createArchiveImports } from './archive-imports.ts';
import { outcomeOf } from './import-report.ts';
import type { ArchiveAnswer, SentArchive } from './send-archive.ts';

/** Only ends what fails: a machine may be busy with much else. */
const waitFor = (check: () => void) => vi.waitFor(check, 60_000);

const REPORT = {
  images: [{ repository: 'lab/app', tag: '1', digest: 'x', mediaType: 'x', sizeBytes: 4096, newBytes: 1024 }],
  failed: [],
  notices: [],
};
const FILE = new File(['12345678'], 'app.tar');

function setUp() {
  const access = createAccess({ load: () => ({ writeToken: 'first' }), save: () => {} });
  const sent: (SentArchive & { answer(answer: ArchiveAnswer): void })[] = [];
  const imported: string[] = [];
  const imports = createArchiveImports(
    {
      access,
      send: (archive) =>
        new Promise((answer) => {
          sent.push({ ...archive, answer });
          archive.signal.addEventListener('abort', () => answer({ status: 0, body: '' }));
        }),
    },
    (fileName) => imported.push(fileName),
  );
  const answer = (at: number, status: number, body: unknown) =>
    sent[at]?.answer({ status, body: JSON.stringify(body) });
  return { access, sent, imported, imports, answer, shown: () => imports.list.get() };
}

it('sends one after another, and tells how far each is', async () => {
  const { imports, sent, answer, shown, imported } = setUp();
  await imports.add([
    { file: FILE, as: 'lab/app' },
    { file: new File(['1'], 'b.tar'), as: undefined },
  ]);
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]).toMatchObject({ as: 'lab/app', token: 'first' });
  sent[0]?.onProgress(4);
  expect(shown()).toMatchObject([{ state: 'running', sentBytes: 4, sizeBytes: 8 }, { state: 'waiting' }]);
  sent[0]?.onProgress(8);
  expect(shown()[0]?.state).toBe('finishing');
  answer(0, 200, REPORT);
  await waitFor(() => expect(sent).toHaveLength(2));
  expect(shown()[0]).toMatchObject({ state: 'done', sentences: ['lab/app:1, 1 KiB of it new'] });
  expect(imported).toEqual(['app.tar']);
});

it('says why nothing came of it, and tries again', async () => {
  const { imports, sent, answer, shown, imported } = setUp();
  await imports.add([{ file: FILE, as: undefined }]);
  await waitFor(() => expect(sent).toHaveLength(1));
  answer(0, 400, { status: 400, detail: 'It is no tar archive.' });
  await waitFor(() =>
    expect(shown()).toMatchObject([{ state: 'failed', sentences: ['It is no tar archive.'] }]),
  );
  await imports.retry(shown()[0]?.id ?? 0);
  await waitFor(() => expect(sent).toHaveLength(2));
  answer(1, 200, REPORT);
  await waitFor(() => expect(shown()[0]?.state).toBe('done'));
  expect(imported).toEqual(['app.tar']);
});

it('asks for another write token where one is refused', async () => {
  const { imports, sent, answer, shown, access } = setUp();
  await imports.add([{ file: FILE, as: undefined }]);
  await waitFor(() => expect(sent).toHaveLength(1));
  answer(0, 401, { detail: 'no' });
  await waitFor(() => expect(access.prompt.get()).toMatchObject({ kind: 'write' }));
  access.answer({ kind: 'write', writeToken: 'second', isRemembered: false });
  await waitFor(() => expect(sent[1]?.token).toBe('second'));
  answer(1, 401, { detail: 'no' });
  await waitFor(() => expect(access.prompt.get()).toMatchObject({ kind: 'write' }));
  access.answer(undefined);
  await waitFor(() => expect(shown()[0]).toMatchObject({ state: 'failed' }));
});

it('what is cancelled ends, and the next begins', async () => {
  const { imports, sent, shown, imported } = setUp();
  await imports.add([
    { file: FILE, as: undefined },
    { file: FILE, as: undefined },
    { file: FILE, as: undefined },
  ]);
  await waitFor(() => expect(sent).toHaveLength(1));
  const [first, second] = shown();
  imports.cancel(second?.id ?? 0);
  imports.cancel(first?.id ?? 0);
  expect(sent[0]?.signal.aborted).toBe(true);
  await waitFor(() => expect(sent).toHaveLength(2));
  expect(shown().map(({ state }) => state)).toEqual(['running']);
  expect(imported).toEqual([]);
});

it.each<[string, number, unknown, boolean, string]>([
  ['no answer', 0, '', false, 'broken off'],
  ['a proxy', 502, '<html>', false, 'answered 502'],
  ['a part', 200, { ...REPORT, failed: [{ name: 'b:1', message: 'Its layer is gone.' }] }, false, 'b:1: Its'],
  ['nothing', 409, { ...REPORT, images: [], failed: [{ name: 'b:1', message: 'Why.' }] }, false, 'b:1: Why.'],
  ['a notice', 200, { ...REPORT, notices: ['In lower case.'] }, true, 'In lower case.'],
])('outcomeOf %s', (_title, status, body, isDone, text) => {
  const outcome = outcomeOf(status, typeof body === 'string' ? body : JSON.stringify(body));
  expect([outcome.isDone, outcome.sentences.join(' ')]).toEqual([isDone, expect.stringContaining(text)]);
});
