// SPDX-License-Identifier: Apache-2.0
/** containerd with its CRI plugin, as k3s and Kubernetes have it, in a namespace. */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { Namespace } from './namespace.ts';

export interface RunningContainerd {
  /** A command of `ctr`. */
  ctr(...args: readonly string[]): Promise<string>;
  /** What a kubelet asks for (CRI's `ImageService.PullImage`). @returns the image's id. @throws the answer's message */
  pullByCri(image: string): Promise<string>;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 600_000;

/** A field of a message that holds a text or another message (protobuf, wire type 2). */
function field(number: number, content: Buffer): Buffer {
  if (content.length > 127) throw new Error('longer than one byte says');
  return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
}

/** One call of gRPC over a Unix socket. @returns the message of the answer */
async function callGrpc(socket: string, path: string, message: Buffer): Promise<Buffer> {
  const session = connectHttp2('http://localhost', { createConnection: () => connect(socket) });
  try {
    const call = session.request({
      ...{ ':method': 'POST', ':path': path, te: 'trailers', 'content-type': 'application/grpc' },
    });
    const length = Buffer.alloc(5);
    length.writeUInt32BE(message.length, 1);
    call.end(Buffer.concat([length, message]));
    const pieces: Buffer[] = [];
    let [status, reason] = ['', ''];
    call.on('data', (piece: Buffer) => pieces.push(piece));
    const note = (fields: Record<string, unknown>) => {
      status = String(fields['grpc-status'] ?? status);
      reason = String(fields['grpc-message'] ?? reason);
    };
    call.on('response', note);
    call.on('trailers', note);
    await once(call, 'close');
    if (status !== '0') throw new Error(`${status}: ${decodeURIComponent(reason)}`);
    return Buffer.concat(pieces).subarray(5);
  } finally {
    session.close();
  }
}

/**
 * @param folder which is made
 * @param hosts the folder of its `hosts.toml` files (`config_path`)
 */
export async function startContainerd(
  place: Namespace,
  folder: string,
  hosts: string,
): Promise<RunningContainerd> {
  await mkdir(folder, { recursive: true });
  const socket = join(folder, 'containerd.sock');
  const settings = join(folder, 'containerd.toml');
  await writeFile(
    settings,
    `version = 2
root = "${join(folder, 'root')}"
state = "${join(folder, 'state')}"
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  disable_cgroup = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${hosts}"
`,
  );
  const child = place.start(['containerd', '--config', settings], { stdio: 'ignore' });
  const ctr = (...args: readonly string[]) => place.mustRun(['ctr', '--address', socket, ...args]);
  await vi.waitFor(() => ctr('version'), { timeout: START_LIMIT_MS });
  return {
    ctr,
    async pullByCri(image) {
      const asked = field(1, field(1, Buffer.from(image)));
      const answer = await callGrpc(socket, '/runtime.v1.ImageService/PullImage', asked);
      return answer.subarray(2).toString();
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}
