// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type HostPaths, hostPathsOf, lookUpHostPaths } from './host-paths.ts';
import { parseRunArguments } from './parse.ts';
import { findMissingPermissions, PERMISSION_NAMES, type Permissions } from './permissions.ts';

/** A host whose links lead where the map says; all else is there as it is written, but what is below `/new`. */
const LINKS: Readonly<Record<string, string>> = {
  '/var/run': '/run',
  '/srv/apps/escape': '/etc',
  '/srv/apps/root': '/',
  '/srv/apps/socket': '/run/docker.sock',
  '/data': '/srv/apps',
};

async function realpath(path: string): Promise<string> {
  const link = Object.keys(LINKS).find((from) => path === from || path.startsWith(`${from}/`));
  if (link !== undefined) return realpath((LINKS[link] ?? '') + path.slice(link.length) || '/');
  if (path.startsWith('/new')) throw Object.assign(new Error(`nothing is at ${path}`), { code: 'ENOENT' });
  return path;
}

const ALLOWED = ['/srv/apps', '/var/lib/app/'];

const lookUp = (args: readonly string[], allowedHostPaths = ALLOWED): Promise<HostPaths> =>
  lookUpHostPaths(parseRunArguments(args), { realpath, allowedHostPaths, engineSocket: '/opt/engine.sock' });

/** As `PERMISSION FLAG VALUE`. */
async function missing(args: readonly string[], granted: Partial<Permissions> = {}): Promise<string[]> {
  const permissions = { allow: new Set<string>(), allowedHostPaths: ALLOWED, ...granted };
  const hostPaths = await lookUp(args, [...permissions.allowedHostPaths]);
  return findMissingPermissions(parseRunArguments(args), permissions, hostPaths).map(
    ({ permission, flag, value }) => `${permission} ${flag} ${value}`,
  );
}

/** What needs each permission, and how it is named. */
const NEEDS: readonly (readonly [readonly string[], readonly string[]])[] = [
  [['--privileged'], ['privileged --privileged true']],
  [
    ['--cap-add=sys_admin', '--cap-add', 'NET_RAW'],
    ['cap-add --cap-add CAP_NET_RAW', 'cap-add --cap-add CAP_SYS_ADMIN'],
  ],
  [['--device', '/dev/mem:/dev/x:r'], ['device --device /dev/mem']],
  [['--device', 'vendor.com/gpu=0'], ['device --device vendor.com/gpu=0']],
  [['--device-cgroup-rule', 'b *:* rwm'], ['device-cgroup-rule --device-cgroup-rule b *:* rwm']],
  [['--gpus', 'all'], ['gpus --gpus all']],
  [['--gpus', '"device=0,1"'], ['gpus --gpus 0,1']],
  [['--pid=host'], ['pid --pid host']],
  [['--pid=container:x'], ['pid --pid container:x']],
  [['--ipc=host'], ['ipc --ipc host']],
  [['--ipc=container:x'], ['ipc --ipc container:x']],
  [['--ipc=shareable'], ['ipc --ipc shareable']],
  [['--uts=host'], ['uts --uts host']],
  [['--userns=host'], ['userns --userns host']],
  [['--cgroupns=host'], ['cgroupns --cgroupns host']],
  [['--network=host'], ['network --network host']],
  [['--net', 'container:x'], ['network --network container:x']],
  [['--network', 'name=host'], ['network --network host']],
  [['--network', 'name=container:x'], ['network --network container:x']],
  [['--security-opt', 'seccomp=unconfined'], ['security-opt --security-opt seccomp=unconfined']],
  [['--security-opt', 'apparmor:unconfined'], ['security-opt --security-opt apparmor:unconfined']],
  [['--security-opt', 'label=disable'], ['security-opt --security-opt label=disable']],
  [['--security-opt', 'no-new-privileges=false'], ['security-opt --security-opt no-new-privileges=false']],
  [['--security-opt', 'systempaths=unconfined'], ['security-opt --security-opt systempaths=unconfined']],
  [
    ['--security-opt', 'seccomp=/srv/apps/profile.json'],
    ['security-opt --security-opt seccomp=/srv/apps/profile.json'],
  ],
  [['--volumes-from', 'x:ro'], ['volumes-from --volumes-from x:ro']],
  [['--cgroup-parent', '/'], ['cgroup-parent --cgroup-parent /']],
  [['--runtime', 'runc'], ['runtime --runtime runc']],
  [['--annotation', 'run.oci.handler=x'], ['annotation --annotation run.oci.handler']],
  [['--link', 'db:d'], ['link --link db:d']],
  [['--network', 'mine', '--link', 'db:d'], ['link --link db:d']],
  [['--volume-driver', 'nfs', '-v', 'aa:/x'], ['volume-driver --volume-driver nfs']],
  [
    [
      '--mount',
      'type=volume,target=/x,volume-driver=local,volume-opt=type=none,volume-opt=device=/,volume-opt=o=bind',
    ],
    [
      'volume-driver --mount target=/x,volume-opt=type=none',
      'volume-driver --mount target=/x,volume-opt=device=/',
      'volume-driver --mount target=/x,volume-opt=o',
    ],
  ],
  [['--mount', 'target=/x,volume-opt=device=/'], ['volume-driver --mount target=/x,volume-opt=device=/']],
  [['--mount', 'target=/x,volume-driver=nfs'], ['volume-driver --mount target=/x,volume-driver=nfs']],
  [['--log-driver', 'syslog'], ['log-driver --log-driver syslog']],
  [['--log-opt', 'syslog-address=unix:///run/x'], ['log-driver --log-opt syslog-address']],
  [['--env-file', '/etc/shadow'], ['host-path --env-file /etc/shadow']],
  [['--label-file', '/srv/apps/../secret'], ['host-path --label-file /srv/apps/../secret']],
  // Paths of the host.
  [['-v', '/etc:/x:ro'], ['host-path --volume /etc:/x:ro']],
  [['-v', '/srv/apps/../../etc:/x'], ['host-path --volume /srv/apps/../../etc:/x']],
  [['-v', '//srv/./apps/../x:/x'], ['host-path --volume //srv/./apps/../x:/x']],
  [['-v', '/srv/apps/escape/shadow:/x'], ['host-path --volume /srv/apps/escape/shadow:/x']],
  [['-v', '/srv/apps/escape/new/deep:/x'], ['host-path --volume /srv/apps/escape/new/deep:/x']],
  [['-v', '/new/one:/x'], ['host-path --volume /new/one:/x']],
  [['-v', '/srv/apps2:/x'], ['host-path --volume /srv/apps2:/x']],
  [['-v', '/srv:/x'], ['host-path --volume /srv:/x']],
  [['--mount', 'type=bind,src=/etc,dst=/x'], ['host-path --mount source=/etc,target=/x']],
  // The socket, and folders that hold it.
  ...['/var/run/docker.sock', '/run/docker.sock', '/run', '/var/run', '/', '/opt', '/opt/engine.sock'].map(
    (path) =>
      [
        ['-v', `${path}:/x`],
        [`host-path --volume ${path}:/x`, `docker-socket --volume ${path}:/x`],
      ] as const,
  ),
  [
    ['-v', '/run/containerd:/x:ro'],
    ['host-path --volume /run/containerd:/x:ro', 'docker-socket --volume /run/containerd:/x:ro'],
  ],
  [
    ['-v', '/srv/apps/socket:/x'],
    ['host-path --volume /srv/apps/socket:/x', 'docker-socket --volume /srv/apps/socket:/x'],
  ],
  [
    ['--mount', 'type=bind,src=/srv/apps/root,dst=/x,readonly'],
    [
      'host-path --mount source=/srv/apps/root,target=/x',
      'docker-socket --mount source=/srv/apps/root,target=/x',
    ],
  ],
];

describe('what reaches the host, or another container', () => {
  it.each(NEEDS)('%j needs a permission', async (args, needs) => {
    expect((await missing(args)).sort()).toEqual([...needs].sort());
  });

  it.each(NEEDS)('%j is granted by the names that it needs', async (args, needs) => {
    const allow = new Set(needs.map((need) => need.split(' ')[0] ?? ''));
    expect(await missing(args, { allow })).toEqual([]);
    const others = new Set<string>(PERMISSION_NAMES.filter((name) => !allow.has(name)));
    expect((await missing(args, { allow: others })).sort()).toEqual([...needs].sort());
  });

  it('has no other names', () => {
    const needed = new Set(NEEDS.flatMap(([, needs]) => needs.map((need) => need.split(' ')[0])));
    expect([...needed].sort()).toEqual([...PERMISSION_NAMES].sort());
  });

  it('is all named at once, each once', async () => {
    const args = ['--privileged', '-v', '/etc:/x', '--mount', 'type=bind,src=/etc,dst=/y', '--privileged'];
    expect(await missing(args)).toEqual([
      'privileged --privileged true',
      'host-path --volume /etc:/x',
      'host-path --mount source=/etc,target=/y',
    ]);
  });

  it('includes the socket where everything of the host is allowed', async () => {
    expect(await missing(['-v', '/:/host'], { allowedHostPaths: ['/'] })).toEqual([
      'docker-socket --volume /:/host',
    ]);
    expect(await missing(['-v', '/etc:/x'], { allowedHostPaths: ['/'] })).toEqual([]);
    expect(await missing(['-v', '/:/host'], { allow: new Set(['host-path']) })).toEqual([
      'docker-socket --volume /:/host',
    ]);
  });

  it('includes what nobody looked up', () => {
    const args = parseRunArguments(['-v', '/srv/apps/x:/x']);
    const nothing = { real: new Map(), engineSockets: ['/run/docker.sock'] };
    expect(findMissingPermissions(args, { allow: new Set(), allowedHostPaths: ALLOWED }, nothing)).toEqual([
      { permission: 'host-path', flag: '--volume', value: '/srv/apps/x:/x' },
      { permission: 'docker-socket', flag: '--volume', value: '/srv/apps/x:/x' },
    ]);
  });
});

describe('what needs no permission', () => {
  it.each<string[]>([
    [],
    ['-p', '80:80', '-P', '--restart', 'always', '-e', 'A=b', '--init', '-it', '--rm=0', '--name', 'x'],
    [
      '-v',
      '/srv/apps:/x',
      '-v',
      '/srv/apps/deep/er/:/y:ro',
      '-v',
      '/var/lib/app:/z',
      '-v',
      'named:/n',
      '-v',
      '/a',
    ],
    ['-v', '/data/one:/x', '-v', '/srv/apps/new/folder:/y', '-v', '/etc/../srv/apps:/z'],
    ['--mount', 'type=bind,src=/srv/apps,dst=/x', '--mount', 'src=named,dst=/y,volume-driver=local'],
    ['--mount', 'type=tmpfs,dst=/x', '--tmpfs', '/y', '--mount', 'dst=/z,volume-label=a=b'],
    ['--network', 'mine', '--network', 'name=other,alias=x'],
    ['--network=none', '--pid=', '--ipc=private', '--cgroupns=private', '--uts=', '--userns='],
    ['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--read-only', '--privileged=false'],
    ['--log-driver', 'json-file', '--log-opt', 'max-size=1m', '--volume-driver', 'local'],
    ['--env-file', '/srv/apps/x.env', '--label-file', '/data/labels'],
    [
      '--sysctl',
      'net.core.somaxconn=1',
      '--ulimit',
      'nofile=1',
      '-m',
      '1g',
      '--cpus',
      '1',
      '--oom-kill-disable',
    ],
    ['--device-read-bps', '/dev/sda:1m', '--blkio-weight', '10', '--group-add', 'x', '--user', '0'],
  ])('%j', async (...args) => {
    expect(await missing(args)).toEqual([]);
  });
});

describe('the host paths of arguments', () => {
  it('are those that are mounted and those that are read', () => {
    const args = [
      ...['-v', '/a:/x', '-v', 'named:/y', '-v', '/z', '--mount', 'type=bind,src=/b,dst=/b', '-v', '/a:/w'],
      ...['--env-file', '/c', '--label-file=/d', '--security-opt', 'seccomp=/e', '--mount', 'src=vv,dst=/v'],
    ];
    expect(hostPathsOf(parseRunArguments(args))).toEqual(['/a', '/b', '/c', '/d', '/e']);
  });

  it('are followed to where they lead, as far as they are there', async () => {
    const { real, engineSockets } = await lookUp([
      '-v',
      '/data/../data/x/:/a',
      '-v',
      '/new/a/b:/b',
      '-v',
      '/var/run:/c',
    ]);
    expect(real.get('/data/../data/x/')).toBe('/srv/apps/x');
    expect(real.get('/new/a/b')).toBe('/new/a/b');
    expect(real.get('/var/run')).toBe('/run');
    expect(engineSockets).toEqual(expect.arrayContaining(['/run/docker.sock', '/opt/engine.sock']));
  });

  it('that lead nowhere are named', async () => {
    const circle = async () => {
      throw Object.assign(new Error('too many links'), { code: 'ELOOP' });
    };
    await expect(
      lookUpHostPaths(parseRunArguments(['-v', '/srv/x:/x']), {
        realpath: circle,
        allowedHostPaths: [],
        engineSocket: null,
      }),
    ).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringContaining('/srv/x on the host leads nowhere'),
    });
  });
});
