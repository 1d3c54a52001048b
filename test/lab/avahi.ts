import { mkdtemp, writeFile } from 'node:fs/promises';
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

const READY_LIMIT_SECONDS = 15;

/**
 * Starts a real avahi-daemon, with a system bus of its own for avahi-browse and avahi-resolve, in a mount
 * namespace where `/run` and `/etc/avahi` are its own. Needs root. It ends with the lab.
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
  await writeFile(join(folder, 'bus.conf'), DBUS_CONFIGURATION);
  for (const [name, text] of Object.entries(options.services ?? {})) {
    await writeFile(join(folder, name), text);
  }
  const holder = namespace.start(
    [
      'unshare',
      '--mount',
      'sh',
      '-ec',
      `mount -t tmpfs tmpfs /run
       mkdir -p /run/dbus /run/avahi-daemon
       mount -t tmpfs tmpfs /etc/avahi
       mkdir /etc/avahi/services
       cp ${folder}/avahi-daemon.conf /etc/avahi/
       cp ${folder}/*.service /etc/avahi/services/ 2>/dev/null || true
       cp ${folder}/bus.conf /run/dbus/
       rm -r ${folder}
       setpriv --pdeathsig KILL dbus-daemon --config-file=/run/dbus/bus.conf --nofork --nopidfile &
       until [ -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
       exec setpriv --pdeathsig KILL avahi-daemon --no-drop-root --no-chroot --no-rlimits`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
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
      if (/Server startup complete/.test(log) && established >= Object.keys(options.services ?? {}).length) {
        clearTimeout(limit);
        resolve();
      }
    });
    holder.once('exit', () => reject(new Error(`avahi-daemon ended: ${log}`)));
  });
  return ['nsenter', `--target=${holder.pid}`, '--mount', '--net'];
}
