// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** PEM files. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority that openssl made. */
export interface Authority extends KeyPair {
  /** @param subjectAltName as openssl writes it, such as `IP:127.0.0.1,DNS:ds.example` */
  issue(name: string, subjectAltName: string): Promise<KeyPair>;
  /** An authority below this one. */
  subordinate(name: string): Promise<Authority>;
  /** @param nextUpdate as openssl reads it, such as `20200102000000Z` @returns a list of revoked certificates, PEM */
  revoke(serials: readonly string[], nextUpdate?: string): Promise<Buffer>;
}

const pairOf = (folder: string, stem: string): KeyPair => ({
  certificate: join(folder, `${stem}.pem`),
  key: join(folder, `${stem}.key`),
});

/** Makes a certificate authority, and what it issues, in a folder. Each is good for servers and clients. */
export async function createAuthority(folder: string, name: string): Promise<Authority> {
  const own = pairOf(folder, `${name}-ca`);
  const subject = ['-x509', '-days', '2', '-subj', `/CN=${name} authority`];
  await run('openssl', ['req', ...subject, ...NEW_KEY, '-keyout', own.key, '-out', own.certificate]);
  return authorityOf(folder, name, own);
}

/** The authority whose certificate and key stand in a folder. */
function authorityOf(folder: string, name: string, own: KeyPair): Authority {
  async function sign(pair: KeyPair, commonName: string, extensions: readonly string[]): Promise<KeyPair> {
    const [request, wanted] = [`${pair.certificate}.csr`, `${pair.certificate}.ext`];
    await writeFile(wanted, `${extensions.join('\n')}\n`);
    await run('openssl', [
      ...['req', '-new', '-subj', `/CN=${commonName}`],
      ...NEW_KEY,
      ...['-keyout', pair.key, '-out', request],
    ]);
    await run('openssl', [
      ...['x509', '-req', '-days', '2', '-in', request, '-CA', own.certificate, '-CAkey', own.key],
      ...['-CAcreateserial', '-extfile', wanted, '-out', pair.certificate],
    ]);
    return pair;
  }
  return {
    ...own,
    issue(leafName, subjectAltName) {
      const extensions = [`subjectAltName=${subjectAltName}`, 'extendedKeyUsage=serverAuth,clientAuth'];
      return sign(pairOf(folder, `${name}-${leafName}`), leafName, extensions);
    },
    async subordinate(lowerName) {
      const pair = pairOf(folder, `${lowerName}-ca`);
      const extensions = ['basicConstraints=critical,CA:true', 'keyUsage=keyCertSign,cRLSign'];
      return authorityOf(folder, lowerName, await sign(pair, `${lowerName} authority`, extensions));
    },
    async revoke(serials, nextUpdate = '20991231000000Z') {
      const [config, index, list] = ['cnf', 'txt', 'crl'].map((suffix) =>
        join(folder, `${name}-index.${suffix}`),
      );
      if (config === undefined || index === undefined || list === undefined) throw new Error('no files');
      const ca = `[ca]\ndefault_ca=it\n[it]\ndatabase=${index}\ndefault_md=sha256\n`;
      await writeFile(config, ca);
      const lines = serials.map((serial) => `R\t991231000000Z\t200101000000Z\t${serial}\tunknown\t/CN=x\n`);
      await writeFile(index, lines.join(''));
      await run('openssl', [
        ...['ca', '-gencrl', '-config', config, '-cert', own.certificate, '-keyfile', own.key, '-out', list],
        ...['-crl_lastupdate', '20200101000000Z', '-crl_nextupdate', nextUpdate],
      ]);
      return await readFile(list);
    },
  };
}
