# SPDX-License-Identifier: Apache-2.0
"""Prints, as JSON, what the zeroconf package finds on one interface: find_datastore.py ADDRESS TYPE..."""

import json
import sys
import threading

from zeroconf import IPVersion, ServiceBrowser, ServiceListener, Zeroconf

LIMIT_SECONDS = 20

address, *types = sys.argv[1:]
found = {}
is_complete = threading.Event()


class Listener(ServiceListener):
    def add_service(self, zc, type_, name):
        info = zc.get_service_info(type_, name, timeout=3000)
        if info is None:
            return
        found[type_] = {
            "name": name,
            "server": info.server,
            "port": info.port,
            "addresses": info.parsed_addresses(),
        }
        if len(found) == len(types):
            is_complete.set()

    def update_service(self, zc, type_, name):
        pass

    def remove_service(self, zc, type_, name):
        pass


zeroconf = Zeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
browser = ServiceBrowser(zeroconf, types, Listener())
is_complete.wait(LIMIT_SECONDS)
browser.cancel()
zeroconf.close()
print(json.dumps(found))
