import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CertificateFiles } from '../lab/web-servers.ts';

const run = promisify(execFile);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A certificate authority that openssl made. */
export interface OpensslCa {
  /** PEM file of its certificate. */
  readonly certificate: string;
  /**
   * @param subjectAltName as openssl writes it, such as `IP:10.1.0.5,DNS:ds.local`
   */
  issue(name: string, subjectAltName: string): Promise<CertificateFiles>;
}

/** Makes a certificate authority in a folder. */
export async function createOpensslCa(folder: string): Promise<OpensslCa> {
  const ca = { certificate: join(folder, 'ca.pem'), key: join(folder, 'ca.key') };
  const subject = ['-x509', '-days', '2', '-subj', '/CN=Interop CA'];
  await run('openssl', ['req', ...subject, ...NEW_KEY, '-keyout', ca.key, '-out', ca.certificate]);
  return {
    certificate: ca.certificate,
    async issue(name, subjectAltName) {
      const place = join(folder, name);
      const leaf = { certificate: `${place}.pem`, key: `${place}.key` };
      const request = `${place}.csr`;
      const extensions = `${place}.ext`;
      await writeFile(extensions, `subjectAltName=${subjectAltName}\nextendedKeyUsage=serverAuth\n`);
      await run('openssl', [
        ...['req', '-new', '-subj', `/CN=${name}`],
        ...NEW_KEY,
        ...['-keyout', leaf.key, '-out', request],
      ]);
      await run('openssl', [
        ...['x509', '-req', '-days', '2', '-in', request, '-CA', ca.certificate, '-CAkey', ca.key],
        ...['-CAcreateserial', '-extfile', extensions, '-out', leaf.certificate],
      ]);
      return leaf;
    },
  };
}
