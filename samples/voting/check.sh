#!/bin/sh
# check.sh [URL [SECONDS [REPLICAS]]]: votes through the gateway as a new voter, waits until the result shows the vote,
# changes it, and waits again. Then it waits until that many replicas of `vote` have answered. Says what it saw; the
# exit status is 0 when everything was seen within the seconds. Meant for a moment in which nobody else votes.
exec /usr/bin/python3 - "${1:-http://localhost:${VOTING_PORT:-8080}}" "${2:-30}" "${3:-1}" <<'PYTHON'
import http.cookiejar, json, sys, time, urllib.error, urllib.parse, urllib.request

base, seconds, replicas = sys.argv[1].rstrip("/"), float(sys.argv[2]), int(sys.argv[3])
started = time.monotonic()
voter = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
)


def ask(path, form=None):
    """The text of the page, and which replica gave it."""
    body = urllib.parse.urlencode(form).encode() if form else None
    with voter.open(base + path, body, timeout=5) as answer:
        return answer.read().decode(), answer.headers.get("X-Replica", "")


def results():
    return {option["id"]: option["votes"] for option in json.loads(ask("/api/results")[0])["options"]}


def wait(what, attempt):
    """Repeats the attempt until it gives something true. Answers that fail are waited out, too."""
    problem = "not yet"
    while True:
        try:
            if found := attempt():
                print(f"{time.monotonic() - started:6.2f} s  {what}: {found}", flush=True)
                return found
        except (OSError, ValueError, KeyError) as error:
            problem = error
        if time.monotonic() - started > seconds:
            sys.exit(f"check.sh: {what}: not seen at {base} within {seconds:g} s ({problem})")
        time.sleep(0.05)


def show(counts):
    return ", ".join(f"{key}={count}" for key, count in counts.items())


def expect(what, wanted):
    wait(what, lambda: (counts := results()) == wanted and show(counts))


seen = set()


def look():
    page, replica = ask("/")
    seen.add(replica)
    return "<form" in page and "answered by " + replica


wait("vote page", look)
wait("result page", lambda: (page := ask("/result"))[0].count('class="bar"') == 2 and "answered by " + page[1])
before = wait("counts before", results)
wait("vote for b", lambda: "answered by " + ask("/", {"choice": "b"})[1])
expect("vote is counted", {**before, "b": before["b"] + 1})
wait("change it to a", lambda: "answered by " + ask("/", {"choice": "a"})[1])
expect("change is counted", {**before, "a": before["a"] + 1})
wait("replicas of vote", lambda: look() and len(seen) >= replicas and ", ".join(sorted(seen)))
PYTHON
