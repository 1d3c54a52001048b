# SPDX-License-Identifier: Apache-2.0
"""OpenStack Swift with its S3 API, in one process, objects in memory: object_store.py ADDRESS PORT FOLDER KEY SECRET.
The key is ACCOUNT:USER. Says "port PORT is ready" on stderr. Lists come in pages of two objects.
"""
import eventlet
eventlet.monkey_patch()  # before all else is imported

import os
import sys

import eventlet.wsgi
from swift.common import utils
from swift.common.ring import RingBuilder
from swift.common.wsgi import loadapp

ADDRESS, PORT, FOLDER, ACCESS_KEY, SECRET = sys.argv[1:]

SERVER = """
[DEFAULT]
devices = {folder}/devices
mount_check = false
swift_dir = {folder}
log_name = {name}
[pipeline:main]
pipeline = {name}
[app:{name}]
use = egg:swift#{egg}
"""
PROXY = """
[DEFAULT]
swift_dir = {folder}
[pipeline:main]
pipeline = catch_errors gatekeeper s3api tempauth copy slo dlo versioned_writes proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
max_bucket_listing = 2
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""


class Cache(dict):
    """Stands for memcached."""

    def __bool__(self):
        return True

    def get(self, key, *args, **kwargs):
        return dict.get(self, key)

    def set(self, key, value, *args, **kwargs):
        self[key] = value

    def delete(self, key, *args, **kwargs):
        self.pop(key, None)

    def incr(self, key, delta=1, *args, **kwargs):
        self[key] = dict.get(self, key, 0) + delta
        return self[key]


def with_cache(app):
    cache = Cache()

    def answer(env, start_response):
        env["swift.cache"] = cache
        return app(env, start_response)

    return answer


def serve(app, socket):
    eventlet.spawn(eventlet.wsgi.server, socket, app, open(os.devnull, "w"))


utils.HASH_PATH_SUFFIX = b"lab"
os.makedirs(os.path.join(FOLDER, "devices", "d"), exist_ok=True)
sockets = {}
for name in ("account", "container", "object"):
    sockets[name] = eventlet.listen((ADDRESS, 0))
    builder = RingBuilder(1, 1, 0)
    builder.add_dev({"id": 0, "region": 0, "zone": 0, "weight": 1, "ip": ADDRESS, "device": "d",
                     "port": sockets[name].getsockname()[1]})
    builder.rebalance()
    builder.get_ring().save(os.path.join(FOLDER, name + ".ring.gz"))
for name, socket in sockets.items():
    conf = os.path.join(FOLDER, name + ".conf")
    egg = "mem_object" if name == "object" else name
    with open(conf, "w") as file:
        file.write(SERVER.format(folder=FOLDER, name=name, egg=egg))
    serve(loadapp(conf), socket)
conf = os.path.join(FOLDER, "proxy.conf")
account, user = ACCESS_KEY.split(":")
with open(conf, "w") as file:
    file.write(PROXY.format(folder=FOLDER, account=account, user=user, secret=SECRET))
socket = eventlet.listen((ADDRESS, int(PORT)))
app = with_cache(loadapp(conf))
sys.stderr.write("port %d is ready\n" % socket.getsockname()[1])
sys.stderr.flush()
eventlet.wsgi.server(socket, app, open(os.devnull, "w"))
