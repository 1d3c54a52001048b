// SPDX-License-Identifier: Apache-2.0
/** In the place of a parser: of a file of 512 bytes it tells what it is refused, for one of 1024 it sends garbage. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { STORE_DESCRIPTOR } from '@local-datastore/shared/confinement/launcher/calf';
import { createFrameReader, encodeFrame } from '../../../datastore-app/src/sandbox/exchange/frames.ts';
import { TO_PARSER, type ToParser } from '../../../datastore-app/src/sandbox/exchange/messages.ts';

const channel = new Socket({ fd: STORE_DESCRIPTOR });

const answered = (act: (done: () => void, failed: (error: Error) => void) => void) =>
  new Promise<void>((resolve, reject) => act(resolve, reject));

const DEEDS: Readonly<Record<string, () => unknown>> = {
  read: () => readFileSync('/etc/passwd'),
  write: () => writeFileSync('/tmp/hostile-parser', ''),
  spawn: () => {
    const { error } = spawnSync('/bin/true');
    if (error !== undefined) throw error;
  },
  worker: () => new Worker('', { eval: true }),
  connect: () =>
    answered((done, failed) => connect(9, '127.0.0.1').once('connect', done).once('error', failed)),
  listen: () => answered((done, failed) => createServer().once('error', failed).listen(0, '127.0.0.1', done)),
  kill: () => process.kill(process.ppid, 'SIGUSR2'),
  addon: () => process.dlopen({ exports: {} }, '/usr/lib/libc.so.6'),
  eval: () => new Function('1')(),
};

async function refusals() {
  const problems: { code: string; message: string }[] = [];
  for (const [deed, act] of Object.entries(DEEDS)) {
    const outcome = await Promise.resolve()
      .then(act)
      .then(
        () => 'done',
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
    problems.push({ code: 'UNREADABLE', message: `${deed}: ${outcome.replace(/\P{L}+/gu, ' ')}` });
  }
  return problems;
}

const reader = createFrameReader(TO_PARSER);
channel.write(encodeFrame({ kind: 'ready' }));
channel.on('data', (piece: Buffer) => {
  for (const { document } of reader.push(piece)) {
    const message = document as ToParser;
    if (message.kind !== 'start') continue;
    if (message.sizeBytes === 1024) channel.write(Buffer.alloc(1024 * 1024, 0xff));
    else
      void refusals().then((problems) => {
        const description = { format: 'raw', content: 'raw', virtualSizeBytes: null, problems };
        channel.write(
          encodeFrame({ kind: 'done', job: message.job, outcome: { format: 'raw', description } }),
        );
      });
  }
});
