#!/usr/bin/env python3
"""A receiver of webhooks as a vendor would write it: standard library only, after the specifications of Standard Webhooks
and of CloudEvents' HTTP binding. It checks every delivery and prints one line of JSON about each.

webhook_receiver.py SECRETS CERTIFICATE KEY: serves HTTPS on a free port, which is its first line. SECRETS is a file with one
`whsec_…` a line, read at every delivery; each must have signed."""

import base64
import hashlib
import hmac
import http.server
import json
import ssl
import sys
import time

SECRETS, CERTIFICATE, KEY = sys.argv[1:]


def faults(headers, body):
    found = []
    message = headers["webhook-id"].encode() + b"." + headers["webhook-timestamp"].encode() + b"." + body
    given = [s.split(",", 1)[1] for s in headers["webhook-signature"].split(" ") if s.startswith("v1,")]
    with open(SECRETS) as file:
        secrets = file.read().split()
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        expected = base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
        if not any(hmac.compare_digest(expected, signature) for signature in given):
            found.append("a secret has not signed")
    if len(given) != len(secrets):
        found.append(f"{len(given)} signatures for {len(secrets)} secrets")
    if abs(time.time() - int(headers["webhook-timestamp"])) > 300:
        found.append("the timestamp is too old or too new")
    event = json.loads(body)
    expected = {
        "webhook-id": event["eventId"],
        "ce-id": event["eventId"],
        "ce-type": event["eventType"],
        "ce-time": event["triggeredAt"],
        "ce-source": "urn:blotter:node:" + event["node"],
        "ce-subject": event["data"]["id"],
        "ce-specversion": "1.0",
        "content-type": "application/json",
    }
    found += [f"{name} is {headers[name]}" for name, value in expected.items() if headers[name] != value]
    return found


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            found = faults(self.headers, body)
        except Exception as error:
            found = [repr(error)]
        print(json.dumps({"faults": found, "path": self.path, "event": json.loads(body)}), flush=True)
        self.send_response(400 if found else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
