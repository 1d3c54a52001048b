#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a base image from the workspace's Node 24 and the libraries that it links, for machines that cannot
# pull one. It holds no shell and no package manager.
#
# usage: compose/make-base-image.sh [TAG]        TAG: default local-datastore/node-base:24
set -eu
cd "$(dirname "$0")/.."
tag=${1:-local-datastore/node-base:24}
docker=${DOCKER:-docker}

sh test/ensure-installed.sh
node=$(readlink -f node_modules/.bin/node)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$root/usr/local/bin" "$root/etc/ssl/certs" "$root/tmp" "$root/home/node"
chmod 1777 "$root/tmp"
chown 1000:1000 "$root/home/node" 2>/dev/null || true
cp "$node" "$root/usr/local/bin/node"
if command -v strip >/dev/null; then strip "$root/usr/local/bin/node"; fi
# The files behind "name => path" and the loader, which stands alone on its line; those glibc loads by name
# to resolve host names besides.
for library in $(ldd "$node" | sed -n 's/^.*=> \(\/[^ ]*\).*$/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*$/\1/p') \
  /lib/*-linux-*/libnss_dns.so.2 /lib/*-linux-*/libnss_files.so.2 /lib/*-linux-*/libresolv.so.2; do
  [ -e "$library" ] || continue
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
if [ -r /etc/ssl/certs/ca-certificates.crt ]; then
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
fi
printf 'root:x:0:0:root:/:/sbin/nologin\nnode:x:1000:1000:node:/home/node:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nnode:x:1000:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"

# All the usual folders, although they are not there: EVE's own start-up script, outside of the image, takes
# over the image's environment and finds its commands in /bin and /sbin by it.
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
tar -C "$root" --numeric-owner --owner=0 --group=0 -c . |
  "$docker" import --change 'LABEL local-datastore=node-base' --change "ENV PATH=$path" \
    --change 'CMD ["node"]' - "$tag" >/dev/null
echo "$tag"
