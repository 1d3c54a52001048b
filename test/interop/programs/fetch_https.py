# SPDX-License-Identifier: Apache-2.0
"""An HTTPS client that, like EVE, replaces the system's roots by one certificate and checks the address in
the leaf: fetch_https.py CA-FILE DIALLED-ADDRESS EXPECTED-ADDRESS PATH. Prints the sha256 of the body.
"""
import hashlib
import http.client
import socket
import ssl
import sys

ca_file, host, expected, path = sys.argv[1:]
with open(ca_file, encoding="ascii") as file:
    context = ssl.create_default_context(cadata=file.read())
# The default of Python 3.13 and later.
context.verify_flags |= ssl.VERIFY_X509_STRICT
try:
    connection = http.client.HTTPConnection(host)
    plain = socket.create_connection((host, 443), timeout=30)
    connection.sock = context.wrap_socket(plain, server_hostname=expected)
    connection.request("GET", path)
    response = connection.getresponse()
    if response.status != 200:
        sys.exit(f"status {response.status}")
    digest = hashlib.sha256()
    while chunk := response.read(1 << 20):
        digest.update(chunk)
    print(digest.hexdigest())
except ssl.SSLError as error:
    sys.exit(str(error))
