"""The page to vote on. It only puts votes into a queue, so it is quick, and any number of replicas can run."""

import html
import http.cookies
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import string
import sys
import time
import urllib.parse
import uuid

import redis

OPTIONS = {"a": os.environ.get("OPTION_A", "Cats"), "b": os.environ.get("OPTION_B", "Dogs")}
PAGE = string.Template((pathlib.Path(__file__).parent / "page.html").read_text(encoding="utf-8"))
REPLICA = socket.gethostname()
LONGEST_FORM = 1024

queue = redis.Redis(
    host=os.environ.get("REDIS_HOST", "redis"),
    port=int(os.environ.get("REDIS_PORT", "6379")),
    socket_connect_timeout=2,
    socket_timeout=2,
)


class Handler(http.server.BaseHTTPRequestHandler):
    server_version = "vote"
    timeout = 5
    wbufsize = -1  # buffered, so that an answer leaves in one piece

    def do_GET(self):
        if self.path == "/healthz":
            # Only about this process: a replica that can't reach Redis would not get better by a restart.
            self.answer(200, "ok\n", "text/plain")
        elif self.path == "/":
            _, choice = self.voter()
            self.show(200, choice, f"You voted for {OPTIONS[choice]}." if choice else "Choose one; you may change it.")
        else:
            self.answer(404, "not found\n", "text/plain")

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LONGEST_FORM:
            self.answer(413, "the form is too long\n", "text/plain")
            return
        form = urllib.parse.parse_qs(self.rfile.read(int(length)).decode("utf-8", "replace"))
        choice = form.get("choice", [""])[0]
        if choice not in OPTIONS:
            self.answer(400, "there is no such choice\n", "text/plain")
            return
        voter, previous = self.voter()
        vote = {"voter": voter, "choice": choice, "cast_at": time.time_ns()}
        try:
            queue.lpush("votes", json.dumps(vote))
        except redis.RedisError as error:
            print(f"vote: {error}", file=sys.stderr)
            self.show(503, previous, "Your vote could not be taken. Please try again.")
            return
        print(f"vote: {voter[:8]} votes {choice}")
        lasting = "Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
        cookies = [f"voter={voter}; {lasting}", f"choice={choice}; {lasting}"]
        # The answer sends the browser back to the page, so that reloading it does not vote again.
        self.answer(303, "", "text/plain", [("Location", "/"), *(("Set-Cookie", cookie) for cookie in cookies)])

    def voter(self):
        """Who asks (a new identity if there is none yet) and what they chose before, if anything."""
        try:
            cookies = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
        except http.cookies.CookieError:
            cookies = {}
        voter = cookies["voter"].value if "voter" in cookies else ""
        choice = cookies["choice"].value if "choice" in cookies else ""
        if not re.fullmatch("[0-9a-f]{32}", voter):
            voter = uuid.uuid4().hex
        return voter, choice if choice in OPTIONS else None

    def show(self, status, choice, message):
        page = PAGE.substitute(
            option_a=html.escape(OPTIONS["a"]),
            option_b=html.escape(OPTIONS["b"]),
            pressed_a=str(choice == "a").lower(),
            pressed_b=str(choice == "b").lower(),
            message=html.escape(message),
            replica=html.escape(REPLICA),
        )
        self.answer(status, page, "text/html")

    def answer(self, status, text, kind, headers=()):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Replica", REPLICA)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code="-", size="-"):
        pass  # the gateway writes the access log


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # a request that has begun is finished before the program ends
    request_queue_size = 128


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with Server(("", int(os.environ.get("PORT", "8000"))), Handler) as server:
    print(f"vote: {REPLICA} listens on port {server.server_port}")
    server.serve_forever()
