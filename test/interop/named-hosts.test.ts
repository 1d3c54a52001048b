// SPDX-License-Identifier: Apache-2.0
/** Real web servers that go by the name they are asked by, and lead to themselves: nginx and Apache under Avahi. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthority } from '../lab/authorities.ts';
import { startAvahi } from '../lab/avahi.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent } from '../lab/programs.ts';
import { startApache, startNginx } from '../lab/web-servers.ts';
import { describeWith } from '../requirements.ts';

const ADDRESS = '10.1.0.5';
const NAME = 'named.local';

let lab: Lab;
let folder: string;
let app: App;
let ca: string;
let leaf: string;
let sha256: string;

async function setUp(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'interop-named-'));
  const image = randomBytes(1024 * 1024 + 11);
  sha256 = createHash('sha256').update(image).digest('hex');
  // Who is asked by the address, or by another name, serves something else.
  await mkdir(join(folder, 'named/folder'), { recursive: true });
  await mkdir(join(folder, 'other'));
  await writeFile(join(folder, 'named/edge.img'), image);
  await writeFile(join(folder, 'named/folder/index.html'), image);
  await writeFile(join(folder, 'other/edge.img'), 'of another host');
  lab = await createLab();
  await lab.addBridge('bn1', '10.1.0.1/24');
  app = await lab.addApp({ name: 'vm', bridge: 'bn1', address: `${ADDRESS}/24` });
  await startAvahi(app, { hostName: 'named', publishWorkstation: true });
  const authority = await createAuthority(folder, 'lab');
  ca = authority.certificate;
  const byName = await authority.issue('by-name', `DNS:${NAME}`);
  const byAddress = await authority.issue('by-address', `IP:${ADDRESS}`);
  const byNeither = await authority.issue('by-neither', 'DNS:other.local');
  leaf = byName.certificate;
  const secured = (port: number, files: typeof byName) => `
    server { listen ${port} ssl; server_name ${NAME}; root ${folder}/named;
      ssl_certificate ${files.certificate}; ssl_certificate_key ${files.key};
      location = /down { return 302 http://$host/edge.img; } }`;
  await startNginx(app, {
    root: join(folder, 'other'),
    work: join(folder, 'nginx'),
    port: 80,
    more: `
      server { listen 80; server_name ${NAME}; root ${folder}/named;
        location = /secure { return 301 https://$host/edge.img; }
        location = /port { return 307 http://$host:8080/edge.img; }
        location = /address { return 302 http://${ADDRESS}:8081/edge.img; }
        location = /stranger { return 302 http://stranger.local/edge.img; }
        location = /elsewhere { return 302 http://10.1.0.6/edge.img; }
        location = /loop { return 302 http://$host/loop; } }
      ${secured(443, byName)} ${secured(8443, byAddress)} ${secured(9443, byNeither)}`,
  });
  const modules = '/usr/lib/apache2/modules';
  await startApache(app, {
    root: join(folder, 'other'),
    work: join(folder, 'apache'),
    port: 8080,
    more: `
      LoadModule dir_module ${modules}/mod_dir.so
      LoadModule alias_module ${modules}/mod_alias.so
      Listen 8081
      <Directory ${folder}/named>
        Require all granted
      </Directory>
      <VirtualHost *:8080>
        DocumentRoot ${folder}/other
      </VirtualHost>
      <VirtualHost *:8080>
        ServerName ${NAME}
        DocumentRoot ${folder}/named
        DirectoryIndex index.html
        Redirect /secure https://${NAME}/edge.img
      </VirtualHost>
      <VirtualHost *:8081>
        ServerName ${ADDRESS}
        DocumentRoot ${folder}/named
      </VirtualHost>`,
  });
}

async function download(url: string, ...more: string[]) {
  const target = join(folder, 'out.img');
  await rm(target, { force: true });
  const args = ['download', url, '-o', target, '--sha256', sha256, '--retries', '0', ...more];
  const { exitCode, stderr } = await lab.host.run(eveAgent(...args));
  const arrived = await readFile(target).catch(() => null);
  return {
    exitCode,
    stderr,
    isWhole: arrived !== null && createHash('sha256').update(arrived).digest('hex') === sha256,
  };
}

describeWith(['root', 'lab', 'avahi', 'dbus', 'nginx', 'apache', 'openssl'], 'named hosts', () => {
  beforeAll(setUp);
  afterAll(async () => {
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const withCa = () => ['--ca', ca];
  test.each<[string, string, () => string[]]>([
    ['a name-based virtual host of nginx', `http://${NAME}/edge.img`, () => []],
    ['a name-based virtual host of Apache', `http://${NAME}:8080/edge.img`, () => []],
    ['a final dot', `http://${NAME}./edge.img`, () => []],
    ['another case', 'http://NAMED.Local/edge.img', () => []],
    ['Apache’s slash at a folder', `http://${NAME}:8080/folder`, () => []],
    ['from http to https by nginx', `http://${NAME}/secure`, withCa],
    ['from http to https by Apache', `http://${NAME}:8080/secure`, withCa],
    ['to another port', `http://${NAME}/port`, () => []],
    ['to its address, on another port', `http://${NAME}/address`, () => []],
    ['a certificate for the name', `https://${NAME}/edge.img`, withCa],
    ['a certificate for the address', `https://${NAME}:8443/edge.img`, withCa],
    ['the leaf as what is trusted', `https://${NAME}/edge.img`, () => ['--ca', leaf]],
  ])('%s: downloaded', async (_, url, args) => {
    const { stderr, ...outcome } = await download(url, ...args());
    expect(outcome, stderr).toEqual({ exitCode: 0, isWhole: true });
  });

  test.each<[string, string, string]>([
    ['another .local host', `http://${NAME}/stranger`, 'may lead to itself only'],
    ['another address', `http://${NAME}/elsewhere`, 'may lead to itself only'],
    ['a circle', `http://${NAME}/loop`, 'more than 5 in a row'],
    ['from https to http', `https://${NAME}/down`, 'it leads from https to http'],
    ['a certificate for neither', `https://${NAME}:9443/edge.img`, `is not for ${NAME}`],
  ])('%s: refused', async (_, url, reason) => {
    const { exitCode, stderr, isWhole } = await download(url, ...withCa());
    expect({ exitCode, isWhole }).toEqual({ exitCode: 4, isWhole: false });
    expect(stderr).toContain(reason);
  });
});
