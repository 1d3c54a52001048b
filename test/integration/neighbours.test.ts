// SPDX-License-Identifier: Apache-2.0
/** Neighbours whose names contain ours, which stock EVE may take for us: told of while they are there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'dns-packet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AdvertiserStatus } from '../../datastore-app/src/advertise/advertiser.ts';
import type { CheckReport } from '../../datastore-app/src/check/report.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { datastoreApp, startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { startMdnsPeer } from './mdns-peer.ts';
import { isReady, startAdvertiser } from './running-advertiser.ts';

const TOLD = expect.stringMatching(/^my-ds\.local \(10\.1\.0\.9 on eth0\): stock EVE takes/);
const FETCH = (url: string) => `console.log(await (await fetch('${url}')).text())`;
const isWarned = ({ warnings }: AdvertiserStatus) => warnings.length > 0;

describeWith(['lab'], 'neighbours that EVE may take for the datastore', () => {
  let lab: Lab;
  let app: App;
  let other: App;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'neighbours-'));
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    other = await lab.addApp({ name: 'other', bridge: 'bn1', address: '10.1.0.9/24' });
  });
  afterEach(async () => {
    await lab.stop();
    await rm(folder, { recursive: true });
  });

  test.each(['before', 'after'])('one that comes %s, until it goes', async (when) => {
    const startOther = async () => {
      // A service that the datastore itself does not advertise.
      const neighbour = startAdvertiser(other, { hostLabel: 'my-ds', services: 'https' });
      await neighbour.status.waitFor('neighbour ready', isReady);
      return neighbour;
    };
    const early = when === 'before' ? await startOther() : undefined;
    const advertiser = startAdvertiser(app, { services: 'http' });
    await advertiser.status.waitFor('ready', isReady);
    const neighbour = early ?? (await startOther());
    const warned = await advertiser.status.waitFor(
      'warning',
      (status) => isReady(status) && isWarned(status),
    );
    expect(warned).toMatchObject({ isReady: true, reasons: [], warnings: [TOLD] });
    expect(neighbour.status.all.some(isWarned)).toBe(false);

    const from = advertiser.status.all.indexOf(warned);
    await neighbour.stop();
    await advertiser.status.waitFor('no warning', (status) => !isWarned(status), { from });
  });

  test('one that falls silent is asked for, and forgotten when its record has lived', async () => {
    const silent = await startMdnsPeer(other, '10.1.0.9');
    const advertiser = startAdvertiser(app, { services: 'http' });
    await advertiser.status.waitFor('ready', isReady);
    const data = { port: 80, target: 'my-ds.local' };
    const from = silent.heard().length;
    await silent.send(
      encode({ type: 'response', answers: [{ type: 'SRV', name: 'x._http._tcp.local', ttl: 10, data }] }),
    );
    const warned = await advertiser.status.waitFor('warning', isWarned);
    expect(warned.warnings).toEqual([TOLD]);
    const asks = ['_http._tcp.local', '_https._tcp.local', '_workstation._tcp.local'];
    await silent.waitFor(
      'question',
      ({ packet }) => asks.every((name) => packet.questions?.some((question) => question.name === name)),
      from,
    );
    const after = advertiser.status.all.indexOf(warned);
    await advertiser.status.waitFor('no warning', (status) => !isWarned(status), { from: after });
  });

  test('readyz and check tell of it', async () => {
    const neighbour = startAdvertiser(other, { hostLabel: 'my-ds' });
    await neighbour.status.waitFor('neighbour ready', isReady);
    const options = ['--root', join(folder, 'root'), '--state', join(folder, 'state'), '--host-name', 'ds'];
    const checked = await app.run(datastoreApp('check', ...options, '--json'));
    expect(checked.exitCode, checked.stderr).toBe(0);
    const { problems } = JSON.parse(checked.stdout) as CheckReport;
    expect(problems).toContainEqual({ severity: 'warning', message: TOLD });

    const datastore = await startDatastore(app, options);
    const readyz = FETCH('http://10.1.0.5/-/readyz');
    const ask = async () =>
      JSON.parse(await lab.host.mustRun(['node', '--input-type=module', '--eval', readyz])) as unknown;
    await expect.poll(ask).toEqual({ status: 'ok', warnings: [TOLD] });
    await expect.poll(() => datastore.log()).toContain('my-ds.local (10.1.0.9 on eth0)');
  });
});
