// SPDX-License-Identifier: Apache-2.0
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import type { CheckedInterface, CheckReport, Problem } from './report.ts';

function formatInterface({ name, addresses, services }: CheckedInterface): string[] {
  return [
    `  ${name}  ${addresses.join(', ')}`,
    ...services.map(({ type, instanceName, port, subtypes, txt }) => {
      const extras = [
        ...subtypes.map((subtype) => `subtype ${subtype}`),
        ...txt.map((text) => JSON.stringify(text)),
      ];
      return `    ${type}  port ${port}  "${instanceName}"${extras.length > 0 ? `  ${extras.join(' ')}` : ''}`;
    }),
  ];
}

function formatProblem({ severity, message, file, line }: Problem): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `, line ${line}`}: `;
  return `  ${severity}: ${place}${message}`;
}

function formatTls({ tls, certificate }: CheckReport): string[] {
  if (tls === 'authority') return ['  certificate: of the built-in authority, for every current address'];
  if (certificate === null) return [];
  const { subject, names, addresses, notAfter } = certificate;
  return [`  certificate: ${subject} for ${[...names, ...addresses].join(', ')}, until ${notAfter}`];
}

/** The report as text for people, with a line break at its end. */
export function formatReport(report: CheckReport): string {
  const { hostName, interfaces, images, state, listeners, writeTokenFile, problems } = report;
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  return [
    hostName === null || interfaces.length === 0
      ? 'Nothing would be advertised.'
      : `Would be advertised as ${hostName}:`,
    ...interfaces.flatMap(formatInterface),
    images === null ? 'No images would be served.' : 'Would be served:',
    ...(images === null ? [] : [`  ${images.root}: ${images.count} images, ${sizeText(images.sizeBytes)}`]),
    ...listeners.map(
      ({ scheme, address, port, trouble }) =>
        `  ${scheme} on port ${port} of ${address ?? 'every address'}${trouble === null ? '' : ': cannot be had'}`,
    ),
    ...formatTls(report),
    ...(state === null
      ? []
      : [`State: ${state}`, `Write token: ${writeTokenFile ?? 'not in a file of its own'}`]),
    ...(problems.length > 0 ? ['Problems:', ...problems.map(formatProblem)] : []),
    errors > 0 ? `The configuration is wrong: ${countText(errors, 'error')}.` : 'The configuration is fine.',
    '',
  ].join('\n');
}
