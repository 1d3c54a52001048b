// SPDX-License-Identifier: Apache-2.0
/** Texts of a neighbour, a server or a controller that would act on a terminal: never raw in what the agent writes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { type AgentFolder, createAgentFolder } from '../lab/loopback-agent.ts';
import { runAgent } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { startMdnsPeers } from './mdns-peers.ts';
import { startRawPeer } from './raw-peer.ts';
import { responseHex } from './scripted-responder.ts';

const ACTING = '\u001b]0;mine\u0007\u009b2J\u202egpj\u2066\u200b\u{e0041}';
const RAW =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\udb40[\udc00-\udc7f]/;

describeWith(['lab'], 'a neighbour on the bridge', () => {
  let lab: Lab;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hostile-neighbour-'));
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    const neighbour = await lab.addApp({ name: 'hostile', bridge: 'bn1', address: '10.1.0.66/24' });
    const [type, instance, host] = ['_http._tcp.local', `${ACTING}._http._tcp.local`, `${ACTING}.local`];
    const answers = [
      { name: type, type: 'PTR', ttl: 120, data: instance } as const,
      { name: instance, type: 'SRV', ttl: 120, data: { port: 80, target: host } } as const,
      { name: instance, type: 'TXT', ttl: 120, data: `path=${ACTING}` } as const,
      { name: host, type: 'A', ttl: 120, data: '10.1.0.66' } as const,
    ];
    const alias = [{ name: 'alias.local', type: 'CNAME', ttl: 120, data: host } as const];
    const rules = [
      { question: `PTR ${type}`, hex: responseHex({ answers }) },
      { question: 'A alias.local', hex: responseHex({ answers: alias }) },
    ];
    await startMdnsPeers(neighbour, [{ address: '10.1.0.66', rules, web: null }]);
  });
  afterEach(async () => {
    await lab.stop();
    await rm(folder, { recursive: true });
  });

  it.each([
    [['browse', '--timeout', '1'], 0],
    [['browse', '--timeout', '1', '--json'], 0],
    [['resolve', 'http://absent.local/', '--timeout', '1'], 3],
    [['resolve', 'http://alias.local/', '--timeout', '1'], 3],
    [['download', 'http://absent.local/a.img', '--timeout', '1', '-o', 'OUT'], 3],
    [['doctor', 'http://absent.local/a.img', '--timeout', '1'], 3],
    [['doctor', 'http://alias.local/a.img', '--timeout', '1'], 3],
  ])('%j', async (args, exitCode) => {
    const words = args.map((arg) => (arg === 'OUT' ? join(folder, 'a.img') : arg));
    const outcome = await runAgent(lab.host, words);
    const written = outcome.stdout + outcome.stderr;
    expect([outcome.exitCode, written]).toEqual([
      exitCode,
      expect.stringMatching(/\\027\]0;mine|u001b\]0;mine/),
    ]);
    expect(written).not.toMatch(RAW);
  });
});

describe('a server or a controller', () => {
  let agent: AgentFolder;
  const stops: (() => unknown)[] = [];
  beforeEach(async () => {
    agent = await createAgentFolder();
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    await agent.remove();
  });
  const written = async (...args: string[]) => {
    const { stdout, stderr } = await agent.command(...args);
    expect(stdout + stderr).not.toMatch(RAW);
    return stdout + stderr;
  };

  it.each([
    ['a status line', 'HTTP/1.1 404 \u009b2J\r\nContent-Length: 0\r\n\r\n'],
    ['who the server says it is', 'HTTP/1.1 404 No\r\nServer: \u009b2J\u202e\r\nContent-Length: 0\r\n\r\n'],
    ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: http://\u009b2J\u202e/\r\nContent-Length: 0\r\n\r\n'],
    ['a coding', 'HTTP/1.1 200 OK\r\nContent-Encoding: \u009b2J\u202e\r\nContent-Length: 0\r\n\r\n'],
    ['an entity tag', 'HTTP/1.1 200 OK\r\nETag: "\u009b2J\u202e"\r\nContent-Length: 0\r\n\r\n'],
    ['no head at all', `${ACTING}\r\n\r\n`],
  ])('%s', async (_, head) => {
    const answer = Buffer.from(head, head.includes('\u202e') ? 'utf8' : 'latin1');
    const peer = await startRawPeer(() => answer);
    stops.push(peer.stop);
    const url = `http://127.0.0.1:${peer.port}/a.img`;
    expect(await written('download', url, '-o', join(agent.folder, 'a.img'), '--retries', '0')).not.toBe('');
    expect(await written('doctor', url)).toContain('127.0.0.1');
    expect(await written('doctor', url, '--json')).toContain('127.0.0.1');
  });

  it('the name of a content tree', async () => {
    const uuid = '00000000-0000-4000-8000-000000000001';
    const datastore = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
    const tree = {
      displayName: `tree ${ACTING}`,
      URL: `${ACTING}.img`,
      iformat: 'RAW',
      sha256: 'ab'.repeat(32),
    };
    await agent.configure({
      datastores: [{ id: datastore, dType: 'DsHttp', fqdn: 'http://127.0.0.1:1' }],
      contentInfo: [{ uuid, ...tree, dsIdsList: [datastore], maxSizeBytes: '1' }],
    });
    await agent.start();
    await expect.poll(() => agent.statusOf(uuid)).toHaveProperty('ErrorCode', expect.stringMatching(/./));
    expect(await written('status', '--state', agent.state)).toContain('tree \\027]0;mine');
    expect(await written('status', '--json', '--state', agent.state)).toContain('u001b]0;mine');
    expect(await written('logs', uuid, '--state', agent.state)).not.toBe('');
    expect(agent.log()).not.toMatch(RAW);
  });
});
