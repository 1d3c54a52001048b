// SPDX-License-Identifier: Apache-2.0
import {
  addOptions,
  type OptionDescription,
  wholeNumber,
} from '@local-datastore/shared/command-line/options';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command } from 'commander';
import * as z from 'zod';
import { jsonOption } from '../../config.ts';
import {
  type MadeCertificate,
  makeAuthority,
  makeBrowserFile,
  makeClientCertificate,
  makeServerCertificate,
  parseCertificateHost,
  parseClientName,
  revokeCertificates,
} from '../../launch/certificates/certificate-authority.ts';
import type { CommandContext } from '../command-context.ts';
import { authorityText, browserFileText, certificateText, revokedText } from './cert-text.ts';

interface FolderOptions {
  readonly out: string;
  readonly json?: true;
}
interface LeafOptions extends FolderOptions {
  readonly authority?: string;
  readonly days: number;
  readonly force?: true;
}

/** As long as browsers and other clients take a certificate at most. */
const DEFAULT_DAYS = 825;

const folder = () => z.string().min(1, { error: 'a directory expected' });
const outOption = (description: string): OptionDescription => ({
  flags: '--out <dir>',
  description,
  get schema() {
    return folder();
  },
  default: '.',
});
const forceOption: OptionDescription = {
  flags: '--force',
  description: 'replace what is there: whoever has the old key is no longer served by it',
  get schema() {
    return z.boolean();
  },
};
const leafOptions = (): OptionDescription[] => [
  outOption('where the files go'),
  {
    flags: '--authority <dir>',
    description: 'where ca.crt and ca.key stand (default: where the files go)',
    schema: folder(),
  },
  {
    flags: '--days <count>',
    description: 'how long it is good, at most as long as its authority',
    schema: wholeNumber(1, 7305),
    default: DEFAULT_DAYS,
  },
  forceOption,
  jsonOption,
];

/** `eve-agent cert`. */
export function certCommand({ stdout }: CommandContext): Command {
  const tell = (options: FolderOptions, facts: object, text: string) =>
    stdout.write(options.json === true ? jsonText(facts) : text);
  const tellMade = (options: FolderOptions, made: MadeCertificate, kind: 'server' | 'client') =>
    tell(options, made, certificateText(made, kind));
  const issueOptions = ({ authority, out, days, force }: LeafOptions) => ({
    ...{ authority: authority ?? out, out, days, isForced: force === true, nowMs: Date.now() },
  });

  function authority(): Command {
    const command = new Command('authority')
      .summary('make an authority: ca.crt, ca.key and an empty ca.crl')
      .description('Makes the authority whose certificates the API of deployments takes.');
    const options = [
      outOption('where its files go'),
      {
        flags: '--name <text>',
        description: 'what it is called (default: one that no other authority has)',
        schema: z.string().regex(/^[\x20-\x7e]{1,64}$/, { error: '1 to 64 characters of ASCII expected' }),
      },
      forceOption,
      jsonOption,
    ];
    return addOptions(command, options).action(async () => {
      const given = command.opts<FolderOptions & { readonly name?: string; readonly force?: true }>();
      const isForced = given.force === true;
      const made = await makeAuthority(given.out, {
        ...{ commonName: given.name, isForced, nowMs: Date.now() },
      });
      tell(given, made, authorityText(made));
    });
  }

  function server(): Command {
    const command = new Command('server')
      .summary('make the certificate of a server: server.crt and server.key')
      .description('Makes the certificate that the API of deployments shows its clients.');
    const hosts: OptionDescription = {
      flags: '--host <host>',
      description: 'a name or address that clients reach it by; may be given several times',
      schema: z.string().transform(parseCertificateHost),
      isList: true,
    };
    addOptions(command, [hosts, ...leafOptions()]);
    for (const option of command.options) if (option.long === '--host') option.makeOptionMandatory();
    return command.action(async () => {
      const given = command.opts<LeafOptions & { readonly host: readonly string[] }>();
      tellMade(given, await makeServerCertificate(given.host, issueOptions(given)), 'server');
    });
  }

  function client(): Command {
    const command = new Command('client')
      .summary('make the certificate of a client: NAME.crt and NAME.key')
      .description('Makes the certificate that an operator, or a program, shows the API of deployments.');
    const name: OptionDescription = {
      flags: '--name <name>',
      description: 'who it is, as "clients" of the configuration names it: CN=NAME',
      schema: z.string().transform(parseClientName),
    };
    const pkcs12: OptionDescription = {
      flags: '--pkcs12',
      description: 'also NAME.p12, both in one file as browsers take them, and the password that opens it',
      get schema() {
        return z.boolean();
      },
    };
    addOptions(command, [name, pkcs12, ...leafOptions()]);
    for (const option of command.options) if (option.long === '--name') option.makeOptionMandatory();
    return command.action(async () => {
      const given = command.opts<LeafOptions & { readonly name: string; readonly pkcs12?: true }>();
      const made = await makeClientCertificate(given.name, issueOptions(given));
      if (given.pkcs12 !== true) return void tellMade(given, made, 'client');
      const pkcs12 = await makeBrowserFile(made);
      tell(given, { ...made, pkcs12 }, certificateText(made, 'client') + browserFileText(pkcs12));
    });
  }

  function revoke(): Command {
    const command = new Command('revoke')
      .summary('take certificates back: they are added to ca.crl')
      .description(
        'Adds certificates to the list of revoked ones. An agent whose "clientCrl" is that file reads it again by ' +
          'itself, and cuts off whoever it names.',
      )
      .argument(
        '<certificate...>',
        'a name (all that was issued for it), the file of a certificate, or a serial in hexadecimal',
      );
    const options = [outOption('where the authority stands'), jsonOption];
    return addOptions(command, options).action(async (texts: readonly string[]) => {
      const given = command.opts<FolderOptions>();
      const done = await revokeCertificates(given.out, texts, Date.now());
      tell(given, done, revokedText(done));
    });
  }

  const command = new Command('cert')
    .summary('make an authority and certificates for deployments; no openssl is needed')
    .description(
      'Makes and takes back the certificates by which operators and the API of deployments know each other.',
    );
  for (const nested of [authority(), server(), client(), revoke()]) command.addCommand(nested);
  return command;
}
