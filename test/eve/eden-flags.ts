// SPDX-License-Identifier: Apache-2.0
/** The commands of eden that our script runs, with their flags, from its source (lf-edge/eden, cmd/, July 2026). */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  'registry load': [],
  'network create': [
    '--type',
    '--name',
    '-n',
    '--uplink',
    '-u',
    '--static-dns-entries',
    '-s',
    '--enable-flowlog',
  ],
  'network delete': [],
  'pod deploy': [
    ...[
      '--memory',
      '--disk-size',
      '--volume-type',
      '--publish',
      '-p',
      '--metadata',
      '--name',
      '-n',
      '--cpus',
    ],
    ...[
      '--adapters',
      '--networks',
      '--format',
      '--only-host',
      '--no-hyper',
      '--registry',
      '--direct',
      '--sftp',
    ],
    ...['--disks', '--mount', '--volume-size', '--profile', '--acl', '--vlan', '--datastoreOverride'],
    ...['--vnc-display', '--vnc-password', '--vnc-for-shim-vm', '--openstack-metadata', '--use-encrypt-cert'],
    ...['--start-delay', '--pin-cpus'],
  ],
  'pod ps': ['--format'],
  'pod logs': ['--tail', '--fields', '--format'],
  'pod purge': ['--volumes'],
  'pod delete': ['--with-volumes'],
  'volume ls': ['--format'],
  'volume create': [
    ...['--registry', '--disk-size', '--name', '-n', '--format', '--sftp', '--direct', '--datastoreOverride'],
  ],
  'volume delete': [],
};

/** How many arguments that are no flags a command takes, where that is not one. */
const ARGUMENTS: Readonly<Record<string, number>> = { 'pod ps': 0, 'volume ls': 0 };

/** Flags that stand with their value as two arguments in our script. */
const SHORT = /^-[a-z]$/;

/** What of a command line eden would not take; undefined when it would take all. */
export function whyEdenRefuses(args: readonly string[]): string | undefined {
  const command = args.slice(0, 2).join(' ');
  const known = FLAGS[command];
  if (known === undefined) return `no command "${command}"`;
  let count = 0;
  for (let index = 2; index < args.length; index += 1) {
    const arg = args[index] ?? '';
    if (!arg.startsWith('-')) {
      count += 1;
      continue;
    }
    const flag = arg.split('=', 1)[0] ?? '';
    if (!known.includes(flag)) return `${command} has no flag ${flag}`;
    if (SHORT.test(arg)) index += 1;
    else if (!arg.includes('=')) return `${flag} has no value`;
  }
  const expected = ARGUMENTS[command] ?? 1;
  return count === expected ? undefined : `${command} takes ${expected} argument(s), not ${count}`;
}
