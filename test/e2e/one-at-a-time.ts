// SPDX-License-Identifier: Apache-2.0
/**
 * Set up before each file here: no two of them run at once, in this run or another one on the same machine. Each has
 * the bridges of this host, on which its agent looks for a datastore, and the engine's images and networks.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** An abstract socket of the kernel (unix(7)): it goes with whoever has it, however that ends. */
const TURN = '\0local-datastore/e2e';

async function takeTurn(): Promise<boolean> {
  // Who waits must not keep this process.
  const server = createServer((waiting) => waiting.unref());
  const taken = once(server, 'listening').then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') return false;
      throw error;
    },
  );
  server.listen(TURN);
  const isTaken = await taken;
  server.unref();
  return isTaken;
}

/** Until whoever has the turn ends. */
function waitForTurn(): Promise<void> {
  const holder = connect(TURN);
  // It may end before it is connected to, or at once with all that wait for it.
  holder.on('error', () => {});
  holder.resume();
  return new Promise((resolve) => holder.once('close', () => resolve()));
}

while (!(await takeTurn())) await waitForTurn();
