import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLab } from '../lab/lab.ts';
import { eveAgent } from '../lab/programs.ts';

const lab = await createLab();
for (const i of [1, 2, 3]) await lab.addBridge(`bn${i}`, `10.${i}.0.1/24`);
const sha = (t: string) => createHash('sha256').update(t).digest('hex');
for (const n of [0, 10, 100, 1000])
  for (const kind of ['missing', 'verified']) {
    const folder = await mkdtemp(join(tmpdir(), 'scale-'));
    const state = join(folder, 's');
    await mkdir(join(state, 'verified'), { recursive: true });
    const hosts = Math.max(1, Math.min(100, n / 10));
    const ds = Array.from({ length: hosts }, (_, i) => ({
      id: `00000000-0000-4000-8001-${String(i).padStart(12, '0')}`,
      dType: 'DsHttp',
      fqdn: `http://ds${i}.local`,
    }));
    const trees = await Promise.all(
      Array.from({ length: n }, async (_, i) => {
        const text = `content ${i}`;
        if (kind === 'verified') await writeFile(join(state, 'verified', sha(text)), text);
        return {
          uuid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
          dsIdsList: [ds[i % hosts]?.id],
          URL: `i${i}`,
          iformat: 'RAW',
          sha256: sha(text),
          maxSizeBytes: String(text.length),
          displayName: `image-${i}`,
        };
      }),
    );
    await writeFile(join(folder, 'c.json'), JSON.stringify({ datastores: ds, contentInfo: trees }));
    const child = lab.host.start(
      eveAgent('run', '--config', join(folder, 'c.json'), '--state', state, '--log-level', 'error'),
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    const cpu = async () => {
      const s = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
      return (Number(s[11]) + Number(s[12])) / 100;
    };
    const at = [];
    for (const ms of [1500, 2500, 6000, 10000]) {
      await new Promise((r) => setTimeout(r, ms));
      at.push(await cpu());
    }
    const rss = /VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))?.[1];
    console.log(n, kind, 'cpu s at 1.5,4,10,20 s', at.join(' '), 'peak MB', Math.round(Number(rss) / 1024));
    child.kill('SIGTERM');
    await new Promise((r) => child.once('exit', r));
  }
await lab.stop();
