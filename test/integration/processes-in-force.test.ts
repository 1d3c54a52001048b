/** The processes without rights of an agent that runs, whichever there are: what the kernel says of each. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { MAY_BE_OPEN, proveProcess } from '../lab/process-proof.ts';
import { startDatastore } from '../lab/programs.ts';
import { createServiceAgent, type ServiceAgent, treeOf } from '../lab/service-agent.ts';
import { askSocket } from '../lab/socket-request.ts';
import { describeWith } from '../requirements.ts';
import { makeImage } from './image-server.ts';

interface Process {
  readonly name: string;
  readonly pid: number | null;
}
const image = makeImage(40_000);

describeWith(['lab', 'root'], 'each process without rights of a running agent', () => {
  let folder: string;
  let lab: Lab;
  let agent: ServiceAgent;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'in-force-'));
    await mkdir(join(folder, 'root', 'images'), { recursive: true });
    await writeFile(join(folder, 'root', 'images', 'a.img'), image);
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.addBridge('bn2', '10.2.0.1/24');
    const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    const args = ['--root', join(folder, 'root'), '--state', join(folder, 'ds-state'), '--host-name', 'ds'];
    await startDatastore(app, args);
    agent = await createServiceAgent(lab, folder);
    await agent.configure([treeOf(1, 'a.img', image)]);
    // Nobody answers there: what asks for an address stays.
    await agent.start('--separation', '--dhcp', 'bn2');
  });
  afterAll(async () => {
    await agent?.end('SIGTERM');
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('has no right, no namespace of the agent, and no descriptor but what is documented', async () => {
    await agent.expectState(1, { State: 'VERIFIED', Error: '' });
    const own = agent.child()?.pid ?? 0;
    const status = (await askSocket(join(agent.state, 'agent.sock'), '/v1/status')) as {
      processes: Process[];
    };
    const { processes } = status;
    expect(processes.map(({ name }) => name)).toContain('net');
    const agentUid = (await proveProcess(own, own)).status.Uid?.split('\t')[0];
    const users = new Set<string>();
    for (const { name, pid } of processes) {
      if (pid === null) throw new Error(`${name} does not run`);
      const proof = await proveProcess(pid, own);
      const { Uid: uid = '', Gid: gid, Groups: groups, ...rest } = proof.status;
      expect(rest, name).toMatchObject({
        ...{ CapInh: '0'.repeat(16), CapPrm: '0'.repeat(16), CapEff: '0'.repeat(16) },
        ...{ CapBnd: '0'.repeat(16), CapAmb: '0'.repeat(16), NoNewPrivs: '1', Seccomp: '2' },
      });
      // Real, effective, saved and of the file system: one, and neither the agent's nor another process's.
      expect([new Set(uid.split('\t')).size, gid, groups], name).toEqual([1, uid, '']);
      expect(uid.split('\t')[0], name).not.toBe(agentUid);
      users.add(uid);
      expect(proof.sharedNamespaces, name).toEqual([]);
      const others = [...proof.descriptors.values()].filter((target) => !MAY_BE_OPEN.test(target));
      expect(others, name).toEqual([]);
    }
    expect(users.size).toBe(processes.length);
  });
});
