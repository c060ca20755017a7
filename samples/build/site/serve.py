"""Serves the pages, and hands /api on to the other service."""
import http.server, urllib.request


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments):
        super().__init__(*arguments, directory="/srv/site")

    def do_GET(self):
        if not self.path.startswith("/api/"):
            return super().do_GET()
        with urllib.request.urlopen(f"http://api:8001{self.path}", timeout=5) as answer:
            body = answer.read()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
