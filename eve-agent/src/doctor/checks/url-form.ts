// SPDX-License-Identifier: Apache-2.0
import { type Check, type Finding, type Judgement, problem, warning } from '../check.ts';
import type { UrlForm } from '../url-form.ts';

/** How the parts of the URL are registered with a controller. */
function registration({ scheme, writtenHost, path }: UrlForm) {
  return { fqdn: `${scheme}://${writtenHost}`, imageUrl: path.replace(/^\/+/, '') };
}

function invalid({ text, scheme, writtenHost, path, error }: UrlForm): Finding {
  if (scheme === null && writtenHost !== '') {
    return problem(
      'usage',
      'url-without-scheme',
      `"${text}" has no scheme; stock EVE does not take such an FQDN for a local datastore either`,
      `write http://${writtenHost}${path}`,
    );
  }
  return problem('usage', 'url-invalid', error ?? `"${text}" is no URL`, 'write it as http://ds.local/image');
}

/** EVE `getServerURL`: scheme and host alone are kept. */
function userFinding({ error }: UrlForm): Finding {
  return warning(
    'user-in-url',
    `stock EVE drops the user name and goes on without it; eve-agent does not: ${error}`,
    'leave the user name out, and register it as apiKey and password',
  );
}

/** What keeps `downloader` in EVE from its local mode (`strings.HasSuffix(serverURL, ".local")`). */
function localModeFindings(form: UrlForm): Finding[] {
  const { writtenHost, writtenPort, hostKind } = form;
  const { fqdn } = registration(form);
  if (hostKind === 'address') {
    const message = 'stock EVE takes an address for a datastore outside, and asks by its management ports';
    return [warning('address-in-url', message, 'register the datastore by its name on .local')];
  }
  const findings: Finding[] = [];
  if (writtenPort !== null) {
    findings.push(
      warning(
        'port-in-url',
        `stock EVE looks for no local datastore when the FQDN has a port, as ":${writtenPort}" here`,
        `let the datastore listen on ${form.scheme?.toLowerCase() === 'https' ? 443 : 80} and register ${fqdn}`,
      ),
    );
  }
  if (!/\.local\.?$/.test(writtenHost)) {
    findings.push(
      warning(
        'local-suffix-case',
        `stock EVE knows only ".local" in lower case, not as in "${writtenHost}"`,
        `register ${fqdn.replace(/\.local(\.?)$/i, '.local$1')}`,
      ),
    );
  }
  return findings;
}

const HOW = { local: 'by multicast DNS', ordinary: 'by ordinary DNS', address: 'an address' };

function judgeImage({ hostKind, scheme, writtenHost }: UrlForm, name: string): Judgement {
  const message = 'stock EVE pulls from no registry on .local: it asks a name server for it';
  const advice = 'pull with eve-agent; or serve a disk as a file, which EVE finds by its name';
  return {
    summary: `${name} (${writtenHost} ${HOW[hostKind]}, over ${scheme})`,
    findings: hostKind === 'local' ? [warning('registry-on-local', message, advice)] : [],
  };
}

export const urlFormCheck: Check = {
  id: 'url',
  title: 'URL',
  judge({ form, eve, image }) {
    if (image !== null) return judgeImage(form, image.name);
    const url = eve == null ? form.url : form.urlForEve;
    if (url === null) return { summary: 'cannot be read', findings: [invalid(form)] };
    const findings = form.hostKind === 'ordinary' ? [] : localModeFindings(form);
    if (form.url === null) findings.push(userFinding(form));
    if (/^\/?(?:\?|$)/.test(form.path)) {
      const advice = 'add the path of the image, as it stands below the datastore’s root';
      findings.push(warning('no-image-in-url', 'the URL names no image', advice));
    } else if (/\/\/|\/\.\.?(?:\/|$)/.test(form.path.split('?')[0] ?? '')) {
      const message = `stock EVE joins paths and thereby cleans "${form.path}"`;
      findings.push(warning('path-not-clean', message, `write ${url.pathname.replace(/\/{2,}/g, '/')}`));
    }
    const { fqdn, imageUrl } = registration(form);
    return {
      summary: `${form.writtenHost} (${HOW[form.hostKind]}), for EVE: FQDN ${fqdn}, image ${imageUrl || '-'}`,
      facts: { host: form.writtenHost, port: form.writtenPort, hostKind: form.hostKind, fqdn, imageUrl },
      findings,
    };
  },
};
