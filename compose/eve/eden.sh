#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The way from a device that eden manages to an app that was launched from the datastore, step by step.
# Each command is shown before it runs; DRY_RUN=1 shows them only.
#
# usage: compose/eve/eden.sh STEP...
#   image      build the image and load it into eden's registry
#   network    make the Local network instance whose bridge EVE asks on
#   datastore  deploy datastore-app as an app
#   status     what runs, and what the datastore logs
#   upload     put IMAGE into the datastore, through the port map
#   volume     make a volume of IMAGE: the device downloads it from http://HOST_NAME.local
#   app        launch a VM from IMAGE, downloaded from the datastore
#   purge      empty the datastore's volumes: images, write token and own authority are gone, and made anew
#   remove     delete the app, the volume, the datastore and the network
#
# from the environment:
#   DEVICE        address of the device, for upload, volume and app; eden's own services must reach it too
#   WRITE_TOKEN   for datastore and upload; the same in both ("openssl rand -hex 24")
#   IMAGE         file to serve, for upload, volume and app
#   HOST_NAME (ds), PORT (8028), SUBNET (10.11.12.0/24), STORE_SIZE (20GB), EDEN (eden),
#   DATASTORE_IMAGE (local-datastore/datastore-app:latest), BASE_IMAGE (node:24-slim)
set -euo pipefail
cd "$(dirname "$0")/../.."

eden=${EDEN:-eden}
host_name=${HOST_NAME:-ds}
port=${PORT:-8028}
subnet=${SUBNET:-10.11.12.0/24}
image=${DATASTORE_IMAGE:-local-datastore/datastore-app:latest}

run() {
  printf '+ %s\n' "$*" >&2
  if [ -z "${DRY_RUN:-}" ]; then "$@"; fi
}

need() {
  for name in "$@"; do
    if [ -z "${!name:-}" ]; then
      echo "$0: $name must be set, see the head of this file" >&2
      exit 2
    fi
  done
}

step() {
  case $1 in
    image)
      run docker build -f compose/Dockerfile --target datastore-app --build-arg "BASE=${BASE_IMAGE:-node:24-slim}" -t "$image" .
      run "$eden" registry load "$image"
      ;;
    network)
      run "$eden" network create "$subnet" -n datastore-net --type=local
      ;;
    datastore)
      need WRITE_TOKEN
      # A file: on a command line every user of this machine sees the token.
      user_data=$(mktemp)
      trap 'rm -f "$user_data"' EXIT
      printf 'DATASTORE_HOST_NAME=%s\nDATASTORE_WRITE_TOKEN=%s\n' "$host_name" "$WRITE_TOKEN" >"$user_data"
      # One volume for each VOLUME of the image; without --volume-size they have 200 MiB.
      # Without --acl every packet is let out, and so the answers to EVE's question.
      run "$eden" pod deploy -n datastore --networks=datastore-net -p "$port:80" --memory=512MB \
        --volume-size="${STORE_SIZE:-20GB}" --registry=local \
        --metadata="$user_data" "docker://$image"
      ;;
    status)
      run "$eden" pod ps
      run "$eden" volume ls
      run "$eden" pod logs datastore --fields=app --tail=50
      ;;
    upload)
      need DEVICE IMAGE WRITE_TOKEN
      run curl --fail-with-body -T "$IMAGE" -H @- "http://$DEVICE:$port/$(basename "$IMAGE")" \
        <<<"Authorization: Bearer $WRITE_TOKEN"
      run curl -sS "http://$DEVICE:$port/-/api/v1/images"
      ;;
    volume)
      need DEVICE IMAGE
      # eden fetches the file once by way of the port map, for its size and sha256; the device gets the other URL.
      run "$eden" volume create "http://$DEVICE:$port/$(basename "$IMAGE")" \
        --datastoreOverride="http://$host_name.local" --format="${FORMAT:-qcow2}" -n from-datastore
      ;;
    app)
      need DEVICE IMAGE
      run "$eden" pod deploy -n launched --networks=datastore-net --format="${FORMAT:-qcow2}" \
        --datastoreOverride="http://$host_name.local" "http://$DEVICE:$port/$(basename "$IMAGE")"
      ;;
    purge)
      run "$eden" pod purge datastore
      ;;
    remove)
      run "$eden" pod delete launched
      run "$eden" volume delete from-datastore
      run "$eden" pod delete datastore
      run "$eden" network delete datastore-net
      ;;
    *)
      echo "$0: no step \"$1\"; image, network, datastore, status, upload, volume, app, purge, remove" >&2
      exit 2
      ;;
  esac
}

if [ $# -eq 0 ]; then
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"
  exit 2
fi
for name in "$@"; do step "$name"; done
