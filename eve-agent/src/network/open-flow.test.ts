import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describeFlowContract } from '../transfer/flow-contract.ts';
import { openFlow } from './open-flow.ts';

describeFlowContract('of the system', async (answer) => {
  const server = createServer((socket) => {
    let request = '';
    socket.on('data', (bytes) => {
      request += bytes;
      if (request.endsWith('\r\n\r\n')) socket.end(answer);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { address: host, port } = server.address() as AddressInfo;
  return {
    openFlow,
    place: { host, port, localAddress: '127.0.0.2', refusesInternal: false },
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
});
