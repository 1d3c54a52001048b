// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { RunArgumentsError } from './errors.ts';
import { explainRunArguments } from './explain.ts';
import { parseRunArguments } from './parse.ts';

const refusalOf = (args: readonly string[]): RunArgumentsError => {
  try {
    parseRunArguments(args);
  } catch (error) {
    if (error instanceof RunArgumentsError) return error;
    throw error;
  }
  throw new Error(`${args.join(' ')} is taken`);
};

// What is taken is compared with Docker's own command in test/interop/run-arguments.test.ts.
describe('arguments that are taken', () => {
  it('run in a terminal with an open input, as ed-daemon starts all', () => {
    expect(parseRunArguments([]).container).toEqual({
      OpenStdin: true,
      Tty: true,
      HostConfig: { NetworkMode: 'default' },
    });
    expect(parseRunArguments(['-t=false']).container).toMatchObject({ OpenStdin: true, Tty: false });
  });

  it('or in none, where that is not wanted', () => {
    const { container } = parseRunArguments([], { hasTerminal: false });
    expect(container).toMatchObject({ OpenStdin: false, Tty: false });
    expect(parseRunArguments(['-it'], { hasTerminal: false }).container).toMatchObject({ Tty: true });
  });

  it('may hold a command behind the place of the image', () => {
    expect(parseRunArguments(['-p', '80:80', 'IMAGE', '-p', 'x']).container.Cmd).toEqual(['-p', 'x']);
    expect(parseRunArguments(['--', 'IMAGE', 'a']).container.Cmd).toEqual(['a']);
    expect(parseRunArguments(['IMAGE']).container).not.toHaveProperty('Cmd');
  });

  it('are kept with what becomes of them, without the values of variables', () => {
    const args = parseRunArguments(['-e', 'PASSWORD=secret', '--name', 'x', '-p80:80', '--rm']);
    expect(explainRunArguments(args)).toEqual([
      { flag: '--env', value: 'PASSWORD=…', field: 'Env', why: null },
      { flag: '--name', value: 'x', field: null, why: expect.stringContaining('name of the deployment') },
      { flag: '--publish', value: '80:80', field: 'HostConfig.PortBindings', why: null },
      { flag: '--rm', value: 'true', field: null, why: expect.stringContaining('kept for a rollback') },
    ]);
  });

  it('are names of their own, whatever they are called', () => {
    const args = [
      '--sysctl',
      'net.x=1',
      '-e',
      '__proto__=1',
      '-l',
      '__proto__=2',
      '--storage-opt',
      '__proto__=3',
    ];
    const { container } = parseRunArguments([...args, '--storage-opt', 'a=b']);
    expect(container.Env).toEqual(['__proto__=1']);
    expect(JSON.stringify(container.Labels)).toBe('{"__proto__":"2"}');
    expect(JSON.stringify(container.HostConfig.StorageOpt)).toBe('{"__proto__":"3","a":"b"}');
  });
});

describe('an unknown flag', () => {
  it.each([
    ['--publsh=80:80', '--publsh', 'docker run has no flag --publsh; did you mean --publish?'],
    ['--memry', '--memry', 'docker run has no flag --memry; did you mean --memory?'],
    ['--nonsense', '--nonsense', 'docker run has no flag --nonsense'],
    ['--detach-key=x', '--detach-key', 'docker run has no flag --detach-key; did you mean --detach-keys?'],
    ['---env', '---env', 'docker run has no flag ---env; did you mean --env?'],
    ['--=x', '--', 'docker run has no flag --'],
    ['-x', '-x', 'docker run has no flag -x'],
    ['-itx', '-x', 'docker run has no flag -x'],
    ['-é', '-é', 'docker run has no flag -é'],
    ['-name=x', '-n', 'docker run has no flag -n; did you mean --name?'],
    [`--${'x'.repeat(5000)}`, `--${'x'.repeat(64)}…`, `docker run has no flag --${'x'.repeat(64)}…`],
  ])('%.20s is named', (word, flag, message) => {
    const error = refusalOf([word]);
    expect(error).toMatchObject({ code: 'ARGUMENT_UNKNOWN', flag, message, details: { flag } });
  });
});

describe('a flag that a deployment cannot have', () => {
  it.each([
    [['-a', 'stdin'], '--attach', 'nobody is attached'],
    [['--cidfile=/tmp/x'], '--cidfile', 'nothing is written to the host'],
    [['--use-api-socket'], '--use-api-socket', 'docker-socket'],
    [['--platform', 'linux/arm64'], '--platform', 'checked while it is loaded'],
    [['--isolation', 'hyperv'], '--isolation', 'Windows'],
    [['--kernel-memory', '50m'], '--kernel-memory', 'no longer has this limit'],
    [['--help'], '--help', 'manual'],
  ])('%j is refused by name', (args, flag, why) => {
    expect(refusalOf(args)).toMatchObject({ code: 'ARGUMENT_REFUSED', flag });
    expect(refusalOf(args).message).toContain(why);
  });
});

describe('a value that is none', () => {
  it.each<[string[], string, string]>([
    [['-p'], '--publish', 'needs a value: [[IP:][HOST]:]PORT[/PROTOCOL]'],
    [['--memory'], '--memory', 'needs a value: SIZE'],
    [['-d=false'], '--detach', 'runs in the background'],
    [['--rm=perhaps'], '--rm', 'true or false'],
    [['--pull', 'always'], '--pull', 'nothing is pulled'],
    [['-t='], '--tty', ''],
    // Ports.
    [['-p', ''], '--publish', 'no port'],
    [['-p='], '--publish', ''],
    [['-p', '80:0'], '--publish', 'no port'],
    [['-p', '65536'], '--publish', 'no port'],
    [['-p', '080:80'], '--publish', 'no port'],
    [['-p', '80:80/icmp'], '--publish', 'tcp, udp or sctp'],
    [['-p', '80:80/tcp/udp'], '--publish', 'tcp, udp or sctp'],
    [['-p', '81-80:80'], '--publish', 'no port'],
    [['-p', '80-81:80-82'], '--publish', 'different lengths'],
    [['-p', '0:80-81'], '--publish', 'different lengths'],
    [['-p', 'localhost:80:80'], '--publish', 'IP address'],
    [['-p', '1.2.3:80:80'], '--publish', 'IP address'],
    [['-p', '[fe80::1%eth0]:80:80'], '--publish', 'IP address'],
    [['-p', '[::ffff:1.2.3.4]:80:80'], '--publish', 'IP address'],
    [['-p', '1-65535:1-65535'], '--publish', 'at most 1024'],
    [['-p', '1-1000', '-p', '1001-2000'], '--publish', 'at most 1024'],
    [['-p', 'target=80,x=y'], '--publish', 'unknown'],
    [['-p', 'target=80,mode=ingress'], '--publish', 'host'],
    [['-p', 'published=80'], '--publish', 'target is missing'],
    [['--expose', '80:80'], '--expose', 'no port'],
    [['--expose', '80/TCP'], '--expose', 'tcp, udp or sctp'],
    // Storage.
    [['-v', ''], '--volume', 'absolute'],
    [['-v', '.:/x'], '--volume', 'must be absolute'],
    [['-v', './x:/x'], '--volume', 'must be absolute'],
    [['-v', '../x:/x'], '--volume', 'must be absolute'],
    [['-v', '~/x:/x'], '--volume', 'must be absolute'],
    [['-v', 'a/b:/x'], '--volume', 'must be absolute'],
    [['-v', '..:/x'], '--volume', 'must be absolute'],
    [['-v', 'c:/x'], '--volume', 'no name of a volume'],
    [['-v', 'C:\\x:/x'], '--volume', 'no name of a volume'],
    [['-v', '/a:/b:/c'], '--volume', 'no mode'],
    [['-v', '/a:/b:ro:z'], '--volume', 'SOURCE:TARGET:MODE'],
    [['-v', '/a:/b:ro,rw'], '--volume', 'contradict'],
    [['-v', '/a:/b:'], '--volume', 'no mode'],
    [['-v', '/a:ro'], '--volume', 'must be absolute'],
    [['-v', '/a:/'], '--volume', 'root of the container'],
    [['-v', '/a:/..'], '--volume', 'root of the container'],
    [['-v', ':/b'], '--volume', 'no name'],
    [['-v', '/a:/b:nocopy'], '--volume', 'no mode of a folder'],
    [['-v', 'aa:/b:rshared'], '--volume', 'no mode of a volume'],
    [['--mount', ''], '--mount', 'empty'],
    [['--mount', 'type=bind,src=/a'], '--mount', 'target is missing'],
    [['--mount', 'type=bind,dst=/a'], '--mount', 'source is missing'],
    [['--mount', 'type=bind,src=a,dst=/a'], '--mount', 'must be absolute'],
    [['--mount', 'type=volume,src=/a,src=/b,dst=/a'], '--mount', 'twice'],
    [['--mount', 'src=/etc,dst=/a'], '--mount', 'no name of a volume'],
    [['--mount', 'type=volume,src=../etc,dst=/a'], '--mount', 'must be absolute'],
    [['--mount', 'src=aa,source=bb,dst=/a'], '--mount', 'twice'],
    [['--mount', 'type=volume,type=bind,dst=/a'], '--mount', 'twice'],
    [['--mount', 'type=npipe,src=/a,dst=/a'], '--mount', 'Windows'],
    [['--mount', 'type=cluster,src=aa,dst=/a'], '--mount', 'Swarm'],
    [['--mount', 'type=magic,dst=/a'], '--mount', 'unknown'],
    [['--mount', 'type=bind,src=/a,dst=/a,volume-nocopy'], '--mount', 'no option of a bind'],
    [['--mount', 'type=bind,src=/a,dst=/a,volume-opt=a=b'], '--mount', 'no option of a bind'],
    [['--mount', 'type=tmpfs,dst=/a,bind-propagation=shared'], '--mount', 'no option of a tmpfs'],
    [['--mount', 'type=tmpfs,src=/a,dst=/a'], '--mount', 'no source'],
    [['--mount', 'type=bind, src=/a,dst=/a'], '--mount', 'unknown'],
    [['--mount', 'type=bind,src= /a,dst=/a'], '--mount', 'blanks'],
    [['--mount', 'type=bind,src=/a,dst=/a\ntype=bind'], '--mount', 'several lines'],
    [['--mount', 'type=bind,src="/a",dst=/a'], '--mount', 'quote'],
    [['--mount', '"type=bind"x,src=/a,dst=/a'], '--mount', 'quote'],
    [['--mount', 'type=bind,src=/a,dst=/a,readonly=t'], '--mount', "'readonly' is"],
    [['--mount', 'type=tmpfs,dst=/a,tmpfs-mode=999'], '--mount', 'octal'],
    [['--mount', 'src=aa,dst=/a,volume-subpath=../x'], '--mount', 'subpath'],
    [['--mount', 'dst=/a,volume-subpath=x'], '--mount', 'subpath'],
    [['--mount', 'type=bind,src=/a,dst=/a,bind-recursive=readonly,readonly'], '--mount', 'rprivate'],
    [['--mount', 'type=bind,src=/a,dst=/a,bind-recursive=writable'], '--mount', 'needs readonly'],
    [['--tmpfs', 'x'], '--tmpfs', 'absolute'],
    [['--volumes-from', 'x:rshared'], '--volumes-from', 'CONTAINER'],
    [['--log-driver', 'none', '--log-opt', 'a=b'], '--log-opt', 'no options'],
    [['--storage-opt', 'size'], '--storage-opt', 'NAME=VALUE'],
    // What runs.
    [['-e', 'NAME'], '--env', "--env: NAME without = is one of docker's own environment"],
    [['-e', 'a secret'], '--env', '--env: a variable without ='],
    [['-e', '=x'], '--env', 'a name is missing'],
    [['-l', 'a b=c'], '--label', 'no blanks'],
    [['-l', '=c'], '--label', 'a name is missing'],
    [['-l', 'io.local-datastore.deployment=x'], '--label', "are the agent's"],
    [['--env-file', 'x.env'], '--env-file', 'must be absolute'],
    [['--workdir', 'x'], '--workdir', 'absolute'],
    [['--hostname', 'a b'], '--hostname', 'name of a host'],
    [['--stop-timeout', '-1'], '--stop-timeout', 'whole number'],
    [['--stop-signal', 'a b'], '--stop-signal', 'SIGTERM'],
    [['--restart', 'sometimes'], '--restart', 'unless-stopped'],
    [['--restart', 'always:3'], '--restart', 'only on-failure counts'],
    [['--restart', 'on-failure:x'], '--restart', 'whole number'],
    [['--rm', '--restart', 'always'], '--rm', 'contradicts'],
    [['--restart', ':3'], '--restart', 'only on-failure'],
    [['--health-interval', '5'], '--health-interval', '30s'],
    [['--health-interval', '-5s'], '--health-interval', '30s'],
    [['--health-interval', '1ns'], '--health-interval', 'a millisecond'],
    [['--health-interval', '999999999999h'], '--health-interval', 'too large'],
    [['--no-healthcheck', '--health-cmd', 'x'], '--no-healthcheck', 'contradicts'],
    // Limits.
    [['-m', '-1'], '--memory', '512m'],
    [['-m', '1e3'], '--memory', '512m'],
    [['-m', '0x10'], '--memory', '512m'],
    [['-m', '1gg'], '--memory', '512m'],
    [['-m', '999999999999999p'], '--memory', 'too large'],
    [['--cpus', '1/2'], '--cpus', 'decimals'],
    [['--cpus', '0.1234567891'], '--cpus', 'decimals'],
    [['--cpus', '-1'], '--cpus', 'decimals'],
    [['-c', '010'], '--cpu-shares', 'whole number'],
    [['-c', '0x10'], '--cpu-shares', 'whole number'],
    [['-c', '9007199254740993'], '--cpu-shares', 'whole number'],
    [['--memory-swappiness', '101'], '--memory-swappiness', 'whole number'],
    [['--blkio-weight', '5'], '--blkio-weight', '10 to 1000'],
    [['--blkio-weight-device', 'sda:100'], '--blkio-weight-device', '/dev/'],
    [['--device-read-bps', '/dev/sda'], '--device-read-bps', '/dev/'],
    [['--ulimit', 'nofile'], '--ulimit', 'whole number'],
    [['--ulimit', 'x=1'], '--ulimit', 'no limit'],
    [['--ulimit', 'nofile=2:1'], '--ulimit', 'above'],
    [['--ulimit', 'nofile=-1:5'], '--ulimit', 'above'],
    // Isolation.
    [['--pid', 'private'], '--pid', 'host, container:NAME'],
    [['--pid', 'container:'], '--pid', 'container:NAME'],
    [['--ipc', 'x'], '--ipc', 'shareable'],
    [['--uts', 'private'], '--uts', 'host is expected'],
    [['--cgroupns', 'container:x'], '--cgroupns', 'private is expected'],
    [['--device', 'x'], '--device', 'must be absolute'],
    [['--device', '/a:/b:x'], '--device', 'rwm'],
    [['--device', '/a:/b:rr'], '--device', 'rwm'],
    [['--device', '/a:/b:r:w'], '--device', 'HOST:CONTAINER'],
    [['--device-cgroup-rule', 'x 1:3 r'], '--device-cgroup-rule', 'c 1:3 rwm'],
    [['--gpus', 'some'], '--gpus', 'whole number'],
    [['--gpus', 'all,2'], '--gpus', 'twice'],
    [['--gpus', 'x=y'], '--gpus', 'unknown'],
    [['--cap-add', 'x y'], '--cap-add', 'no capability'],
    [['--security-opt', 'magic=1'], '--security-opt', 'unknown'],
    [['--security-opt', 'apparmor'], '--security-opt', 'needs a value'],
    [['--security-opt', 'seccomp=profile.json'], '--security-opt', 'must be absolute'],
    [['--security-opt', 'systempaths=all'], '--security-opt', 'unconfined'],
    [['--security-opt', 'no-new-privileges=maybe'], '--security-opt', 'true or false'],
    [['--sysctl', 'vm.swappiness=1'], '--sysctl', 'one container alone'],
    [['--sysctl', 'net.x'], '--sysctl', 'NAME=VALUE'],
    // Networks.
    [['--network', ''], '--network', 'no name'],
    [['--network', 'name=a,name=b'], '--network', 'twice'],
    [['--network', 'alias=a'], '--network', 'name is missing'],
    [['--network', 'name=A'], '--network', 'lower case'],
    [['--network', 'name=a,x=y'], '--network', 'unknown'],
    [['--network', 'container:a b'], '--network', 'container:NAME'],
    [['--network', 'a', '--network', 'a'], '--network', 'twice'],
    [['--network', 'a', '--network', 'host'], '--network', "one of the engine's"],
    [['--network', 'bridge', '--network', 'none'], '--network', 'beside bridge'],
    [['--network', 'name=a,ip=1.2.3.4', '--ip', '1.2.3.4'], '--ip', 'says it too'],
    [['--network', 'name=a,alias=b', '--network-alias', 'c'], '--network-alias', 'says it too'],
    [['--network-alias', 'c'], '--network-alias', 'no names'],
    [['--ip', '::1'], '--ip', 'IPv4'],
    [['--ip6', '1.2.3.4'], '--ip6', 'IPv6'],
    [['--mac-address', 'x'], '--mac-address', 'MAC address'],
    [['--link-local-ip', '1.2.3.4'], '--link-local-ip', 'link-local'],
    [['--link', 'a:b:c'], '--link', 'CONTAINER:ALIAS'],
    [['--add-host', 'a'], '--add-host', 'NAME:ADDRESS'],
    [['--add-host', 'a:b'], '--add-host', 'IP address'],
    [['--add-host', 'a=b:1.2.3.4'], '--add-host', 'IP address'],
    [['--dns', 'one.one'], '--dns', 'IP address'],
    [['--dns-search', 'a b'], '--dns-search', 'domain'],
  ])('%j', (args, flag, why) => {
    const error = refusalOf(args);
    expect({ flag: error.flag, args }).toEqual({ flag: flag === '--tty' ? '-=' : flag, args });
    expect(error.message).toContain(why);
  });

  it('is shown, unless it may be a secret, and not at length', () => {
    expect(refusalOf(['-m', 'x'.repeat(500)]).message).toContain(`--memory ${'x'.repeat(64)}…:`);
    for (const args of [
      ['-e', '=hidden'],
      ['--log-opt', '=hidden'],
      ['--mount', 'volume-opt=o=hidden'],
      ['--mount', '"VOLUME-OPT=o=a,password=hidden",dst=x'],
    ]) {
      expect(refusalOf(args).message).not.toContain('hidden');
    }
    const shown = explainRunArguments(
      parseRunArguments([
        '--log-opt',
        'splunk-token=hidden',
        '--mount',
        'dst=/x,"volume-opt=o=a,password=hidden"',
      ]),
    );
    expect(shown.map(({ value }) => value)).toEqual(['splunk-token=…', 'dst=/x,"volume-opt=…']);
  });
});

describe('words that are no flags', () => {
  it.each([
    [['nginx'], "'nginx' stands where docker run has the image"],
    [['-d', 'nginx:1', 'sh'], "'nginx:1' stands"],
    [['--', 'IMAG'], "'IMAG' stands"],
    [['PASSWORD=hidden'], "'PASSWORD=…' stands"],
    [['-'], "'-' stands"],
    [[''], "'' stands"],
  ])('%j name an image, which is that which was loaded', (args, why) => {
    expect(refusalOf(args)).toMatchObject({ code: 'ARGUMENT_INVALID', flag: null });
    expect(refusalOf(args).message).toContain(why);
    expect(refusalOf(args).message).toContain('write IMAGE there');
  });

  it('are not endless', () => {
    expect(refusalOf(Array.from({ length: 1025 }, () => '-t')).message).toContain('more than 1024 words');
    expect(refusalOf(['-e', `A=${'x'.repeat(200_000)}`]).message).toContain('longer than');
    expect(refusalOf(['-e', 'A=\0']).message).toContain('byte 0');
    expect(refusalOf(['-e', 'A=\udfff']).message).toContain('no character of Unicode');
  });
});
