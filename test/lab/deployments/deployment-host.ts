// SPDX-License-Identifier: Apache-2.0
/** A device with a Docker engine and an agent that offers deployments, and archives to send to it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningEngine } from '../docker-engine.ts';
import { DEBIAN_ENGINE, type EngineKind } from '../engine-kinds.ts';
import { createLab, type Lab } from '../lab.ts';
import { eveAgent, waitForLog } from '../programs.ts';
import { createWebContext } from '../web-image.ts';

const ADDRESS = '10.1.0.1';
const PORT = 8866;
const READ_LIMIT_MS = 600_000;
const LOOK_INTERVAL_MS = 200;
/** Where deployments are reached. */
export const DEPLOYMENTS_URL = `https://${ADDRESS}:${PORT}`;
export const WEB_PORT = 8080;

/** Who asks. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** What curl heard. */
export interface CurlAnswer {
  /** 0: no answer. */
  readonly status: number;
  readonly body: string;
  /** Of curl itself. */
  readonly exitCode: number;
}

/** A line of the audit log. */
export type AuditLine = Readonly<Record<string, unknown>>;

export interface DeploymentHost {
  readonly lab: Lab;
  readonly engine: RunningEngine;
  /** Again, after it was stopped. */
  startEngine(): Promise<void>;
  /** Certificates and configuration; `ca.crt` is that of the authority. */
  readonly folder: string;
  readonly state: string;
  at(name: string): string;
  /** Another command of the agent, in the namespace of the host. */
  agent(...args: readonly string[]): ReturnType<Lab['host']['run']>;
  /** Replaces the configuration by a rename, and waits until an agent that runs has it. */
  configure(document: object): Promise<void>;
  /** @param args further ones of `eve-agent run` */
  startAgent(...args: readonly string[]): Promise<void>;
  endAgent(signal: NodeJS.Signals): Promise<void>;
  /** 0: none was started. */
  agentPid(): number;
  /** The whole log of the agent. */
  log(): string;
  /** By curl, with a certificate; null: none. */
  curl(client: CertificateFiles | null, path: string, ...args: readonly string[]): Promise<CurlAnswer>;
  /** A command line of a shell, in which `$CURL` is curl with a client's certificate, and `$URL` the place. */
  shell(client: CertificateFiles, line: string): Promise<CurlAnswer>;
  /** What the deployed web server answers; empty: nothing. */
  ask(): Promise<string>;
  client(name: string): CertificateFiles;
  /** Builds an image that answers a word, saves it, and forgets it. @param fillerBytes beside it @returns the archive */
  archive(word: string, fillerBytes?: number): Promise<string>;
  audit(): Promise<AuditLine[]>;
  stop(): Promise<void>;
}

/** @param clients for whom certificates are made */
export async function createDeploymentHost(
  clients: readonly string[],
  { start: startEngine }: EngineKind = DEBIAN_ENGINE,
): Promise<DeploymentHost> {
  const folder = await mkdtemp(join(tmpdir(), 'deployments-'));
  const at = (name: string) => join(folder, name);
  const state = at('state');
  const lab = await createLab();
  await lab.addBridge('bn1', `${ADDRESS}/24`, { keepsMac: true });
  await mkdir(at('engine'));
  const start = () => startEngine(lab.host, at('engine'), '--bridge', '', '--iptables=true');
  let engine = await start();
  const agent = (...args: readonly string[]) => lab.host.run(eveAgent(...args));
  const mustRun = (...args: readonly string[]) => lab.host.mustRun(eveAgent(...args));
  await mustRun('cert', 'authority', '--out', folder);
  await mustRun('cert', 'server', '--host', ADDRESS, '--out', folder);
  for (const name of clients) await mustRun('cert', 'client', '--name', name, '--out', folder);
  let child: ChildProcess | undefined;
  const logs: (() => string)[] = [];
  const logText = () => logs.map((log) => log()).join('');
  const client = (name: string) => ({ certificate: at(`${name}.crt`), key: at(`${name}.key`) });
  const identify = (who: CertificateFiles | null) =>
    who === null ? [] : ['--cert', who.certificate, '--key', who.key];
  const CURL = ['curl', '--silent', '--max-time', '120', '--cacert', at('ca.crt')];
  const STATUS = ['--write-out', '\n%{http_code}'];
  const toAnswer = ({ stdout, exitCode }: { stdout: string; exitCode: number }): CurlAnswer => ({
    status: Number(stdout.split('\n').at(-1)),
    body: stdout.slice(0, Math.max(stdout.lastIndexOf('\n'), 0)),
    exitCode,
  });

  /** When the configuration was read; null: no agent runs. */
  async function readAt(): Promise<string | null> {
    const socket = ['--unix-socket', join(state, 'agent.sock')];
    const { stdout } = await lab.host.run([
      ...['curl', '--silent', ...socket, 'http://agent/v1/deployment-configuration'],
    ]);
    return stdout === '' ? null : (JSON.parse(stdout) as { readAt: string }).readAt;
  }

  async function endAgent(signal: NodeJS.Signals): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  return {
    ...{ lab, folder, state, at, agent, endAgent, client },
    get engine() {
      return engine;
    },
    async startEngine() {
      engine = await start();
    },
    async configure(document) {
      const tls = {
        tls_key: at('server.key'),
        tls_certs: at('server.crt'),
        mututal_tls_ca_certs: at('ca.crt'),
      };
      const common = { docker_socket: at('engine/docker.sock'), ...tls, clientCrl: at('ca.crl') };
      const before = await readAt();
      await writeFile(at('config.json.new'), JSON.stringify({ ...common, ...document }));
      await rename(at('config.json.new'), at('config.json'));
      const deadlineMs = performance.now() + READ_LIMIT_MS;
      while (before !== null && (await readAt()) === before) {
        if (performance.now() > deadlineMs) throw new Error(`the configuration is not read: ${logText()}`);
        await delay(LOOK_INTERVAL_MS);
      }
    },
    async startAgent(...args) {
      const place = ['--deployments', at('config.json'), '--deploy-listen', `${ADDRESS}:${PORT}`];
      child = lab.host.start(eveAgent('run', '--state', state, ...place, ...args), {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const { log, seen } = waitForLog(child, '"running"');
      logs.push(log);
      await seen;
    },
    log: logText,
    agentPid: () => child?.pid ?? 0,
    async curl(who, path, ...args) {
      return toAnswer(
        await lab.host.run([...CURL, ...identify(who), ...STATUS, ...args, `${DEPLOYMENTS_URL}${path}`]),
      );
    },
    async shell(who, line) {
      const words = [...CURL, ...identify(who), '--write-out', "'\\n%{http_code}'"].join(' ');
      const env = { CURL: words, URL: DEPLOYMENTS_URL };
      return toAnswer(await lab.host.run(['bash', '-c', line.replaceAll('$CURL', words)], { env }));
    },
    async ask() {
      const { stdout } = await lab.host.run([
        ...['curl', '--silent', '--max-time', '5'],
        `http://${ADDRESS}:${WEB_PORT}/`,
      ]);
      return stdout.trim();
    },
    async archive(word, fillerBytes) {
      const tag = `built:${word}`;
      await engine.docker(
        'build',
        '--quiet',
        '--tag',
        tag,
        await createWebContext(at(`image-${word}`), word, fillerBytes),
      );
      await engine.docker('save', '--output', at(`${word}.tar`), tag);
      await engine.docker('image', 'rm', '--force', tag);
      return at(`${word}.tar`);
    },
    async audit() {
      const text = await readFile(join(state, 'launch', 'audit.jsonl'), 'utf8').catch(() => '');
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as AuditLine);
    },
    async stop() {
      await endAgent('SIGKILL');
      const containers = (await engine.run('ps', '--all', '--quiet')).stdout.split('\n').filter(Boolean);
      if (containers.length > 0) await engine.run('rm', '--force', ...containers);
      await engine.stop();
      await lab.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
