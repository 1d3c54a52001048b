// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { alternate, type Ran, ratioOf, run, spreadOf } from './measure.ts';
import { nginx, startPeer } from './peers.ts';
import { formatSpread, formatTable } from './table.ts';

const AGENT = `${process.execPath} dist/eve-agent/main.js download`;

/** How each contender downloads a URL to a file; all but curl alone check the sha256. */
function commandsFor(url: string, sha256: string): Record<string, (file: string) => string> {
  const checked = (file: string) => `openssl dgst -sha256 -r ${file} | grep -q ^${sha256}`;
  return {
    'eve-agent download': (file) => `${AGENT} ${url} -o ${file} --sha256 ${sha256} >/dev/null`,
    'curl, openssl dgst': (file) => `curl -sf -o ${file} ${url} && ${checked(file)}`,
    'curl, sha256sum': (file) =>
      `curl -sf -o ${file} ${url} && echo "${sha256}  ${file}" | sha256sum -c --quiet`,
    'wget, openssl dgst': (file) => `wget -q -O ${file} ${url} && ${checked(file)}`,
    'aria2c --checksum': (file) =>
      `aria2c -q --allow-overwrite=true --file-allocation=none --checksum=sha-256=${sha256} ` +
      `-d $(dirname ${file}) -o $(basename ${file}) ${url}`,
    'curl alone, unchecked': (file) => `curl -sf -o ${file} ${url}`,
  };
}

async function compare(
  title: string,
  contenders: readonly (readonly [string, () => Promise<Ran>])[],
  rounds: number,
): Promise<string> {
  const samples = await alternate(contenders, rounds);
  const ours = samples.get(contenders[0]?.[0] ?? '') ?? [];
  const rows = contenders.map(([name]) => {
    const theirs = samples.get(name) ?? [];
    return [
      name,
      formatSpread(spreadOf(theirs.map(({ wallSeconds }) => wallSeconds))),
      spreadOf(theirs.map(({ peakMemoryMiB }) => peakMemoryMiB)).maximum.toFixed(0),
      formatSpread(ratioOf(ours, theirs, ({ wallSeconds }) => wallSeconds)),
    ];
  });
  return `${title}:\n\n${formatTable(['command', 'wall s', 'memory MiB', 'ours/its wall'], rows)}`;
}

/** 1 GiB from nginx to a file in memory and on the disk, and the second half of it after an interruption. */
export async function benchFetch(work: string, memory: string, rounds: number): Promise<string> {
  const root = join(work, 'www');
  const image = join(root, 'big.img');
  const hash = createHash('sha256');
  await pipeline(createReadStream(image, { highWaterMark: 1 << 20 }), hash);
  const sha256 = hash.digest('hex');
  const server = await startPeer(nginx('on'), root, work);
  try {
    const url = `${server.url}/big.img`;
    const commands = Object.entries(commandsFor(url, sha256));
    const disk = join(work, 'out');
    await mkdir(disk, { recursive: true });
    const to = (directory: string, suffix: string) =>
      commands.map(([name, command], i) => {
        const file = join(directory, `${i}.img`);
        return [
          name,
          () => run(`rm -f ${file} && ${command(file)}${suffix.replaceAll('FILE', file)}`),
        ] as const;
      });
    const inMemory = await compare('1 GiB to memory (tmpfs)', to(memory, ''), rounds);
    await run(`rm -rf ${memory}/*.img`);
    const onDisk = await compare('1 GiB to disk, synced', to(disk, ' && sync FILE'), rounds);

    // Each starts from the same first half; ours as an interrupted run leaves it.
    const half = join(memory, 'half');
    await run(`head -c ${512 * 1024 * 1024} ${image} > ${half}`);
    const record = {
      version: 1,
      url,
      sha256,
      totalBytes: 1 << 30,
      validators: { etag: null, lastModified: null },
    };
    const resumed = await compare(
      'The second half of 1 GiB after an interruption, to memory',
      [
        [
          'eve-agent download',
          async () => {
            const file = join(memory, 'resumed.img');
            await run(`rm -f ${file} && cp ${half} ${join(memory, '.resumed.img.partial')}`);
            await run(
              `printf '%s' '${JSON.stringify(record)}' > ${join(memory, '.resumed.img.partial.json')}`,
            );
            return await run(`${AGENT} ${url} -o ${file} --sha256 ${sha256}`);
          },
        ],
        [
          'curl -C -, openssl dgst',
          async () => {
            const file = join(memory, 'curl.img');
            await run(`cp ${half} ${file}`);
            return await run(
              `curl -sf -C - -o ${file} ${url} && openssl dgst -sha256 -r ${file} | grep -q ^${sha256}`,
            );
          },
        ],
      ],
      rounds,
    );
    return [inMemory, onDisk, resumed].join('\n\n');
  } finally {
    await server.stop();
  }
}
