// SPDX-License-Identifier: Apache-2.0
/**
 * The datastore's advertiser alone: `advertise.ts HOST-LABEL SERVICE[,SERVICE...] [INTERFACE...]`. Prints its
 * status as a JSON line whenever it changes; logs go to stderr; SIGTERM sends goodbyes and ends it.
 */
import { Console } from 'node:console';
import { SERVICES } from '@local-datastore/shared/dns-sd/service-types';
import { createLog } from '@local-datastore/shared/log';
import { createAdvertiser } from '../../../datastore-app/src/advertise/advertiser.ts';
import { serviceType } from '../../../datastore-app/src/advertise/service-instances.ts';

const PORTS = { workstation: 9, http: 80, https: 443 };
const STATUS_INTERVAL_MS = 20;

// ciao 1.3.12 tells of failed goodbyes and the like with console.log, but here standard output is the status.
globalThis.console = new Console(process.stderr, process.stderr);

const [hostLabel = 'ds', wanted = '', ...interfaces] = process.argv.slice(2);
const services = SERVICES.filter((service) => wanted.split(',').includes(service)).map((service) => ({
  type: serviceType(service),
  port: PORTS[service],
}));
const advertiser = createAdvertiser(
  { log: createLog('advertise', 'info') },
  { hostLabel, interfaces, services },
);

let printed = '';
const timer = setInterval(() => {
  const status = JSON.stringify(advertiser.status());
  if (status === printed) return;
  printed = status;
  process.stdout.write(`${status}\n`);
}, STATUS_INTERVAL_MS);
process.once('SIGTERM', async () => {
  clearInterval(timer);
  await advertiser.stop();
});
await advertiser.start();
