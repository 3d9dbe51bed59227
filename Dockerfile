# The service as one container. BASE_IMAGE may be any Debian-based image with Python 3.11 or newer.
ARG BASE_IMAGE=python:3.14-slim

FROM ${BASE_IMAGE} AS builder

# gunicorn_h1c is C and has no wheel; the compiler stays in this stage.
# hadolint ignore=DL3008 # Debian drops superseded versions, so a pinned one stops building
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && apt-get clean && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements/container.txt requirements/
# What is required of us but never imported goes: googleapis-common-protos is for OTLP over gRPC, pycparser for
# those who compile; Falcon's own benchmark; of offapi /docs needs one user interface of three
# (docs/adr/0011-api-description.md).
RUN python3 -m venv .venv \
    && .venv/bin/pip install --disable-pip-version-check --no-cache-dir --no-compile --quiet \
        --require-hashes --requirement requirements/container.txt \
    && .venv/bin/pip uninstall --yes --quiet googleapis-common-protos pycparser pip \
    && find .venv -regex '.*/\(falcon/bench\|offapi/\(redoc\|scalar\|swagger_preset\)\.js\)' -prune -exec rm -r {} + \
    && find .venv -name '*.so' -exec strip --strip-unneeded {} + \
    && find .venv -regex '.*\.\(c\|h\|proto\|pyi\|pyx\)' -delete

COPY setup.cfg ./
COPY bin bin
COPY sql sql
COPY app app
COPY ops/imported_modules.py ./
# Bytecode is never checked against its source: nothing changes the files of an image.
# The modes do not depend on the umask of whoever checked the files out.
RUN PYTHONPATH=. PYTHONDONTWRITEBYTECODE=1 .venv/bin/python imported_modules.py > imported \
    && grep ^/app/ imported > ours \
    && grep --invert-match ^/app/ imported > standard-library \
    && .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash -i ours \
    && chmod -R u=rwX,go=rX app bin sql setup.cfg


FROM ${BASE_IMAGE}

# curl is for bin/healthcheck, and for platforms whose own check runs it inside the container, as Coolify's does.
# hadolint ignore=DL3008 # as above
RUN apt-get update \
    && apt-get install --yes --no-install-recommends curl \
    && apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/log/*.log /var/log/apt/* \
    && groupadd --gid 10001 app \
    && useradd --uid 10001 --gid app --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin app

# Slim Python images come without bytecode of the standard library; every start would compile it.
# (A mount needs BuildKit: Docker's builder since version 23.)
RUN --mount=type=bind,from=builder,source=/app/standard-library,target=/tmp/standard-library \
    python3 -m compileall -q --invalidation-mode unchecked-hash -i /tmp/standard-library

WORKDIR /app
COPY --from=builder /app/.venv .venv
COPY --from=builder /app/setup.cfg ./
COPY --from=builder /app/bin bin
COPY --from=builder /app/sql sql
COPY --from=builder /app/app app

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# Whoever builds may say which commit; Coolify does if told to include it.
ARG SOURCE_COMMIT=unknown
LABEL org.opencontainers.image.title="connected-backend" \
      org.opencontainers.image.description="A small sign-in backend for web frontends" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${SOURCE_COMMIT}" \
      org.opencontainers.image.licenses="MIT"

USER 10001:10001
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3 CMD ["bin/healthcheck"]
# A SIGTERM that comes before the shell takes it waits.
CMD ["env", "--block-signal=TERM", "bin/start"]
