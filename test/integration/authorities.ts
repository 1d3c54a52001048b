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
  /** @param nextUpdate as openssl reads it, such as `20200102000000Z` @returns a list of revoked certificates, PEM */
  revoke(serials: readonly string[], nextUpdate?: string): Promise<Buffer>;
}

/** Makes a certificate authority, and what it issues, in a folder. Each is good for servers and clients. */
export async function createAuthority(folder: string, name: string): Promise<Authority> {
  const pairOf = (stem: string) => ({
    certificate: join(folder, `${stem}.pem`),
    key: join(folder, `${stem}.key`),
  });
  const own = pairOf(`${name}-ca`);
  const subject = ['-x509', '-days', '2', '-subj', `/CN=${name} authority`];
  await run('openssl', ['req', ...subject, ...NEW_KEY, '-keyout', own.key, '-out', own.certificate]);
  return {
    ...own,
    async issue(leafName, subjectAltName) {
      const leaf = pairOf(`${name}-${leafName}`);
      const [request, extensions] = [`${leaf.certificate}.csr`, `${leaf.certificate}.ext`];
      await writeFile(
        extensions,
        `subjectAltName=${subjectAltName}\nextendedKeyUsage=serverAuth,clientAuth\n`,
      );
      await run('openssl', [
        ...['req', '-new', '-subj', `/CN=${leafName}`],
        ...NEW_KEY,
        ...['-keyout', leaf.key, '-out', request],
      ]);
      await run('openssl', [
        ...['x509', '-req', '-days', '2', '-in', request, '-CA', own.certificate, '-CAkey', own.key],
        ...['-CAcreateserial', '-extfile', extensions, '-out', leaf.certificate],
      ]);
      return leaf;
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
