#!/usr/bin/env python3
"""A poller of a SAFE evidence room as a records vendor would write it: standard library only. It asks for item after item by
its number, stores each with its case, people, form data and chain of custody, and ends at the first number that is blank.
Started again, it goes on there.

safe_poller.py URL CA ORGANIZATION OFFICE STORE: the static token is in the variable SAFE_TOKEN. STORE is a file with one line
of JSON an item; a line is an item that was stored whole. The last line of the output says the number that was blank."""

import http.client
import json
import os
import ssl
import sys
import time
import urllib.parse

if len(sys.argv) != 6 or "SAFE_TOKEN" not in os.environ:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
URL, CA, ORGANIZATION, OFFICE, STORE = sys.argv[1:]
HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded",
    "Authorization": "Bearer " + os.environ["SAFE_TOKEN"],
    "OrganizationID": ORGANIZATION,
    "OfficeId": OFFICE,
    "StaticToken": "true",
}


class Room:
    """The web API over one connection that is kept."""

    def __init__(self):
        self.host = urllib.parse.urlsplit(URL).netloc
        self.context = ssl.create_default_context(cafile=CA)
        self.connection = None

    def get(self, path):
        while True:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(self.host, context=self.context, timeout=60)
            self.connection.request("GET", path, headers=HEADERS)
            answer = self.connection.getresponse()
            body = answer.read()
            if answer.status == 429:
                time.sleep(int(answer.headers["Retry-After"]))
            elif answer.status != 200:
                sys.exit(f"{path}: {answer.status} {body[:300]!r}")
            else:
                return json.loads(body)


def stored():
    """The numbers that are stored. A line that was cut off when the last run was killed is not."""
    numbers = []
    if not os.path.exists(STORE):
        return numbers
    whole = 0
    with open(STORE, "rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            numbers.append(json.loads(line)["number"])
            whole += len(line)
    os.truncate(STORE, whole)
    return numbers


def main():
    room, cases = Room(), {}
    number = max(stored(), default=0) + 1
    with open(STORE, "a", encoding="utf-8") as store:
        while True:
            item = room.get(f"/api/items/seqOrgID/{number}")
            if item is None:
                break
            row = {"number": number, "item": item}
            if not item["isForbidden"]:
                case = item["primaryCaseId"]
                if case not in cases:
                    cases[case] = (room.get(f"/api/cases/{case}"), room.get(f"/api/cases/{case}/people"))
                row["case"], row["people"] = cases[case]
                row["formData"] = room.get(f"/api/formdata/{item['id']}")
                row["chain"] = room.get(f"/api/items/{item['id']}/coc")
            store.write(json.dumps(row) + "\n")
            store.flush()
            os.fsync(store.fileno())
            number += 1
    print(json.dumps({"blank": number}))


main()
