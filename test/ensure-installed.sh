#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the workspace unless all that the lock file names is there already. Times of files do not tell: a
# checkout gives the lock file a new one.
set -eu
cd "$(dirname "$0")/.."
command -v npm >/dev/null || { echo 'npm is missing: install Node.js 20 or newer with npm' >&2; exit 2; }
if ! node - <<'END'; then
const { readFileSync } = require('node:fs');
const packagesIn = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
let installed = {};
try {
  installed = packagesIn('node_modules/.package-lock.json');
} catch {} // never installed
const wanted = Object.entries(packagesIn('package-lock.json')).filter(([path]) => path.startsWith('node_modules/'));
// Optional packages are those of other platforms, save for Node itself.
const isThere = ([path, { version, optional }]) => optional || installed[path]?.version === version;
const hasNode = ['x64', 'arm64'].some((cpu) => installed[`node_modules/node-linux-${cpu}`]);
process.exit(hasNode && wanted.every(isThere) ? 0 : 1);
END
  echo 'Installing dependencies (npm ci) …' >&2
  npm ci --no-audit --no-fund --loglevel=error >&2
fi
