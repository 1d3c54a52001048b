import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
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
  };
}
