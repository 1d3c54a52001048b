// SPDX-License-Identifier: Apache-2.0
import { CHANNEL_DESCRIPTOR, PROGRAM_DESCRIPTOR } from './calf.ts';
import type { LaunchOrder } from './launch-order.ts';
import { CALF_ROLE } from './roles.ts';

/** Of the memory that a calf may have, what V8's heap takes at most: buffers, threads and Node itself need the rest. */
const HEAP_SHARE = 0.5;
const MEBIBYTE = 1024 * 1024;

/**
 * Reads the program from its descriptor, closes that, and runs it as Node would run a file. Dynamic imports are those of
 * Node's own modules: there is no file to find others in.
 */
const RUN_FROM_DESCRIPTOR = `
const fs = require('node:fs'), vm = require('node:vm');
const text = fs.readFileSync(${PROGRAM_DESCRIPTOR}, 'utf8');
fs.closeSync(${PROGRAM_DESCRIPTOR});
process.argv.splice(1, 0, '/calf.js');
const module_ = { exports: {} };
vm.compileFunction(text, ['exports', 'require', 'module', '__filename', '__dirname'], {
  filename: '/calf.js',
  importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
}).call(module_.exports, module_.exports, require, module_, '/calf.js', '/');
`;

/** Node's own options for a calf, after which nothing is allowed but what descriptors let it do, and threads. */
export function nodeOptions({ limits, visible, module }: LaunchOrder): string[] {
  const all = ({ path }: { readonly path: string }) => `${path}/*`;
  return [
    '--permission',
    // One too many would end the calf: there is no memory set aside for it.
    ...((limits.workers ?? 0) > 0 ? ['--allow-worker'] : []),
    ...visible.map((each) => `--allow-fs-read=${all(each)}`),
    ...visible.filter(({ isWritable }) => isWritable).map((each) => `--allow-fs-write=${all(each)}`),
    `--max-old-space-size=${Math.floor((limits.memoryBytes * HEAP_SHARE) / MEBIBYTE)}`,
    // Text of others never becomes code by eval.
    ...(module === null ? ['--disallow-code-generation-from-strings'] : []),
    '--disable-sigusr1',
    '--no-warnings',
  ];
}

/** As a text of several options is written for Node, whatever is in them. */
const quote = (option: string) => `"${option.replace(/["\\]/g, '\\$&')}"`;

/**
 * What Node is executed with. An executable file takes options of Node from one argument alone
 * (`execArgvExtension: "cli"`), and then its role.
 *
 * @param node its path
 */
export function nodeArguments(order: LaunchOrder, node: string): readonly string[] {
  const { module, asset, args } = order;
  const options = nodeOptions(order);
  if (asset !== null)
    return [node, `--node-options=${options.map(quote).join(' ')}`, CALF_ROLE, asset, ...args];
  const program = module === null ? ['--eval', RUN_FROM_DESCRIPTOR, '--'] : [module];
  return [node, ...options, ...program, ...args];
}

/**
 * A calf's whole environment: nothing of priv's.
 *
 * @param libraries folders that the loader finds Node's libraries in, where its cache is out of sight
 */
export function calfEnvironment(libraries: readonly string[]): readonly string[] {
  return [
    `NODE_CHANNEL_FD=${CHANNEL_DESCRIPTOR}`,
    'NODE_CHANNEL_SERIALIZATION_MODE=json',
    'PATH=/nonexistent',
    // Where it is another path, OpenSSL ends Node if it may not be read.
    'OPENSSL_CONF=/nonexistent',
    ...(libraries.length === 0 ? [] : [`LD_LIBRARY_PATH=${libraries.join(':')}`]),
  ];
}
