"""The page with the counts, and the same as JSON at /api/results."""

import html
import http.server
import json
import os
import pathlib
import signal
import socket
import string
import sys
import threading

import psycopg2

OPTIONS = {"a": os.environ.get("OPTION_A", "Cats"), "b": os.environ.get("OPTION_B", "Dogs")}
PAGE = string.Template((pathlib.Path(__file__).parent / "page.html").read_text(encoding="utf-8"))
REPLICA = socket.gethostname()


class Counts:
    """Reads the counts over one connection that is kept, and made anew when it broke."""

    def __init__(self):
        self.lock = threading.Lock()
        self.connection = None

    def read(self):
        with self.lock:
            if self.connection:
                try:
                    return self.query()
                except (psycopg2.OperationalError, psycopg2.InterfaceError):
                    pass  # the server may have been restarted since the last time
            self.connect()
            return self.query()

    def connect(self):
        if self.connection:
            self.connection.close()
            self.connection = None
        password = pathlib.Path(os.environ["PGPASSWORD_FILE"]).read_text(encoding="utf-8").strip()
        self.connection = psycopg2.connect(password=password, connect_timeout=3, tcp_user_timeout=3000)
        self.connection.autocommit = True

    def query(self):
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT choice, count(*) FROM votes GROUP BY choice")
            return dict(cursor.fetchall())


counts = Counts()


class Handler(http.server.BaseHTTPRequestHandler):
    server_version = "result"
    timeout = 5
    wbufsize = -1  # buffered, so that an answer leaves in one piece

    def do_GET(self):
        if self.path == "/healthz":
            self.answer(200, "ok\n", "text/plain")
        elif self.path == "/result":
            page = PAGE.substitute(
                option_a=html.escape(OPTIONS["a"]), option_b=html.escape(OPTIONS["b"]), replica=html.escape(REPLICA)
            )
            self.answer(200, page, "text/html")
        elif self.path == "/api/results":
            try:
                votes = counts.read()
            except psycopg2.Error as error:
                print(f"result: {str(error).strip()}", file=sys.stderr)
                self.answer(503, json.dumps({"error": "the database does not answer"}) + "\n", "application/json")
                return
            options = [{"id": key, "name": name, "votes": votes.get(key, 0)} for key, name in OPTIONS.items()]
            total = sum(option["votes"] for option in options)
            self.answer(200, json.dumps({"options": options, "total": total}) + "\n", "application/json")
        else:
            self.answer(404, "not found\n", "text/plain")

    def answer(self, status, text, kind):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Replica", REPLICA)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code="-", size="-"):
        pass  # the gateway writes the access log


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # a request that has begun is finished before the program ends
    request_queue_size = 128


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with Server(("", int(os.environ.get("PORT", "8000"))), Handler) as server:
    print(f"result: {REPLICA} listens on port {server.server_port}")
    server.serve_forever()
