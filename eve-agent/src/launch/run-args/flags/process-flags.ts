// SPDX-License-Identifier: Apache-2.0
import { ValueError } from '../errors.ts';
import { parseLabel } from '../grammar/key-values.ts';
import { parseDuration, parseSwitch, parseWhole } from '../grammar/numbers.ts';
import { parseRestart } from '../grammar/policies.ts';
import { containerText, hostList, ours, type RunFlag, refused, used, usedSwitch } from './flag.ts';

/** Labels by which the agent knows its own containers. */
export const OWN_LABELS = 'io.local-datastore.';
const MAX_STOP_SECONDS = 86_400;
const MAX_RETRIES = 1_000_000;

/** @throws ValueError */
export function requireForeignLabel(name: string): void {
  if (name.trim().startsWith(OWN_LABELS))
    throw new ValueError(`labels that begin with ${OWN_LABELS} are the agent's`);
}

function requireWorkingFolder(text: string): string {
  if (text !== '' && !text.startsWith('/')) throw new ValueError('an absolute path is expected');
  return text;
}

function requireSignal(text: string): string {
  if (!/^(?:(?:SIG)?[A-Z][A-Z0-9]*(?:[+-]\d{1,2})?|[1-9]\d?)?$/i.test(text)) {
    throw new ValueError('a signal is expected, such as SIGTERM');
  }
  return text;
}

function requireAbsoluteFile(text: string): string {
  if (!text.startsWith('/')) throw new ValueError('the path of the file must be absolute');
  return text;
}

const healthTime =
  (field: 'Interval' | 'Timeout' | 'StartPeriod' | 'StartInterval'): Parameters<typeof used>[3] =>
  ({ health }, value) => {
    health[field] = parseDuration(value);
  };

/** The name of a variable; whatever else stands in its place may be a secret. */
const variableText = (text: string) => (/^[A-Za-z_]\w{0,63}$/.test(text) ? text : 'a variable');

const ATTACHED = 'a deployment runs in the background, and nobody is attached';

/** What runs, as whom, and how it is judged. */
export const PROCESS_FLAGS: readonly RunFlag[] = [
  refused('attach', 'STREAM', ATTACHED, { short: 'a' }),
  refused('cidfile', 'FILE', 'nothing is written to the host; `deploy inspect` shows the id'),
  ours('detach', '', 'a deployment always runs in the background', {
    short: 'd',
    isSwitch: true,
    check: (value) => {
      if (!parseSwitch(value)) throw new ValueError(ATTACHED);
    },
  }),
  ours('detach-keys', 'KEYS', 'nobody is attached'),
  ours('disable-content-trust', '', 'docker no longer has content trust', { isSwitch: true }),
  used('entrypoint', 'PROGRAM', 'Entrypoint', ({ container }, value) => {
    container.Entrypoint = [value];
  }),
  used(
    'env',
    'NAME=VALUE',
    'Env',
    ({ env }, value) => {
      const at = value.indexOf('=');
      if (at === 0) throw new ValueError('a name is missing before the =');
      if (at === -1) {
        throw new ValueError(
          `${variableText(value)} without = is one of docker's own environment, which is not here`,
        );
      }
      env.set(value.slice(0, at), value.slice(at + 1));
    },
    { short: 'e', isSecret: true },
  ),
  used('env-file', 'FILE', 'Env', ({ files }, value) => {
    files.push({ kind: 'env', flag: '--env-file', path: requireAbsoluteFile(value) });
  }),
  used('group-add', 'GROUP', 'HostConfig.GroupAdd', hostList('GroupAdd')),
  used('health-cmd', 'COMMAND', 'Healthcheck.Test', ({ health }, value) => {
    health.Test = value === '' ? [] : ['CMD-SHELL', value];
  }),
  used('health-interval', 'TIME', 'Healthcheck.Interval', healthTime('Interval')),
  used('health-retries', 'NUMBER', 'Healthcheck.Retries', ({ health }, value) => {
    health.Retries = parseWhole(value, 0, MAX_RETRIES);
  }),
  used('health-start-interval', 'TIME', 'Healthcheck.StartInterval', healthTime('StartInterval')),
  used('health-start-period', 'TIME', 'Healthcheck.StartPeriod', healthTime('StartPeriod')),
  used('health-timeout', 'TIME', 'Healthcheck.Timeout', healthTime('Timeout')),
  refused('help', '', 'there is nothing to print it to; the manual has all flags', { isSwitch: true }),
  usedSwitch('init', 'HostConfig.Init', ({ host }, isOn) => {
    host.Init = isOn;
  }),
  usedSwitch(
    'interactive',
    'OpenStdin',
    ({ container }, isOn) => {
      container.OpenStdin = isOn;
    },
    { short: 'i' },
  ),
  used(
    'label',
    'NAME[=VALUE]',
    'Labels',
    ({ labels }, value) => {
      const [name, content] = parseLabel(value);
      requireForeignLabel(name);
      labels.set(name, content);
    },
    { short: 'l' },
  ),
  used('label-file', 'FILE', 'Labels', ({ files }, value) => {
    files.push({ kind: 'label', flag: '--label-file', path: requireAbsoluteFile(value) });
  }),
  ours(
    'name',
    'NAME',
    'the container has the name of the deployment, behind the prefix of the configuration',
  ),
  usedSwitch('no-healthcheck', 'Healthcheck.Test', (draft, isOn) => {
    draft.hasNoHealthcheck = isOn;
  }),
  refused(
    'platform',
    'PLATFORM',
    'an image must be made for this device, which is checked while it is loaded',
  ),
  ours('pull', 'missing or never', 'the image is the one that is loaded', {
    check: (value) => {
      if (!['', 'missing', 'never'].includes(value)) {
        throw new ValueError('nothing is pulled here; `deploy pull` is the operation that does');
      }
    },
  }),
  ours('quiet', '', 'there is no output of a pull', { short: 'q', isSwitch: true }),
  used('restart', 'POLICY', 'HostConfig.RestartPolicy', ({ host }, value) => {
    host.RestartPolicy = parseRestart(value);
  }),
  ours('sig-proxy', '', 'nobody is attached', { isSwitch: true }),
  used('stop-signal', 'SIGNAL', 'StopSignal', containerText('StopSignal', requireSignal)),
  used('stop-timeout', 'SECONDS', 'StopTimeout', ({ container }, value) => {
    container.StopTimeout = parseWhole(value, 0, MAX_STOP_SECONDS);
  }),
  usedSwitch(
    'tty',
    'Tty',
    ({ container }, isOn) => {
      container.Tty = isOn;
    },
    { short: 't' },
  ),
  used('user', 'USER[:GROUP]', 'User', containerText('User'), { short: 'u' }),
  used('workdir', 'PATH', 'WorkingDir', containerText('WorkingDir', requireWorkingFolder), { short: 'w' }),
];
