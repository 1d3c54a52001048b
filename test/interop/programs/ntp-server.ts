// SPDX-License-Identifier: Apache-2.0
/**
 * A time server that may be hostile. Arguments: its address, and what it does. Prints as JSON `ready`, and then
 * each question.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { encodeReply, type ReplyFields } from '../../../eve-agent/src/sandbox/calves/ntp/scripted-reply.ts';

const [address = '', behaviour = '', size = '0'] = process.argv.slice(2);
const MS = 1_000_000n;
const open = async (host: string, port: number) => {
  const socket = createSocket('udp4');
  socket.bind(port, host);
  await once(socket, 'listening');
  return socket;
};
const server = await open(address, 123);
/** Of another address of this host, or another port of this one. */
const stranger =
  behaviour === 'other-address'
    ? await open(size, 123)
    : behaviour === 'other-port'
      ? await open(address, 0)
      : null;

const print = (line: string) => process.stdout.write(`${JSON.stringify(line)}\n`);

let count = 0;
server.on('message', (question, { address: host, port }) => {
  count += 1;
  const originTimestamp = question.readBigUInt64BE(40);
  const nowNs = BigInt(Date.now()) * MS;
  const say = (fields: ReplyFields = {}, from = server) =>
    from.send(encodeReply({ originTimestamp, sentUnixNs: nowNs, ...fields }), port, host);
  const others = originTimestamp ^ 1n;
  if (behaviour === 'ahead') say({ sentUnixNs: nowNs + BigInt(size) * MS });
  else if (behaviour === 'smear') say({ sentUnixNs: nowNs - BigInt(count) * BigInt(size) * MS });
  else if (behaviour === 'wrong-origin') say({ originTimestamp: others });
  else if (behaviour === 'kiss') say({ stratum: 0, reference: size });
  else if (behaviour === 'forged-kiss') say({ stratum: 0, reference: 'DENY', originTimestamp: others });
  else if (behaviour === 'dies') {
    if (count <= Number(size)) say();
  } else if (behaviour === 'large')
    for (let turn = 0; turn < 100; turn += 1) say({ tail: Buffer.alloc(1400) });
  else if (behaviour === 'flood') {
    // A hundred forged answers around the right one, of which one tries to send the client away.
    for (let turn = 0; turn < 100; turn += 1) {
      if (turn === 50) say();
      say({ originTimestamp: BigInt(turn), stratum: turn % 3, reference: 'DENY', leap: turn % 4 });
    }
  } else if (stranger !== null) say({}, stranger);
  print(question.toString('hex'));
});
print('ready');
