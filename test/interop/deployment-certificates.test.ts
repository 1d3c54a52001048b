// SPDX-License-Identifier: Apache-2.0
/** Who is let in to deployments, and may do what: each certificate with each operation, by curl. */
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { issueAuthority, issueLeaf } from '@local-datastore/shared/tls/issue-certificates';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type CertificateFiles,
  createDeploymentHost,
  type DeploymentHost,
} from '../lab/deployments/deployment-host.ts';
import { describeWith } from '../requirements.ts';

/** Each operation as curl asks for it, and what it answers to who may: nothing is deployed. */
const OPERATIONS: Readonly<Record<string, readonly [path: string, status: number, ...args: string[]]>> = {
  list: ['/v1/deployments/web', 200],
  inspect: ['/v1/deployments/web/inspect', 409],
  history: ['/v1/deployments/web/history', 200],
  logs: ['/v1/deployments/web/logs', 409],
  load: ['/v1/deployments/web/load', 422, '--upload-file', '/dev/null'],
  'load by POST': ['/v1/deployments/web/load', 422, '--request', 'POST', '--upload-file', '/dev/null'],
  'load by the short path': ['/v1/web/load', 422, '--upload-file', '/dev/null'],
  pull: ['/v1/deployments/web/pull', 422, '--request', 'POST'],
  start: ['/v1/deployments/web/start', 409, '--request', 'POST'],
  stop: ['/v1/deployments/web/stop', 409, '--request', 'POST'],
  restart: ['/v1/deployments/web/restart', 409, '--request', 'POST'],
  rollback: ['/v1/deployments/web/rollback', 409, '--request', 'POST'],
  prune: ['/v1/deployments/web/prune', 200, '--request', 'POST'],
  delete: ['/v1/deployments/web', 409, '--request', 'DELETE'],
};
const NAMES = Object.keys(OPERATIONS);

const VALIDITY = { notBefore: new Date(0), notAfter: new Date('2040-01-01') };
const SELF_MADE = { alternativeNames: [], usage: 'client' as const };
/** Who is not let in. */
const REFUSED = [
  'none',
  'foreign',
  'self-signed',
  'expired',
  'not yet valid',
  'revoked',
  'a server’s',
] as const;

describeWith(['lab', 'root', 'dockerd', 'iptables', 'openssl'], 'certificates of clients', () => {
  let host: DeploymentHost;
  const known = new Map<string, CertificateFiles | null>();

  async function keep(name: string, { certificate, key }: TlsIdentity): Promise<void> {
    const files = { certificate: host.at(`${name}.pem`), key: host.at(`${name}.pem.key`) };
    await writeFile(files.certificate, certificate);
    await writeFile(files.key, key);
    known.set(name, files);
  }
  const ask = (who: CertificateFiles | null, operation: string, ...more: readonly string[]) => {
    const [path = '', , ...args] = OPERATIONS[operation] ?? [];
    return host.curl(who, path, ...args, ...more);
  };

  beforeAll(async () => {
    host = await createDeploymentHost(['all', 'reader', 'loader', 'elsewhere', 'nobody', 'revoked']);
    const authority = {
      certificate: await readFile(host.at('ca.crt'), 'utf8'),
      key: await readFile(host.at('ca.key'), 'utf8'),
    };
    const foreign = await issueAuthority('foreign', VALIDITY);
    known.set('none', null);
    known.set('revoked', host.client('revoked'));
    known.set('a server’s', host.client('server'));
    await keep('foreign', await issueLeaf(foreign, { ...VALIDITY, ...SELF_MADE, commonName: 'all' }));
    await keep(
      'expired',
      await issueLeaf(authority, {
        ...VALIDITY,
        ...SELF_MADE,
        commonName: 'all',
        notAfter: new Date('2020-01-01'),
      }),
    );
    await keep(
      'not yet valid',
      await issueLeaf(authority, {
        ...VALIDITY,
        ...SELF_MADE,
        commonName: 'all',
        notBefore: new Date('2039-01-01'),
      }),
    );
    const own = { certificate: host.at('own.pem'), key: host.at('own.key') };
    execFileSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '9'],
      ...['-subj', '/CN=all', '-keyout', own.key, '-out', own.certificate],
    ]);
    known.set('self-signed', own);
    await host.configure({
      deployments: [{ name: 'web' }, { name: 'other' }],
      clients: [
        { subject: 'CN=all' },
        { subject: 'CN=reader', operations: ['list', 'inspect', 'history', 'logs'] },
        { subject: 'CN=loader', deployments: ['we*'], operations: ['load', 'pull'] },
        { subject: 'CN=elsewhere', deployments: ['other'] },
      ],
    });
    await host.agent('cert', 'revoke', 'revoked', '--out', host.folder);
    await host.startAgent();
  });
  afterAll(() => host?.stop());

  it.each(REFUSED)('%s: refused in the handshake, whatever is asked for', async (name) => {
    for (const operation of NAMES) {
      for (const version of [[], ['--tls-max', '1.2']]) {
        const { status, exitCode, body } = await ask(known.get(name) ?? null, operation, ...version);
        expect({ operation, status, body, isRefused: exitCode !== 0 }).toEqual({
          ...{ operation, status: 0, body: '', isRefused: true },
        });
      }
    }
    expect(await host.audit()).toEqual([]);
  });

  it.each([
    ['all', NAMES],
    ['reader', ['list', 'inspect', 'history', 'logs']],
    ['loader', NAMES.filter((name) => name.startsWith('load') || name === 'pull')],
    ['elsewhere', []],
    ['nobody', []],
  ])('%s: just what is permitted', async (name, permitted) => {
    for (const operation of NAMES) {
      const [, status] = OPERATIONS[operation] ?? [];
      const answer = await ask(host.client(name), operation);
      const expected = permitted.includes(operation) ? status : 403;
      expect({ operation, status: answer.status, body: answer.body }).toMatchObject({
        operation,
        status: expected,
      });
    }
  });

  it('who may not is told nothing of what there is', async () => {
    const answers = await Promise.all(
      ['web', 'nothing'].map((name) => host.curl(host.client('elsewhere'), `/v1/deployments/${name}`)),
    );
    expect(answers.map(({ status }) => status)).toEqual([403, 403]);
    const [there, absent] = answers.map(({ body }) => body.replaceAll(/web|nothing/g, 'NAME'));
    expect(there).toBe(absent);
    const list = await host.curl(host.client('elsewhere'), '/v1/deployments');
    expect(JSON.parse(list.body)).toMatchObject([{ name: 'other' }]);
    expect((await host.curl(host.client('nobody'), '/v1/deployments')).status).toBe(403);
    expect((await host.curl(host.client('all'), '/v1/status')).status).toBe(404);
  });

  it('each refusal is a line in the audit log', async () => {
    const refused = (await host.audit()).filter(
      ({ who, outcome }) => who === 'CN=nobody' && outcome === 'refused',
    );
    const changing = new Set(refused.map(({ operation }) => operation));
    expect(changing).toEqual(
      new Set(['load', 'pull', 'start', 'stop', 'restart', 'rollback', 'prune', 'delete']),
    );
    expect(refused[0]).toMatchObject({ code: 'NOT_PERMITTED', deployment: 'web', from: '10.1.0.1' });
  });

  it('who is revoked while it runs is let in no more', async () => {
    expect((await ask(host.client('reader'), 'list')).status).toBe(200);
    await host.agent('cert', 'revoke', 'reader', '--out', host.folder);
    await expect.poll(async () => (await ask(host.client('reader'), 'list')).exitCode).not.toBe(0);
    expect((await ask(host.client('all'), 'list')).status).toBe(200);
  });

  it('what somebody may changes with the file', async () => {
    expect((await ask(host.client('nobody'), 'list')).status).toBe(403);
    await host.configure({ deployments: [{ name: 'web' }], clients: [{ subject: 'CN=nobody' }] });
    expect((await ask(host.client('nobody'), 'list')).status).toBe(200);
    expect((await ask(host.client('all'), 'list')).status).toBe(403);
  });
});
