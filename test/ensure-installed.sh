#!/bin/sh
# Installs the workspace when it was never installed, or the lock file changed since.
set -eu
cd "$(dirname "$0")/.."
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
  command -v npm >/dev/null || { echo 'npm is missing: install Node.js 20 or newer with npm' >&2; exit 2; }
  echo 'Installing dependencies (npm ci) …' >&2
  npm ci --no-audit --no-fund --loglevel=error >&2
fi
