"""Receives alerts of a webhook channel, with nothing but Python: verifies the signature, drops repeats, prints what happened.

    npx dpf channels add hook --webhook http://127.0.0.1:8787/ > hook.secret
    python3 examples/receiver.py hook.secret [PORT]

The file has a secret on each line; while the secret is replaced, both. It is read for each request, so a new secret needs no
restart: npx dpf channels rotate hook > hook.secret
"""

import base64
import hashlib
import hmac
import json
import re
import signal
import sqlite3
import sys
import threading
import time
import unicodedata
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 5 * 60  # seconds: somebody may have recorded an older request
MAX_BODY = 5_000_000


class Inbox:
    """Messages by their ids: one is sent again when its answer was lost. They are kept before they are answered, so that
    slow work may follow the answer, and is done after a crash."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.execute("CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, body TEXT, done INTEGER DEFAULT 0)")
        self.changed = threading.Event()
        self.changed.set()

    def add(self, message_id, body):
        with self.lock, self.db:
            self.db.execute("INSERT OR IGNORE INTO inbox (id, body) VALUES (?, ?)", (message_id, body))
        self.changed.set()

    def work(self):
        while True:
            self.changed.wait()
            self.changed.clear()
            with self.lock:
                rows = self.db.execute("SELECT id, body FROM inbox WHERE done = 0 ORDER BY rowid").fetchall()
            for message_id, body in rows:
                show(json.loads(body))
                with self.lock, self.db:  # the id stays; what it was about need not
                    self.db.execute("UPDATE inbox SET done = 1, body = '' WHERE id = ?", (message_id,))


def refusal(headers, body, secret_file):
    """Why the request is not what the channel sent; None: it is."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not re.fullmatch("[0-9]{1,12}", timestamp):
        return "no webhook-id or webhook-timestamp"
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        return "it was sent at another time"
    signed = f"{message_id}.{timestamp}.".encode() + body
    given = [each.encode() for each in headers.get("webhook-signature", "").split(" ")]
    keys = secrets(secret_file)
    if not keys:
        return f"no secret (whsec_...) is in {secret_file}"
    for key in keys:
        mac = hmac.new(key, signed, hashlib.sha256).digest()
        expected = b"v1," + base64.b64encode(mac)
        if any(hmac.compare_digest(each, expected) for each in given):
            return None
    return "no signature is right"


def secrets(path):
    try:
        with open(path, encoding="ascii") as file:
            lines = [line.strip() for line in file]
    except FileNotFoundError:
        lines = []
    return [base64.b64decode(line.removeprefix("whsec_")) for line in lines if line.startswith("whsec_")]


def harmless(text):
    """Titles are written by sellers: nothing in them may move the cursor or turn the line."""
    return "".join(" " if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") else char for char in text)


def show(message):
    data = message["data"]
    if not data["hits"]:
        print(f"{message['type']} {data['alert']}".strip(), flush=True)
    for hit in data["hits"]:
        price = " → ".join(f"{money['value']} {money['currency']}" for money in (hit["from"], hit["to"]) if money)
        print(f"{data['alert']}: {hit['on']}  {harmless(hit['title'] or hit['itemId'])}  {price}".rstrip(), flush=True)
        for address in (hit["url"], hit["image"]):
            if address:
                print(f"  {harmless(address)}", flush=True)


def handler(inbox, secret_file):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_POST(self):
            length = self.headers.get("content-length", "")
            if not length.isdigit() or int(length) > MAX_BODY:
                return self.answer(413)
            body = self.rfile.read(int(length))
            why = refusal(self.headers, body, secret_file)
            if why:
                print(f"refused: {why}", file=sys.stderr, flush=True)
                return self.answer(401, why)
            inbox.add(self.headers["webhook-id"], body.decode())
            return self.answer(204)

        def answer(self, status, why=""):
            self.send_response(status)
            if status != 204:
                self.send_header("content-length", str(len(why)))
            if status == 413:
                self.close_connection = True
            self.end_headers()
            self.wfile.write(why.encode())

        def log_message(self, *_):
            pass

    return Handler


def main():
    secret_file, port = (sys.argv[1:] + ["8787"])[:2] if len(sys.argv) in (2, 3) else ("", "")
    if not secret_file or not re.fullmatch("[0-9]{1,5}", port):
        print("usage: receiver.py SECRET-FILE [PORT]", file=sys.stderr)
        sys.exit(2)
    inbox = Inbox(f"{secret_file}.inbox")
    threading.Thread(target=inbox.work, daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), handler(inbox, secret_file))
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: sys.exit(0))
    print(f"waiting for alerts on http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
