// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Namespace } from './namespace.ts';

export interface AvahiOptions {
  readonly hostName: string;
  readonly publishWorkstation: boolean;
  /** Service files, by file name: what stands in `/etc/avahi/services`. */
  readonly services?: Readonly<Record<string, string>>;
}

/** A service file as Avahi's documentation shows it. */
export function avahiServiceFile(type: string, port: number): string {
  return `<?xml version="1.0" standalone='no'?>
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group>
  <name replace-wildcards="yes">%h</name>
  <service><type>${type}</type><port>${port}</port></service>
</service-group>
`;
}

const DBUS_CONFIGURATION = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow user="*"/><allow own="*"/><allow eavesdrop="true"/>
    <allow send_destination="*" eavesdrop="true"/></policy>
</busconfig>
`;

const READY_LIMIT_SECONDS = 600;

/**
 * Starts a real avahi-daemon with a name and services of the test's own. Needs root. It ends with the lab.
 *
 * @returns a prefix for commands that are to talk to this daemon
 */
export async function startAvahi(namespace: Namespace, options: AvahiOptions): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'avahi-'));
  const configuration = `[server]
host-name=${options.hostName}
use-ipv4=yes
use-ipv6=no
[publish]
publish-workstation=${options.publishWorkstation ? 'yes' : 'no'}
publish-hinfo=no
[rlimits]
`;
  await writeFile(join(folder, 'avahi-daemon.conf'), configuration);
  await mkdir(join(folder, 'services'));
  for (const [name, text] of Object.entries(options.services ?? {})) {
    await writeFile(join(folder, 'services', name), text);
  }
  const withAvahi = await startAvahiFrom(namespace, folder);
  await rm(folder, { recursive: true });
  return withAvahi;
}

/**
 * Starts a real avahi-daemon with the files of a folder, as they stand in `/etc/avahi`, and with a system bus
 * of its own for avahi-browse and avahi-resolve, in a mount namespace where `/run` and `/etc/avahi` are its
 * own. Needs root. It ends with the lab.
 *
 * @returns a prefix for commands that are to talk to this daemon
 */
export async function startAvahiFrom(namespace: Namespace, folder: string): Promise<readonly string[]> {
  const serviceFiles = (await readdir(join(folder, 'services'))).filter((name) => name.endsWith('.service'));
  const holder = namespace.start(
    [
      'unshare',
      '--mount',
      'sh',
      '-ec',
      `mount -t tmpfs tmpfs /run
       mkdir -p /run/dbus /run/avahi-daemon
       mount -t tmpfs tmpfs /etc/avahi
       cp -r ${folder}/avahi-daemon.conf ${folder}/services /etc/avahi/
       printf %s "$BUS" >/run/dbus/bus.conf
       setpriv --pdeathsig KILL dbus-daemon --config-file=/run/dbus/bus.conf --nofork --nopidfile &
       until [ -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
       exec setpriv --pdeathsig KILL avahi-daemon --no-drop-root --no-chroot --no-rlimits`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, BUS: DBUS_CONFIGURATION } },
  );
  let log = '';
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(
      () => reject(new Error(`avahi-daemon is not up after ${READY_LIMIT_SECONDS} s: ${log}`)),
      READY_LIMIT_SECONDS * 1000,
    );
    holder.stderr?.on('data', (bytes) => {
      log += bytes;
      const established = log.match(/successfully established/g)?.length ?? 0;
      if (/Server startup complete/.test(log) && established >= serviceFiles.length) {
        clearTimeout(limit);
        resolve();
      }
    });
    holder.once('exit', () => reject(new Error(`avahi-daemon ended: ${log}`)));
  });
  return ['nsenter', `--target=${holder.pid}`, '--mount', '--net'];
}
