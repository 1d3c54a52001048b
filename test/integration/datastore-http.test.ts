/** The HTTP side of the datastore: the real program on loopback, judged by what comes over the socket. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { datastoreApp, waitForLog } from '../lab/programs.ts';

const ADDRESS = '127.0.0.1';
const LAST_MODIFIED = 'Tue, 03 Feb 2026 04:05:06 GMT';
const MODIFIED = new Date(LAST_MODIFIED);
/** More than the kernel's socket buffers hold, so that a client that stops reading stops the server. */
const HUGE_BYTES = 64 * 1024 * 1024;

const SMALL = randomBytes(65_537);
const LARGE = randomBytes(3 * 1024 * 1024 + 17);

const sha256Of = (content: Buffer) => createHash('sha256').update(content).digest();
const entityTagOf = (content: Buffer) => `"sha256:${sha256Of(content).toString('hex')}"`;
const reprDigestOf = (content: Buffer) => `sha-256=:${sha256Of(content).toString('base64')}:`;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
  log(): string;
  get(path: string, headers?: Record<string, string>, method?: string): Promise<Answer>;
  /** The exit code. */
  stop(): Promise<number | null>;
}

let folder: string;
let root: string;
let state: string;
const started = new Set<ChildProcess>();

function run(...args: string[]): ChildProcess {
  const [program = '', ...rest] = datastoreApp(...args);
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  started.add(child);
  return child;
}

/** Runs a command to its end. */
async function finish(...args: string[]) {
  const child = run(...args);
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { stdout, stderr, exitCode };
}

const serveArguments = (...args: string[]) => [
  'serve',
  ...['--root', root, '--state', state, '--advertise', 'none', '--address', ADDRESS, '--port', '0'],
  ...args,
];

async function startServer(...args: string[]): Promise<Server> {
  const child = run(...serveArguments(...args));
  const { log, seen } = waitForLog(child, '"listening"');
  await seen;
  const lines = log().split('\n');
  const { port } = JSON.parse(lines.find((line) => line.includes('"listening"')) ?? '') as { port: number };
  return {
    child,
    port,
    log,
    async get(path, headers = {}, method = 'GET') {
      const request = httpRequest({ host: ADDRESS, port, path, headers, method, agent: false }).end();
      const [response] = await once(request, 'response');
      return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      return (await ended)[0] as number | null;
    },
  };
}

/** Puts a file in place at once, with an old time: it is hashed without waiting. */
async function put(path: string, content: Buffer | string): Promise<void> {
  const temporary = join(folder, 'temporary');
  await writeFile(temporary, content);
  await utimes(temporary, MODIFIED, MODIFIED);
  await rename(temporary, join(root, path));
}

const entityTagAt = async (server: Server, path: string) => (await server.get(path, {}, 'HEAD')).headers.etag;

/** The head of an answer, without what the connection and the clock add. */
function fileHeaders({ headers }: Answer): IncomingHttpHeaders {
  const { date, connection, 'keep-alive': _keepAlive, ...rest } = headers;
  expect(date).toMatch(/GMT$/);
  expect(connection).toBeDefined();
  return rest;
}

function expectProblem({ headers, body }: Answer, status: number): void {
  expect(headers['content-type']).toBe('application/problem+json');
  expect(JSON.parse(body.toString())).toMatchObject({ status, title: expect.any(String) });
}

/** Begins a download by hand and stops reading after the first bytes. */
async function beginDownload(port: number, path: string): Promise<{ socket: Socket; first: Buffer }> {
  const socket = connect(port, ADDRESS);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${ADDRESS}\r\nConnection: close\r\n\r\n`);
  const [first] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  return { socket, first };
}

/** Reads on to the end of the connection: the body alone. */
async function readRest({ socket, first }: { socket: Socket; first: Buffer }): Promise<Buffer> {
  const chunks = [first];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'close');
  const all = Buffer.concat(chunks);
  return all.subarray(all.indexOf('\r\n\r\n') + 4);
}

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'datastore-http-')));
  root = join(folder, 'root');
  state = join(folder, 'state');
  await mkdir(join(root, 'images'), { recursive: true });
  await put('images/small.img', SMALL);
  await put('images/large.img', LARGE);
  await put('page.html', '<script>alert(1)</script>');
  await put('empty.img', '');
});

afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

describe('a datastore', () => {
  let server: Server;

  beforeAll(async () => {
    server = await startServer();
    for (const [path, content] of [
      ['/images/small.img', SMALL],
      ['/images/large.img', LARGE],
    ] as const) {
      await vi.waitFor(async () => expect(await entityTagAt(server, path)).toBe(entityTagOf(content)), {
        timeout: 20_000,
      });
    }
  });

  afterAll(() => server.stop());

  describe.each([
    ['small', SMALL],
    ['large', LARGE],
  ])('serves a %s image', (name, content) => {
    const path = `/images/${name}.img`;
    const common = {
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
      etag: entityTagOf(content),
      'last-modified': LAST_MODIFIED,
      'repr-digest': reprDigestOf(content),
      'x-content-type-options': 'nosniff',
    };
    const expectWhole = (answer: Answer) => {
      expect(answer.status).toBe(200);
      expect(fileHeaders(answer)).toEqual({ ...common, 'content-length': String(content.length) });
      expect(answer.body.equals(content)).toBe(true);
    };
    const expectPart = (answer: Answer, start: number, end: number) => {
      expect(answer.status).toBe(206);
      expect(fileHeaders(answer)).toEqual({
        ...common,
        'content-length': String(end - start),
        'content-range': `bytes ${start}-${end - 1}/${content.length}`,
      });
      expect(answer.body.equals(content.subarray(start, end))).toBe(true);
    };

    it('whole', async () => expectWhole(await server.get(path)));
    it('whatever the query', async () => expectWhole(await server.get(`${path}?a=/../b&c`)));
    it('with merged slashes', async () => expectWhole(await server.get(`//images//${name}.img`)));
    it('never compressed', async () => {
      expectWhole(await server.get(path, { 'accept-encoding': 'gzip, br, zstd' }));
    });

    it('as a head alone', async () => {
      const answer = await server.get(path, { range: 'bytes=5-' }, 'HEAD');
      expect(answer.status).toBe(200);
      expect(fileHeaders(answer)).toEqual({ ...common, 'content-length': String(content.length) });
      expect(answer.body).toHaveLength(0);
    });

    it.each([
      ['bytes=0-0', 0, 1],
      ['bytes=1000-', 1000, content.length],
      ['bytes=100-65000', 100, 65_001],
      ['bytes=-7', content.length - 7, content.length],
      [`bytes=-${content.length + 1}`, 0, content.length],
      [`bytes=9-${content.length + 9}`, 9, content.length],
    ])('in the range %s', async (range, start, end) => {
      expectPart(await server.get(path, { range }), start, end);
    });

    it.each([`bytes=${content.length}-`, 'bytes=-0'])('not in the range %s', async (range) => {
      const answer = await server.get(path, { range });
      expect(answer.status).toBe(416);
      expect(answer.headers).toMatchObject({
        'accept-ranges': 'bytes',
        'content-range': `bytes */${content.length}`,
      });
      expectProblem(answer, 416);
    });

    it.each(['bytes=0-1,5-6', 'bytes=9-5', 'lines=0-1'])('whole for the range %s', async (range) => {
      expectWhole(await server.get(path, { range }));
    });

    it.each([
      ['the digest', () => entityTagOf(content)],
      ['the date', () => LAST_MODIFIED],
    ])('in a range if it is still what %s names', async (_title, condition) => {
      expectPart(await server.get(path, { range: 'bytes=9-', 'if-range': condition() }), 9, content.length);
    });

    it.each(['"sha256:other"', 'Tue, 03 Feb 2026 04:05:07 GMT'])(
      'whole if it is no more what If-Range names: %s',
      async (condition) => {
        expectWhole(await server.get(path, { range: 'bytes=9-', 'if-range': condition }));
        expectWhole(await server.get(path, { range: 'bytes=9-', 'if-range': `W/${entityTagOf(content)}` }));
      },
    );

    it('if it matches, and 412 if not', async () => {
      expectWhole(await server.get(path, { 'if-match': entityTagOf(content) }));
      const answer = await server.get(path, { 'if-match': '"other"', range: 'bytes=9-' });
      expect(answer.status).toBe(412);
      expect(answer.headers.etag).toBe(entityTagOf(content));
      expectProblem(answer, 412);
      const old = await server.get(path, { 'if-unmodified-since': 'Tue, 03 Feb 2026 04:05:05 GMT' });
      expect(old.status).toBe(412);
      expectProblem(old, 412);
    });

    it('not again to who has it', async () => {
      const answer = await server.get(path, { 'if-none-match': entityTagOf(content) });
      expect([answer.status, answer.body.length]).toEqual([304, 0]);
      expect((await server.get(path, { 'if-modified-since': LAST_MODIFIED })).status).toBe(304);
    });
  });

  it('serves an empty file', async () => {
    const answer = await server.get('/empty.img');
    expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, '0', 0]);
    expect((await server.get('/empty.img', { range: 'bytes=0-' })).status).toBe(416);
  });

  it('serves a web page as bytes', async () => {
    expect((await server.get('/page.html')).headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'x-content-type-options': 'nosniff',
    });
  });

  it('answers several requests on one connection', async () => {
    const socket = connect(server.port, ADDRESS);
    const head = `Host: ${ADDRESS}\r\n`;
    socket.write(`GET /page.html HTTP/1.1\r\n${head}\r\nGET /absent HTTP/1.1\r\n${head}\r\n`);
    socket.write(`GET /images/large.img HTTP/1.1\r\n${head}Connection: close\r\n\r\n`);
    const all = await buffer(socket);
    expect(all.toString('latin1').match(/HTTP\/1\.1 \d{3}/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 404',
      'HTTP/1.1 200',
    ]);
    expect(all.subarray(-LARGE.length).equals(LARGE)).toBe(true);
  });

  describe('never serves', () => {
    beforeAll(async () => {
      await writeFile(join(folder, 'secret'), 'top secret');
      await mkdir(join(root, 'lost+found'));
      await put('lost+found/inode', 'top secret');
      await put('.partial', 'top secret');
      await mkdir(join(root, 'sub', '.git'), { recursive: true });
      await put('sub/.git/config', 'top secret');
      await symlink('../secret', join(root, 'link'));
      await symlink('..', join(root, 'up'));
      await symlink('.partial', join(root, 'to-hidden'));
      expect(spawnSync('mkfifo', [join(root, 'fifo')]).status).toBe(0);
    });

    it.each([
      '/../secret',
      '/images/../../secret',
      '/%2e%2e/secret',
      '/..%2fsecret',
      '/%2e%2e%2fsecret',
      '/..%5csecret',
      '/..\\secret',
      '/%252e%252e/secret',
      '/..;/secret',
      '/images/%00',
      '/%ff',
      '/%',
      '/link',
      '/up/secret',
      '/to-hidden',
      '/.partial',
      '/%2epartial',
      '/sub/.git/config',
      '/lost+found/inode',
      '/lost%2bfound/inode',
      '/fifo',
      '/sub',
      '/sub/',
      '/page.html/',
      '/absent',
      `/${'long'.repeat(100)}`,
    ])('%s', async (path) => {
      const answer = await server.get(path);
      expect(answer.status).toBe(404);
      expectProblem(answer, 404);
      expect(answer.body.toString()).not.toContain('top secret');
      expect(answer.headers.location).toBeUndefined();
    });

    it('anything of it in the list', async () => {
      const { images } = JSON.parse((await server.get('/-/api/v1/images')).body.toString());
      expect(images.map(({ path }: { path: string }) => path)).toEqual([
        'empty.img',
        'images/large.img',
        'images/small.img',
        'page.html',
      ]);
    });
  });

  it('follows a link inside the root, with the digest of the file', async () => {
    await symlink('images/large.img', join(root, 'alias.img'));
    const answer = await server.get('/alias.img');
    expect(answer.headers.etag).toBe(entityTagOf(LARGE));
    expect(answer.body.equals(LARGE)).toBe(true);
  });

  it.each(['PATCH', 'OPTIONS'])('does not take %s for an image', async (method) => {
    const answer = await server.get('/images/small.img', {}, method);
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD, PUT, POST, DELETE']);
    expectProblem(answer, 405);
  });

  it.each(['/', '/-/api/v1/images', '/-/livez', '/images/small.img'])(
    'changes nothing at %s without the write token',
    async (path) => {
      for (const method of ['POST', 'PUT', 'DELETE']) {
        const answer = await server.get(path, {}, method);
        expect(answer.status).toBe(401);
        expect(answer.headers['www-authenticate']).toBe('Bearer realm="local-datastore"');
        expectProblem(answer, 401);
      }
      expect((await server.get('/images/small.img')).body.equals(SMALL)).toBe(true);
    },
  );

  it('describes itself below /-/', async () => {
    const image = await server.get('/-/api/v1/images/images/small.img');
    expect(JSON.parse(image.body.toString())).toMatchObject({
      path: 'images/small.img',
      sizeBytes: SMALL.length,
      sha256: sha256Of(SMALL).toString('hex'),
      state: 'ready',
      format: 'raw',
      virtualSizeBytes: SMALL.length,
      modified: MODIFIED.toISOString(),
    });
    expectProblem(await server.get('/-/api/v1/images/absent'), 404);
    expectProblem(await server.get('/-/absent'), 404);
    expect((await server.get('/-/')).body.toString()).toContain('/-/api/v1/images');
    expect((await server.get('/-/livez')).status).toBe(200);
    expect((await server.get('/-/readyz')).status).toBe(200);
    expect((await server.get('/-/api/v1/status')).status).toBe(200);
    expect((await server.get('/')).headers['x-powered-by']).toBeUndefined();
  });

  it('resumes what was begun before the digest was known', async () => {
    const content = randomBytes(2 * 1024 * 1024);
    // Written just now, and so not hashed yet.
    await writeFile(join(root, 'new.img'), content);
    const statTag = await entityTagAt(server, '/new.img');
    expect(statTag).toMatch(/^"stat:[0-9a-f]+-200000-[0-9a-f]+"$/);
    await expect.poll(() => entityTagAt(server, '/new.img'), { timeout: 20_000 }).toBe(entityTagOf(content));
    const answer = await server.get('/new.img', { range: 'bytes=1000-', 'if-range': statTag ?? '' });
    // To who goes on by a tag, another one means another file.
    expect([answer.status, answer.headers.etag]).toEqual([206, statTag]);
    expect(answer.body.equals(content.subarray(1000))).toBe(true);
    const atEnd = await server.get('/new.img', {
      range: `bytes=${content.length}-`,
      'if-range': statTag ?? '',
    });
    expect([atEnd.status, atEnd.headers.etag]).toEqual([416, statTag]);
    expect((await server.get('/new.img', { 'if-match': statTag ?? '' })).status).toBe(200);
  });

  describe('a file that changes while it is sent', () => {
    const old = Buffer.alloc(HUGE_BYTES, 'o');

    it('is sent to its end as it was when it is replaced', async () => {
      await put('moving.img', old);
      const download = await beginDownload(server.port, '/moving.img');
      await put('moving.img', Buffer.alloc(HUGE_BYTES, 'n'));
      expect((await readRest(download)).equals(old)).toBe(true);
      expect((await server.get('/moving.img', { range: 'bytes=0-0' })).body.toString()).toBe('n');
    });

    it('is sent to its end when it is removed', async () => {
      await put('gone.img', old);
      const download = await beginDownload(server.port, '/gone.img');
      await rm(join(root, 'gone.img'));
      expect((await readRest(download)).equals(old)).toBe(true);
      expect((await server.get('/gone.img')).status).toBe(404);
    });

    it.each([
      ['overwritten in place', (file: string) => overwrite(file)],
      ['cut short', async (file: string) => (await open(file, 'r+').then(truncateAndClose)) as undefined],
    ])('is cut off, never mixed, when it is %s', async (_title, change) => {
      await put('written.img', old);
      const download = await beginDownload(server.port, '/written.img');
      await change(join(root, 'written.img'));
      const body = await readRest(download);
      expect(body.length).toBeLessThan(HUGE_BYTES);
      expect(body.includes('n')).toBe(false);
      expect((await server.get('/-/livez')).status).toBe(200);
    });
  });

  it('gives back what clients that go away have used', async () => {
    const file = join(root, 'huge.img');
    /** How often the server has the image open. */
    const countOpen = async () => {
      const descriptors = `/proc/${server.child.pid}/fd`;
      const targets = (await readdir(descriptors)).map((name) =>
        readlink(join(descriptors, name)).catch(() => undefined),
      );
      return (await Promise.all(targets)).filter((target) => target === file).length;
    };
    await put('huge.img', Buffer.alloc(HUGE_BYTES));
    await expect.poll(() => entityTagAt(server, '/huge.img'), { timeout: 20_000 }).toContain('sha256:');
    await expect.poll(countOpen).toBe(0);
    const downloads = await Promise.all(
      Array.from({ length: 30 }, () => beginDownload(server.port, '/huge.img')),
    );
    expect(await countOpen()).toBe(30);
    for (const { socket } of downloads) socket.destroy();
    await expect.poll(countOpen).toBe(0);
    expect((await server.get('/images/large.img')).body.equals(LARGE)).toBe(true);
  });
});

async function overwrite(file: string): Promise<undefined> {
  const handle = await open(file, 'r+');
  // Behind what was read ahead by now.
  await handle.write(Buffer.alloc(1024 * 1024, 'n'), 0, 1024 * 1024, HUGE_BYTES - 2 * 1024 * 1024);
  await handle.close();
}

async function truncateAndClose(handle: Awaited<ReturnType<typeof open>>): Promise<undefined> {
  await handle.truncate(HUGE_BYTES - 1024 * 1024);
  await handle.close();
}

describe('the end of a datastore', () => {
  it('comes after what is in flight, with exit code 0, and takes nothing new', async () => {
    const content = Buffer.alloc(HUGE_BYTES, 'x');
    await put('last.img', content);
    const server = await startServer();
    const download = await beginDownload(server.port, '/last.img');
    const stopping = waitForLog(server.child, '"stopping"');
    const stopped = server.stop();
    await stopping.seen;
    await expect(server.get('/-/livez')).rejects.toThrow(/ECONNREFUSED|ECONNRESET|socket hang up/);
    expect((await readRest(download)).equals(content)).toBe(true);
    expect(await stopped).toBe(0);
  });

  it('does not wait for a connection that is kept alive after its answer', async () => {
    // Much longer than this test may take.
    const server = await startServer('--drain-timeout', '3600');
    const socket = connect(server.port, ADDRESS);
    socket.write(`GET /last.img HTTP/1.1\r\nHost: ${ADDRESS}\r\n\r\n`);
    const [first] = (await once(socket, 'data')) as [Buffer];
    socket.pause();
    const stopping = waitForLog(server.child, '"stopping"');
    const stopped = server.stop();
    await stopping.seen;
    expect(await readRest({ socket, first })).toHaveLength(HUGE_BYTES);
    expect(await stopped).toBe(0);
  });

  it('cuts at the limit who does not read, with exit code 0', async () => {
    const server = await startServer('--drain-timeout', '0');
    const download = await beginDownload(server.port, '/last.img');
    expect(await server.stop()).toBe(0);
    expect((await readRest(download)).length).toBeLessThan(HUGE_BYTES);
  });

  it('comes at once when asked twice', async () => {
    const server = await startServer();
    const { socket } = await beginDownload(server.port, '/last.img');
    const stopping = waitForLog(server.child, '"stopping"');
    const ended = once(server.child, 'exit');
    server.child.kill('SIGTERM');
    await stopping.seen;
    server.child.kill('SIGTERM');
    expect((await ended)[0]).toBe(128 + 15);
    socket.destroy();
  });

  it('may come in the middle of hashing', async () => {
    const sparse = await open(join(root, 'sparse.img'), 'w');
    await sparse.truncate(64 * 1024 ** 3);
    await sparse.utimes(MODIFIED, MODIFIED);
    await sparse.close();
    const server = await startServer();
    const hashedBytes = async () => {
      const answer = await server.get('/-/api/v1/images/sparse.img');
      return (JSON.parse(answer.body.toString()) as { hashedBytes: number }).hashedBytes;
    };
    await expect.poll(hashedBytes, { timeout: 20_000 }).toBeGreaterThan(0);
    expect(await server.stop()).toBe(0);
    await rm(join(root, 'sparse.img'));
  });
});

describe('the command line', () => {
  it.each([
    [['serve', '--port', 'many'], "'--port <number>' argument 'many'"],
    [['serve', '--port', '65536'], 'from 0 to 65535'],
    [['serve', '--host-name', 'a.b'], 'host name "a.b"'],
    [['serve', '--advertise', 'ftp'], 'workstation, http, https, none'],
    [['serve', '--nonsense'], "unknown option '--nonsense'"],
    [['serve', '--tls-key', 'key.pem'], '--tls-certificate'],
    [['serve', '--config', '/absent.yaml'], '/absent.yaml'],
    [['nonsense'], "unknown command 'nonsense'"],
    [['images', 'add'], "missing required argument 'file'"],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { stdout, stderr, exitCode } = await finish(...args);
    expect(stderr).toContain(message);
    expect([exitCode, stdout]).toEqual([2, '']);
  });

  it('refuses a state directory that would be served', async () => {
    const inside = join(root, 'state');
    const { stderr, exitCode } = await finish('serve', '--root', root, '--state', inside, '--port', '0');
    expect(stderr).toContain(`--state ${inside} lies in --root ${root}`);
    expect(exitCode).toBe(2);
    await rm(inside, { recursive: true, force: true });
  });

  it('says that a port is taken', async () => {
    const other = createServer().listen(0, ADDRESS);
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { stderr, exitCode } = await finish(...serveArguments('--port', String(port)));
    expect(stderr).toContain(`port ${port} cannot be used: another program listens there`);
    expect(exitCode).toBe(2);
    other.close();
  });

  it('serves HTTPS as well, with a certificate, and from TLS 1.2 on', async () => {
    const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const made = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=ds', '-addext', `subjectAltName=IP:${ADDRESS}`, '-keyout', key, '-out', certificate],
    ]);
    expect(made.status).toBe(0);
    const tls = ['--tls-certificate', certificate, '--tls-key', key, '--tls-port', '0'];
    const server = await startServer(...tls);
    const line =
      server
        .log()
        .split('\n')
        .find((text) => text.includes('"listening"')) ?? '';
    const { tlsPort } = JSON.parse(line) as { tlsPort: number };
    const url = `https://${ADDRESS}:${tlsPort}/images/large.img`;
    const fetched = spawnSync('curl', ['-sS', '--cacert', certificate, url], { maxBuffer: HUGE_BYTES });
    expect(fetched.stderr.toString()).toBe('');
    expect(fetched.stdout.equals(LARGE)).toBe(true);
    const old = spawnSync('curl', ['-sS', '--cacert', certificate, '--tls-max', '1.1', url]);
    expect(old.status).toBe(35);
    expect(await server.stop()).toBe(0);
    await writeFile(certificate, 'no certificate');
    const refused = await finish(...serveArguments(...tls));
    expect(refused.stderr).toContain('no PEM certificate');
    expect(refused.exitCode).toBe(2);
  });

  it('adds images, lists them with what is known, and finds what rotted', async () => {
    const [ownRoot, ownState] = [join(folder, 'own', 'root'), join(folder, 'own', 'state')];
    const storage = ['--root', ownRoot, '--state', ownState];
    const source = join(folder, 'disk.qcow2');
    const content = Buffer.alloc(70_000, 'x');
    content.write('QFI\u00fb', 'latin1');
    content.writeUInt32BE(3, 4);
    content.writeBigUInt64BE(8n * 1024n ** 3n, 24);
    await writeFile(source, content);

    expect(await finish('images', 'add', source, ...storage)).toMatchObject({
      stdout: expect.stringMatching(/^[0-9a-f]{64} {2}70000 {2}\/disk\.qcow2\n$/),
      exitCode: 0,
    });
    expect((await readdir(ownRoot)).filter((name) => !name.startsWith('.'))).toEqual(['disk.qcow2']);
    const hidden = join(folder, '.hidden');
    await copyFile(source, hidden);
    expect(await finish('images', 'add', hidden, ...storage)).toMatchObject({ exitCode: 2 });
    expect(await finish('images', 'add', folder, ...storage)).toMatchObject({ exitCode: 2 });

    const list = async () => JSON.parse((await finish('images', 'list', '--json', ...storage)).stdout);
    const listed = {
      path: 'disk.qcow2',
      sizeBytes: 70_000,
      format: 'qcow2',
      virtualSizeBytes: 8 * 1024 ** 3,
    };
    expect(await list()).toEqual({ images: [{ ...listed, sha256: null }] });

    const file = join(ownRoot, 'disk.qcow2');
    await utimes(file, MODIFIED, MODIFIED);
    const server = await startServer(...storage);
    await expect
      .poll(() => entityTagAt(server, '/disk.qcow2'), { timeout: 20_000 })
      .toBe(entityTagOf(content));
    expect(await server.stop()).toBe(0);
    const sha256 = sha256Of(content).toString('hex');
    expect(await list()).toEqual({ images: [{ ...listed, sha256 }] });
    expect(await finish('images', 'verify', ...storage)).toMatchObject({
      stdout: `${sha256}  disk.qcow2: ok\n`,
      exitCode: 0,
    });

    // As a failing disk does it: other bytes, the same time.
    const rotten = await open(file, 'r+');
    await rotten.write('y', 60_000);
    await rotten.utimes(MODIFIED, MODIFIED);
    await rotten.close();
    const verified = await finish('images', 'verify', ...storage);
    expect(verified.stdout).toContain('disk.qcow2: CORRUPT');
    expect(verified.exitCode).toBe(5);
    expect((await readFile(file)).length).toBe(70_000);
  });
});
