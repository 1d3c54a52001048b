// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeyPair } from './authorities.ts';
import type { Namespace } from './namespace.ts';

interface ServerPlace {
  /** `PORT` or `ADDRESS:PORT`. */
  readonly listen: string;
  /** Absolute path of the folder that is served. */
  readonly root: string;
  /** Absolute path of an existing folder for the server's own files. */
  readonly work: string;
  /** Absolute path; absent: nothing is logged. */
  readonly accessLog?: string;
  /** Further lines of its configuration, beside those of the server that serves the folder. */
  readonly more?: string;
}

export interface NginxOptions extends ServerPlace {
  readonly sendfile: 'on' | 'off';
  readonly tls?: KeyPair;
  /** One process alone, which nothing survives when it is killed. */
  readonly isSingleProcess?: boolean;
}

/** Client, method, target, status, bytes of the body that were sent, and the Range that was asked for. */
const NGINX_LOG_FORMAT = '$remote_addr $request_method $request_uri $status $body_bytes_sent "$http_range"';
const APACHE_LOG_FORMAT = String.raw`%a %m %U %>s %B \"%{Range}i\"`;

/** A configuration in which nginx stays in the foreground and keeps to its folder. */
export function nginxConfiguration(options: NginxOptions): string {
  const { listen, root, work, accessLog, sendfile, tls, isSingleProcess = false, more = '' } = options;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    user root;
    daemon off; master_process ${isSingleProcess ? 'off' : 'on'}; worker_processes 1;
    pid ${work}/pid; error_log stderr warn;
    events { worker_connections 1024; }
    http {
      log_format plain '${NGINX_LOG_FORMAT}';
      access_log ${accessLog === undefined ? 'off' : `${accessLog} plain`};
      sendfile ${sendfile}; keepalive_requests 1000000;
      ${temporary.map((name) => `${name}_temp_path ${work}/${name};`).join(' ')}
      server {
        listen ${listen}${tls === undefined ? '' : ' ssl'}; root ${root};
        ${tls === undefined ? '' : `ssl_certificate ${tls.certificate}; ssl_certificate_key ${tls.key};`}
      }
      ${more}
    }`;
}

/** A configuration with which Apache serves a folder of files. */
export function apacheConfiguration({ listen, root, work, accessLog, more = '' }: ServerPlace): string {
  const modules = '/usr/lib/apache2/modules';
  return `
    ServerName localhost
    ServerRoot ${work}
    PidFile ${work}/pid
    ErrorLog ${work}/error.log
    Listen ${listen}
    LoadModule mpm_event_module ${modules}/mod_mpm_event.so
    LoadModule authz_core_module ${modules}/mod_authz_core.so
    ${accessLog === undefined ? '' : `CustomLog ${accessLog} "${APACHE_LOG_FORMAT}"`}
    MaxKeepAliveRequests 0
    DocumentRoot ${root}
    <Directory ${root}>
      Require all granted
    </Directory>
    ${more}`;
}

/** A line of a server's access log. */
export interface LoggedRequest {
  readonly client: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Of the body; null where the server does not say. */
  readonly sentBytes: number | null;
  /** Null: none was asked for, or the server does not say. */
  readonly range: string | null;
}

export interface WebServer {
  /** What it has answered so far, oldest first. A request is logged when its connection is done with it. */
  requests(): Promise<readonly LoggedRequest[]>;
}

export interface WebServerOptions {
  readonly root: string;
  /** A folder for the server's own files; made if it is absent. */
  readonly work: string;
  readonly port: number;
  /** Further lines of its configuration. */
  readonly more?: string;
}

const START_LIMIT_MS = 600_000;
const START_POLL_MS = 50;

/** Starts a server in a namespace and waits until it listens. It ends with the lab. */
async function startServer(
  namespace: Namespace,
  command: readonly string[],
  port: number,
): Promise<() => string> {
  const child = namespace.start(command, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr?.on('data', (bytes) => {
    stderr += bytes;
  });
  const deadlineMs = performance.now() + START_LIMIT_MS;
  while (child.exitCode === null && performance.now() < deadlineMs) {
    if ((await namespace.mustRun(['ss', '-Hltn', `sport = :${port}`])) !== '') return () => stderr;
    await delay(START_POLL_MS);
  }
  if (child.exitCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  throw new Error(`${command.join(' ')} does not listen on port ${port}: ${stderr}`);
}

function parseAccessLog(log: string): LoggedRequest[] {
  return [...log.matchAll(/^(\S+) (\S+) (\S+) (\d+) (\d+) "(.*)"$/gm)].map(
    ([, client = '', method = '', path = '', status, sentBytes, range = '-']) => ({
      client,
      method,
      path,
      status: Number(status),
      sentBytes: Number(sentBytes),
      range: range === '-' ? null : range,
    }),
  );
}

async function readAccessLog(file: string): Promise<LoggedRequest[]> {
  return parseAccessLog(await readFile(file, 'utf8'));
}

/** Debian's nginx. With certificate files it speaks TLS on its port. */
export async function startNginx(
  namespace: Namespace,
  { root, work, port, tls, more = '' }: WebServerOptions & { readonly tls?: KeyPair },
): Promise<WebServer> {
  await mkdir(work, { recursive: true });
  const accessLog = join(work, 'access.log');
  const place = { listen: String(port), root, work, accessLog, more };
  const configuration = join(work, 'nginx.conf');
  await writeFile(
    configuration,
    nginxConfiguration({ ...place, sendfile: 'on', isSingleProcess: true, ...(tls && { tls }) }),
  );
  await startServer(namespace, ['/usr/sbin/nginx', '-e', 'stderr', '-c', configuration], port);
  return { requests: () => readAccessLog(accessLog) };
}

/** Debian's Apache, in its one-process mode, so that nothing survives when it is killed. */
export async function startApache(
  namespace: Namespace,
  { root, work, port, more = '' }: WebServerOptions,
): Promise<WebServer> {
  await mkdir(work, { recursive: true });
  const accessLog = join(work, 'access.log');
  const configuration = join(work, 'apache.conf');
  await writeFile(configuration, apacheConfiguration({ listen: String(port), root, work, accessLog, more }));
  await startServer(namespace, ['/usr/sbin/apache2', '-X', '-f', configuration], port);
  return { requests: () => readAccessLog(accessLog) };
}

/** `python3 -m http.server`: HTTP/1.0, no ranges, no validator but Last-Modified. */
export async function startPythonHttpServer(
  namespace: Namespace,
  { root, port }: Omit<WebServerOptions, 'work'>,
): Promise<WebServer> {
  const command = ['python3', '-u', '-m', 'http.server', String(port), '--directory', root];
  const log = await startServer(namespace, command, port);
  return {
    requests: async () =>
      [...log().matchAll(/^(\S+) - - \[.*?\] "(\S+) (\S+) \S+" (\d+) -$/gm)].map(
        ([, client = '', method = '', path = '', status]) => ({
          client,
          method,
          path,
          status: Number(status),
          sentBytes: null,
          range: null,
        }),
      ),
  };
}
