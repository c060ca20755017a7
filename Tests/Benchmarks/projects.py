"""Compose files as people write them, of any size."""

SMALL = """\
services:
  web:
    image: nginx:1.27
    ports: ["8080:80"]
    environment:
      MODE: ${MODE:-production}
    depends_on: [db]
  db:
    image: postgres:17
    volumes: ["data:/var/lib/postgresql/data"]
volumes: {data: {}}
"""

HEAD = """\
name: large
x-common: &common
  restart: unless-stopped
  logging: {driver: json-file, options: {max-size: 10m, max-file: "3"}}
"""

API = """\
  api-{n}:
    <<: *common
    image: registry.example.com/team/api-{n}:${{TAG:-1.{n}}}
    command: ["./serve", "--port", "8080", "--workers=4"]
    environment:
      DATABASE_URL: postgres://app:secret@db-{n}:5432/app
      CACHE_URL: redis://cache-{n}:6379/0
      LOG_LEVEL: ${{LOG_LEVEL:-info}}
      REGION: eu-west-1
    ports: ["{port}:8080"]
    networks: [front, back-{g}]
    depends_on:
      db-{n}: {{condition: service_healthy}}
      cache-{n}: {{condition: service_started}}
    healthcheck:
      test: ["CMD", "wget", "-qO-", "http://localhost:8080/health"]
      interval: 10s
      timeout: 3s
      retries: 5
    deploy:
      replicas: 2
      resources: {{limits: {{cpus: "0.50", memory: 256M}}}}
    labels:
      traefik.enable: "true"
      traefik.http.routers.api-{n}.rule: Host(`api-{n}.example.com`)
"""

DB = """\
  db-{n}:
    <<: *common
    image: postgres:17
    user: "999:999"
    environment:
      - POSTGRES_USER=app
      - POSTGRES_PASSWORD=secret
      - POSTGRES_DB=app
    volumes:
      - data-{n}:/var/lib/postgresql/data
      - ./conf/postgres.conf:/etc/postgresql/postgresql.conf:ro
    networks: [back-{g}]
    healthcheck: {{test: pg_isready -U app, interval: 5s, retries: 10}}
    shm_size: 128m
"""

CACHE = """\
  cache-{n}:
    <<: *common
    image: redis:7
    command: redis-server --maxmemory 64mb
    read_only: true
    tmpfs: /tmp
    cap_drop: [ALL]
    networks: [back-{g}]
    ulimits: {{nofile: {{soft: 10000, hard: 20000}}}}
"""

JOB = """\
  job-{n}:
    extends: api-{n}
    command: ["./work", "--queue=q{n}"]
    ports: !reset []
    deploy: {{replicas: 1}}
"""


def large(count):
    """A file of `count` services, a multiple of 4: APIs with their databases, caches and workers, on many networks."""
    parts = [HEAD, "services:\n"]
    groups = count // 4
    for n in range(groups):
        names = dict(n=n, g=n // 10, port=10000 + n)
        parts += [part.format(**names) for part in (API, DB, CACHE, JOB)]
    parts.append("networks:\n  front: {}\n")
    parts += ["  back-%d: {internal: true}\n" % g for g in range((groups + 9) // 10)]
    parts.append("volumes:\n")
    parts += ["  data-%d: {}\n" % n for n in range(groups)]
    return "".join(parts)
