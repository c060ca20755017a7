"""Tells which release this is; with "check", asks the one that runs."""
import http.server, pathlib, sys, urllib.request

if sys.argv[1:] == ["check"]:
    urllib.request.urlopen("http://127.0.0.1:8001/api/release", timeout=5)
    sys.exit(0)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(pathlib.Path("/srv/api/release.json").read_bytes())


http.server.ThreadingHTTPServer(("", 8001), Handler).serve_forever()
