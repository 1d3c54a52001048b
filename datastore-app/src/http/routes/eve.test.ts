// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { createLog } from '@local-datastore/shared/log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EveSettings } from '../../eve/settings-document.ts';
import type { Image } from '../../images/catalogue.ts';
import { createApi } from '../api.ts';
import { createEveRoutes } from './eve.ts';

const IMAGE: Image = {
  path: 'linux/my disk.raw',
  sizeBytes: 512,
  sha256: 'ab'.repeat(32),
  state: 'ready',
  isGrowing: false,
  hashedBytes: 512,
  format: 'raw',
  content: 'raw',
  virtualSizeBytes: 512,
  problems: [],
  verifiedAt: null,
  modified: '2026-02-03T04:05:06.000Z',
};

let server: Server;
let https: number | null = null;
let publicUrl: URL | undefined;
let names: readonly string[] = [];

beforeAll(async () => {
  const routes = createEveRoutes({
    shown: {
      find: (path) => [IMAGE, { ...IMAGE, path: 'misnamed.qcow2' }].find((image) => image.path === path),
    },
    listArtifacts: async () => ({ artifacts: [], revision: '' }),
    isReadOpen: true,
    hostName: 'ds.local',
    ports: () => ({ http: 80, https }),
    advertiserStatus: () => undefined,
    certificatePem: () => 'PEM',
    places: { publicFor: () => publicUrl },
    tlsStatus: () => ({ names, addresses: [] }),
  });
  server = createServer(createApi({ log: createLog('test', 'silent') }, [routes])).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

async function get(path: string, { host = '10.1.0.5:8080', method = 'GET' } = {}) {
  const { port } = server.address() as AddressInfo;
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers: { host }, agent: false });
  const [response] = await once(request.end(), 'response');
  return { status: response.statusCode as number, body: (await json(response)) as Partial<EveSettings> };
}

const MISNAMED_PATH = '/-/api/v1/eve/misnamed.qcow2';
const PATH = '/-/api/v1/eve/linux/my%20disk.raw';

describe('/-/api/v1/eve/{path}', () => {
  it('tells how to register the image', async () => {
    const { status, body } = await get(PATH);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      datastore: { fqdn: 'http://ds.local', dType: 'DsHttp', dpath: '', certificatePem: null },
      content: { url: 'linux/my%20disk.raw', format: 'RAW', sha256: IMAGE.sha256, maxSizeBytes: 512 },
      edenCommand: expect.stringContaining('eden volume create http://10.1.0.5:8080/linux/my%20disk.raw '),
    });
    expect(body.warnings?.map(({ code }) => code)).toEqual(['NOT_ADVERTISED', 'PERCENT_ENCODED']);
  });

  it('warns of a name that contradicts the content', async () => {
    const warned = async (path: string) =>
      (await get(path)).body.warnings?.map(({ code }) => code).includes('NAME_CONTRADICTS_FORMAT');
    expect([await warned(MISNAMED_PATH), await warned(PATH)]).toEqual([true, false]);
  });

  it.each(['evil host', '$(reboot)', "a';reboot;'", '10.1.0.5:80:80', `${'a'.repeat(254)}`])(
    'does not believe the Host %j',
    async (host) => {
      const { body } = await get(PATH, { host });
      expect(body.edenCommand).toMatch(/^eden volume create http:\/\/ds\.local\//);
      expect(body.warnings?.map(({ code }) => code)).toContain('EDEN_UNREACHABLE');
    },
  );

  it('takes an IPv6 address for a host', async () => {
    const { body } = await get(PATH, { host: '[fd00::5]:8080' });
    expect(body.edenCommand).toContain("'http://[fd00::5]:8080/linux/my%20disk.raw'");
  });

  it('gives HTTPS where TLS is on, and says where it is not', async () => {
    expect(await get(`${PATH}?scheme=https`)).toMatchObject({ status: 409, body: { detail: /TLS is off/ } });
    https = 443;
    const { body } = await get(`${PATH}?scheme=https`);
    expect(body.datastore).toEqual({
      dType: 'DsHttps',
      fqdn: 'https://ds.local',
      dpath: '',
      certificatePem: 'PEM',
    });
  });

  it.each([
    ['https://images.example:8443', [], 'https://images.example:8443', null, ['PERCENT_ENCODED']],
    ['https://images.example', ['images.example'], 'https://images.example', 'PEM', ['PERCENT_ENCODED']],
    [
      'http://ds.local:8080',
      [],
      'http://ds.local:8080',
      null,
      ['PORT_IN_FQDN', 'NOT_ADVERTISED', 'PERCENT_ENCODED'],
    ],
  ])('names the public place %s', async (url, own, fqdn, certificatePem, warnings) => {
    publicUrl = new URL(url);
    names = own;
    try {
      const { body } = await get(PATH);
      expect(body.datastore).toMatchObject({ fqdn, certificatePem });
      expect(body.edenCommand).toContain(`${fqdn}/linux/my%20disk.raw`);
      expect(body.warnings?.map(({ code }) => code)).toEqual(warnings);
    } finally {
      publicUrl = undefined;
    }
  });

  it.each([
    [`${PATH}?scheme=ftp`, 'GET', 400],
    ['/-/api/v1/eve/absent', 'GET', 404],
    ['/-/api/v1/eve/..%2f..%2fetc', 'GET', 404],
    ['/-/api/v1/eve/%zz', 'GET', 400],
    [PATH, 'DELETE', 405],
  ])('answers %s %s with a problem', async (path, method, status) => {
    expect(await get(path, { method })).toMatchObject({ status, body: { status } });
  });
});
