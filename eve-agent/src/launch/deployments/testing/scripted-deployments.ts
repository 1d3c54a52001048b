// SPDX-License-Identifier: Apache-2.0
/** Deployments over an engine of tables: what is loaded is a word, which says how its program behaves. */

import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { EngineClient } from '@local-datastore/shared/engine/engine-client';
import { silentLog } from '@local-datastore/shared/log';
import { scriptedCommand } from '../../engine/scripted-engine.ts';
import { ImageStreamError } from '../../image-stream/image-stream-error.ts';
import { createHastyClock, createScriptedHost, type ScriptedHost } from '../../switch/scripted-switch.ts';
import { createAuditLog } from '../audit-log.ts';
import type { DeploymentsConfig } from '../config-file.ts';
import { parseDeploymentsConfig } from '../config-file.ts';
import { createDeployments } from '../create-deployments.ts';
import type { Deployments } from '../deployments.ts';
import { createDesiredStates } from '../desired-state.ts';
import { DeploymentError } from '../errors.ts';
import { createHistory } from '../history.ts';
import { createJsonLinesFile } from '../json-lines-file.ts';
import { createRunningOperations } from '../running-operations.ts';

export interface ScriptedDeployments {
  readonly deployments: Deployments;
  readonly host: ScriptedHost;
  /** What the file says from now on. */
  configure(document: object): void;
  readonly ending: AbortController;
  audit(): Promise<Record<string, unknown>[]>;
}

/** Programs by the words of their images; all others run and are well. */
const PROGRAMS: Readonly<Record<string, object>> = {
  crash: { exitCode: 3, err: ['cannot find config'] },
  sick: { isHealthy: false, out: ['hm'] },
};

/** @param folder for what is put down */
export function createScriptedDeployments(folder: string, document: object): ScriptedDeployments {
  const host = createScriptedHost();
  const ending = new AbortController();
  const read = (content: object): DeploymentsConfig => parseDeploymentsConfig(JSON.stringify(content));
  let config = read(document);
  const auditFile = createJsonLinesFile(`${folder}/audit.jsonl`, { maxBytes: 1_000_000, keptFiles: 1 });
  const client = {
    ask: async (_method: string, path: string) => ({ Path: path }),
  } as unknown as EngineClient;
  async function load(source: AsyncIterable<Uint8Array>, repository: string) {
    const word = (await buffer(Readable.from(source))).toString();
    if (word === '') throw new ImageStreamError('ARCHIVE_EMPTY', 'nothing came');
    const [id, tag] = [`sha256:${word}`, `${repository}:${word}`];
    host.engine.addImage(id, tag);
    return { id, tag, configDigest: id, sizeBytes: word.length };
  }
  const deployments = createDeployments({
    configuration: {
      current: () => config,
      view: () => ({ file: 'edd.json', readAt: '', problem: null, warnings: config.warnings }),
      follow: async () => {},
    },
    ...{ client, engine: host.engine, switcher: host.startSwitch() },
    images: {
      load: (source, { repository }) => load(source, repository),
      async pull(reference, _deployment, onReceived) {
        onReceived(1);
        return Readable.from([Buffer.from(reference.replace(/.*:/, ''))]);
      },
    },
    async prepare({ name, args }) {
      if (args.includes('--privileged')) throw new DeploymentError('DEPLOYMENT_UNUSABLE', `${name} may not`);
      return (image) => ({
        Image: image,
        Env: [...args],
        Cmd: scriptedCommand(PROGRAMS[args.includes('broken') ? 'crash' : image.replace(/.*:/, '')] ?? {}),
        HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } },
      });
    },
    audit: createAuditLog({ file: auditFile, wallMs: () => 0, log: silentLog }),
    history: createHistory(folder),
    desired: createDesiredStates(folder),
    running: createRunningOperations(() => 0),
    clock: createHastyClock(),
    wallMs: () => 0,
    log: silentLog,
    ending: ending.signal,
  });
  return {
    ...{ deployments, host, ending },
    configure(next) {
      config = read(next);
    },
    audit: async () => (await auditFile.read()) as Record<string, unknown>[],
  };
}
