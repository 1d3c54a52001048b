// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import { listNetworkLinks } from '../advertise/network-links.ts';
import { selectInterfaces } from '../advertise/responder-plan.ts';
import { bareHost } from '../upstream/reachable-address.ts';
import { loadAuthority } from './authority.ts';
import { createAuthoritySource } from './authority-source.ts';
import type { CertificateSource } from './certificate-source.ts';
import type { TlsChoice } from './decide-tls.ts';
import { createGivenSource } from './given-source.ts';
import { listOwnAddresses } from './own-addresses.ts';

/**
 * Opens the chosen source of certificates.
 *
 * @param options.interfaces where is advertised; none: everywhere but on loopback
 * @returns undefined when TLS is off
 * @throws ConfigurationError when the certificate, or the built-in authority, cannot be used
 */
export async function openCertificates(
  { log }: { readonly log: Log },
  choice: TlsChoice,
  options: {
    readonly stateDirectory: string;
    readonly hostLabel: string;
    readonly interfaces: readonly string[];
    /** Where it is reached from elsewhere. */
    readonly publicUrl: URL | undefined;
  },
): Promise<CertificateSource | undefined> {
  const { hostLabel } = options;
  switch (choice.kind) {
    case 'off':
      return undefined;
    case 'authority': {
      const authority = await loadAuthority(options.stateDirectory, {
        onMade: (folder) => log.warn({ folder }, 'a new TLS authority was made: devices do not trust it yet'),
      });
      const { file, fingerprint256 } = authority;
      log.info({ file, fingerprint256 }, 'what devices need as dsCertPEM is in this file, and at /-/ca.pem');
      return await createAuthoritySource(
        { log, listAddresses: listOwnAddresses },
        {
          ...{ authority, hostLabel, publicName: options.publicUrl && bareHost(options.publicUrl.hostname) },
        },
      );
    }
    case 'given': {
      const listAdvertisedAddresses = () =>
        selectInterfaces(listNetworkLinks(), options.interfaces).selected.map(({ address }) => address);
      return await createGivenSource({ log, listAdvertisedAddresses }, { ...choice, hostLabel });
    }
  }
}
