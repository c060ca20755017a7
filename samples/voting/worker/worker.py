"""Takes votes from the queue and writes them into the database.

A vote is moved to a second list while it is being written, and leaves that list only after the commit. So no vote is
lost when this program, Redis or PostgreSQL ends at any moment; a vote may be written twice, which changes nothing.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import sys
import time

import psycopg2
import redis

WAITING, TAKEN = "votes", "votes:taken"
HEARTBEAT = pathlib.Path(os.environ.get("HEARTBEAT", "/tmp/heartbeat"))
UPSERT = """
    INSERT INTO votes (voter, choice, cast_at) VALUES (%(voter)s, %(choice)s, %(cast_at)s)
    ON CONFLICT (voter) DO UPDATE SET choice = excluded.choice, cast_at = excluded.cast_at
    WHERE votes.cast_at < excluded.cast_at
"""


def connect_queue():
    return redis.Redis(
        host=os.environ.get("REDIS_HOST", "redis"),
        port=int(os.environ.get("REDIS_PORT", "6379")),
        socket_connect_timeout=2,
        socket_timeout=5,
    )


def connect_database():
    """The address comes from PGHOST and its like. A server that is gone without a word is noticed after seconds."""
    password = pathlib.Path(os.environ["PGPASSWORD_FILE"]).read_text(encoding="utf-8").strip()
    return psycopg2.connect(
        password=password, connect_timeout=3, tcp_user_timeout=5000,
        keepalives_idle=5, keepalives_interval=2, keepalives_count=2,
    )


def parsed(entry):
    """The vote in a queue entry, or None if it is no vote that the database would take."""
    try:
        vote = json.loads(entry)
        voter, choice, cast_at = vote["voter"], vote["choice"], vote["cast_at"]
        valid = re.fullmatch("[0-9a-f]{32}", voter) and choice in ("a", "b") and 0 <= cast_at < 2**63
    except (ValueError, KeyError, TypeError):
        return None
    return {"voter": voter, "choice": choice, "cast_at": int(cast_at)} if valid else None


def put_back(queue):
    """Returns to the queue what was taken, but perhaps never written, before this program or a connection ended."""
    while entry := queue.lmove(TAKEN, WAITING, "LEFT", "RIGHT"):
        print(f"worker: takes up again {entry.decode(errors='replace')}")


def work(queue, database):
    while True:
        HEARTBEAT.touch()
        entry = queue.blmove(WAITING, TAKEN, 2, "RIGHT", "LEFT")
        if entry is None:
            continue
        if vote := parsed(entry):
            with database, database.cursor() as cursor:
                cursor.execute(UPSERT, vote)
            print(f"worker: counted {vote['voter'][:8]} for {vote['choice']}")
        else:
            print(f"worker: dropped an entry that is no vote: {entry!r}", file=sys.stderr)
        queue.lrem(TAKEN, 1, entry)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    HEARTBEAT.touch()
    try:
        with contextlib.closing(connect_database()) as database, contextlib.closing(connect_queue()) as queue:
            put_back(queue)
            print("worker: ready")
            work(queue, database)
    except (redis.RedisError, psycopg2.Error) as error:
        print(f"worker: tries again in a second: {str(error).strip()}", file=sys.stderr)
        time.sleep(1)
