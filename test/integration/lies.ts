// SPDX-License-Identifier: Apache-2.0
/** What a process that speaks the store's protocol properly may claim, ask for and reach for: each is refused. */

export interface Lie {
  readonly name: string;
  readonly op: 'ask' | 'write' | 'read' | 'delete' | 'watch';
  /** Of the key; for an ask it has a number of its own. */
  readonly path?: string;
  /** JSON, or a text as it is. */
  readonly value?: unknown;
  /** As the audit log has it. */
  readonly verdict: 'DENIED' | 'MALFORMED' | 'NOT_FOUND' | 'TOO_LARGE' | 'QUOTA';
}

/** Stands for the job that the liar was given. */
export const JOB = 'JOB';
/** Its asks are numbered by their place in the table, from this on. */
export const FIRST_ASK = 1000;
/** What it says when all lies are told, and when all floods are over. */
export const LIES_ARE_TOLD = 'all lies are told';
export const FLOODS_ARE_OVER = 'all floods are over';
/** The bridge of the lab, and the datastore on it. */
export const BRIDGE = '10.1.0.1';
export const NEIGHBOUR = '10.1.0.5';

const flow = (name: string, place: object, verdict: Lie['verdict'] = 'DENIED'): Lie => ({
  name: `a connection ${name}`,
  op: 'ask',
  value: {
    kind: 'flow',
    host: NEIGHBOUR,
    port: 80,
    localAddress: null,
    refusesInternal: false,
    isReturnable: true,
    ...place,
  },
  verdict,
});
const operate = (name: string, operation: object, verdict: Lie['verdict'], sentBytes: unknown = 0): Lie => ({
  name,
  op: 'ask',
  value: { kind: 'operate', job: JOB, sentBytes, operation },
  verdict,
});
const BEGINNING = {
  ...{ do: 'begin', neededBytes: 1, totalBytes: 1 },
  validators: { etag: null, lastModified: null },
};
const deep = '['.repeat(1500) + ']'.repeat(1500);

/** Told before the liar has a target. */
export const LIES: readonly Lie[] = [
  ...['127.0.0.1', '127.1', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1', 'localhost', 'a.localhost'].map(
    (host) => flow(`to this host by ${host}`, { host }),
  ),
  ...['169.254.169.254', 'fd00:ec2::254', '100.100.100.200', 'metadata.google.internal'].map((host) =>
    flow(`to a metadata service by ${host}`, { host }),
  ),
  ...['224.0.0.251', '255.255.255.255', 'fe80::1'].map((host) =>
    flow(`to the whole link by ${host}`, { host }),
  ),
  flow('from a bridge to another network', { host: '192.0.2.1', localAddress: BRIDGE }),
  flow('from a bridge to loopback', { host: '127.0.0.1', localAddress: BRIDGE }),
  flow('from a bridge to a name', { host: 'ds.local', localAddress: BRIDGE }),
  flow('from an address that no bridge has', { localAddress: '10.1.0.77' }),
  flow('from any address', { localAddress: '0.0.0.0' }),
  flow('from no address at all', { localAddress: 'x'.repeat(65) }, 'MALFORMED'),
  ...[0, -1, 65_536, 80.5, '80', null, 1e308].map((port) => flow(`to port ${port}`, { port }, 'MALFORMED')),
  flow('to a name without letters', { host: '' }, 'MALFORMED'),
  flow('to a name of 300 letters', { host: 'x'.repeat(300) }, 'MALFORMED'),
  flow('with more to say', { as: 'root' }, 'MALFORMED'),
  flow('to several hosts', { host: [NEIGHBOUR] }, 'MALFORMED'),
  ...(['asking-socket', 'join'] as const).flatMap((kind): Lie[] => {
    const more = kind === 'join' ? {} : { isOwnPort: true };
    return [
      {
        name: `${kind} at no bridge`,
        op: 'ask',
        value: { kind, address: '10.9.0.1', ...more },
        verdict: 'DENIED',
      },
      {
        name: `${kind} at loopback`,
        op: 'ask',
        value: { kind, address: '127.0.0.1', ...more },
        verdict: 'DENIED',
      },
      { name: `${kind} at all`, op: 'ask', value: { kind, address: '0.0.0.0', ...more }, verdict: 'DENIED' },
      {
        name: `${kind} at no address`,
        op: 'ask',
        value: { kind, address: 'x', ...more },
        verdict: 'MALFORMED',
      },
    ];
  }),
  {
    name: 'a target of nobody',
    op: 'ask',
    value: { kind: 'target', job: 'a'.repeat(32) },
    verdict: 'NOT_FOUND',
  },
  {
    name: 'a target by a path',
    op: 'ask',
    value: { kind: 'target', job: '../../etc' },
    verdict: 'MALFORMED',
  },
  { name: 'a target of all', op: 'ask', value: { kind: 'target', job: '*' }, verdict: 'MALFORMED' },
  operate('a target that was not asked for, published', { do: 'publish' }, 'DENIED'),
  operate('an operation that there is not', { do: 'chmod', mode: 0o777 }, 'MALFORMED'),
  operate('a beginning with a file name', { ...BEGINNING, path: '/etc/passwd' }, 'MALFORMED'),
  operate('a beginning with less room than nothing', { ...BEGINNING, neededBytes: -1 }, 'MALFORMED'),
  operate('a beginning with no validators', { ...BEGINNING, validators: null }, 'MALFORMED'),
  operate('room for less than nothing', { do: 'require-space', neededBytes: -1 }, 'MALFORMED'),
  operate('room for all and more', { do: 'require-space', neededBytes: 1e308 }, 'MALFORMED'),
  operate('fewer bytes than none', { do: 'publish' }, 'MALFORMED', -1),
  operate('half a byte', { do: 'publish' }, 'MALFORMED', 0.5),
  operate('bytes without end', { do: 'publish' }, 'MALFORMED', 1e308),
  ...[null, 1, true, 'flow', [], {}, { kind: 'exec' }, { kind: { kind: 'flow' } }].map(
    (value): Lie => ({ name: `as an ask ${JSON.stringify(value)}`, op: 'ask', value, verdict: 'MALFORMED' }),
  ),
  { name: 'an ask that is no JSON', op: 'ask', value: '{"kind":"bridges"', verdict: 'MALFORMED' },
  { name: 'an ask that is deep', op: 'ask', value: deep, verdict: 'MALFORMED' },
  {
    name: 'an ask with a prototype',
    op: 'ask',
    value: '{"kind":"bridges","__proto__":{"toString":1},"constructor":1}',
    verdict: 'MALFORMED',
  },
  ...[
    '/settings/whole',
    '/hosts/1/whole',
    '/answer/1',
    `/download/${JOB}/order/whole`,
    '/secret',
    '/dhcp/eth0/ip',
  ].map(
    (path): Lie => ({
      name: `what others write at ${path}`,
      op: 'write',
      path,
      value: {},
      verdict: 'DENIED',
    }),
  ),
  ...['/settings/whole', '/answer/1', `/download/${JOB}/order/whole`].map(
    (path): Lie => ({ name: `that there is no ${path}`, op: 'delete', path, verdict: 'DENIED' }),
  ),
  ...['/ready', '/dhcp/eth0/ip', '/resolved/ds.local/ip', `/download/${JOB}/state`].map(
    (path): Lie => ({ name: `a reader of ${path}`, op: 'read', path, verdict: 'DENIED' }),
  ),
  ...['/**', '/*', '/download/**', '/dhcp/eth0/*', '/ask/*'].map(
    (path): Lie => ({ name: `a watcher of ${path}`, op: 'watch', path, verdict: 'DENIED' }),
  ),
  {
    ...{ name: 'a value that is too long', op: 'write', path: '/ready' },
    ...{ value: 'x'.repeat(4097), verdict: 'TOO_LARGE' },
  },
  ...[
    'no JSON',
    { kind: 'verified' },
    { kind: 'receiving', fromBytes: -1, totalBytes: null },
    '{"kind":"receiving","fromBytes":1e999,"totalBytes":null}',
    { kind: 'redirected', url: 'no url' },
    { kind: 'redirected', url: `http://${'x'.repeat(300)}:99999/` },
    {
      kind: 'located',
      origin: { url: 'http://ds.local', address: 7, sourceAddress: null, bridgeName: null },
    },
  ].map(
    (value, index): Lie => ({
      ...{ name: `state ${index} of a download`, op: 'write', path: `/download/${JOB}/state` },
      ...{ value, verdict: 'MALFORMED' },
    }),
  ),
  ...[
    { host: 'ds.local', address: '999.1.1.1', hasJustAsked: true },
    { host: 'ds.local', address: 'fe80::1', hasJustAsked: true },
    { host: 'x'.repeat(300), address: NEIGHBOUR, hasJustAsked: true },
    'no JSON',
  ].map(
    (value, index): Lie => ({
      ...{ name: `address ${index} of a host`, op: 'write', path: `/resolved/lie${index}/ip` },
      ...{ value, verdict: 'MALFORMED' },
    }),
  ),
];

/** Told once it has a target, between what it may do. */
export const TARGET_LIES = {
  again: {
    name: 'a target that was given',
    op: 'ask',
    value: { kind: 'target', job: JOB },
    verdict: 'DENIED',
  },
  resume: operate('what was begun, to go on from the beginning', { do: 'resume' }, 'DENIED'),
} as const satisfies Readonly<Record<string, Lie>>;
