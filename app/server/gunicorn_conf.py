"""gunicorn's settings and hooks. gunicorn reads every name here that is in lower case."""

import gc
import logging
import os
import resource
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

# Imported before the fork, so that workers share its memory and start fast.
import app.routes
import app.wsgi
from app.commands.errors import Exit
from app.rate_limit.shared_memory import inherited_memory
from app.server.cpu import available_cpus
from app.server.head import MAX_HEAD, MAX_REQUEST_LINE
from app.server.stop_signals import STOP_SIGNALS
from app.settings.config import load_config
from app.telemetry import logs
from app.telemetry.log_writer import ImpatientWriter
from app.telemetry.metrics_files import (
    FOLDER_VARIABLE,
    MetricsFolderError,
    forget_worker,
    free_slot,
    make_folder_with_room,
    remove_folder,
    reserve_slot,
    use_slot,
)

_config = load_config(os.environ)
# The master must not wait for the reader of its log: it would replace no worker meanwhile.
_stream = ImpatientWriter(sys.stdout.fileno()) if sys.stdout else None
logs.configure(_config.log_format, _config.log_level, _stream)
# Made before the fork, so that the workers share it, and need not derive the keys themselves.
inherited_memory()
app.routes.make_signing_keys(_config)
if _config.redis_url:
    # Imported before the fork, as above.
    import app.rate_limit.fallback_store


class _Logger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Sends gunicorn's messages to our log. The application writes the line of each request."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401  # gunicorn's own signature
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(cfg.loglevel.upper())

    def access(self, *_args: object) -> None:
        pass


bind = f"[{_config.host}]:{_config.port}" if ":" in _config.host else f"{_config.host}:{_config.port}"
_is_ours = _config.worker_class == "ours"
worker_class = "app.server.worker.Worker" if _is_ours else "gthread"
workers = _config.web_concurrency or min(4, max(2, available_cpus()))
threads = _config.requests_at_once
# Each connection is an open file, and a worker without a free one ends. Linux allows 1,024 by default, and
# more where a process asks.
_other_files = 64 + 2 * _config.web_threads
_files, _most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
_files = max(_files, min(4000 + _other_files, _most_files))
resource.setrlimit(resource.RLIMIT_NOFILE, (_files, _most_files))
worker_connections = max(2 * threads, min(4000, _files - _other_files))
proc_name = "connected-backend"
logger_class = _Logger
loglevel = _config.log_level

# Traefik keeps idle connections for 90 s, Caddy for 120 s. We close ours later, so that they never reuse a
# closed one.
keepalive = 125
# `docker stop` gives 30 s; gunicorn ends by itself before that.
graceful_timeout = 22
timeout = 60
max_requests = 1_000_000
max_requests_jitter = 100_000
limit_request_line = MAX_REQUEST_LINE
# One header may be the whole head: applications behind /auth/verify have large cookies. gunicorn's own worker
# does not bound the head in all, so it takes shorter ones.
limit_request_field_size = MAX_HEAD if _is_ours else MAX_REQUEST_LINE

# By default gunicorn lets a peer on this machine, or one that FORWARDED_ALLOW_IPS names, change the path with
# the header SCRIPT_NAME, and the scheme with others. This service has TRUSTED_PROXIES instead.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

# The heartbeat file: on a disk that blocks, it would block the worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # gunicorn unlinks it at once
control_socket_disable = True


def on_starting(_server: Any) -> None:  # noqa: ANN401  # gunicorn has no types
    """The master starts. SIGHUP does not come here, so it keeps the metrics."""
    # A forked worker has the master's handlers, which would swallow a stop. So these signals wait until the
    # worker has set its own.
    os.register_at_fork(
        before=partial(signal.pthread_sigmask, signal.SIG_BLOCK, STOP_SIGNALS),
        after_in_parent=partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, STOP_SIGNALS),
    )
    # Others may have filled /dev/shm.
    parents = dict.fromkeys([Path(worker_tmp_dir or tempfile.gettempdir()), Path(tempfile.gettempdir())])
    try:
        folder = make_folder_with_room(list(parents), _reserve_slots)
    except MetricsFolderError as error:
        logging.getLogger("app").error(str(error))  # noqa: TRY400  # the sentence says it all
        raise SystemExit(Exit.UNAVAILABLE) from error
    if folder.parent != next(iter(parents)):
        logging.getLogger("app").warning("No room in /dev/shm: the metrics are in %s", folder.parent)
    os.environ[FOLDER_VARIABLE] = str(folder)


def _reserve_slots(folder: Path) -> None:
    for slot in range(workers):
        reserve_slot(slot, folder)


def when_ready(server: Any) -> None:  # noqa: ANN401  # gunicorn has no types
    """The sockets listen; the workers are forked next."""
    # main.py blocked it; gunicorn has its handlers by now.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    # A look for garbage would take a tenth of the start, to find a few hundred objects.
    gc.freeze()
    gc.enable()
    server.log.info("Server running", extra={"url": f"http://localhost:{_config.port}"})


def pre_fork(server: Any, worker: Any) -> None:  # noqa: ANN401
    """In the master, before it forks a worker."""
    worker.metrics_slot = free_slot(sibling.metrics_slot for sibling in server.WORKERS.values())
    # on_starting reserved it, unless SIGHUP or TTIN has added this worker.
    reserve_slot(worker.metrics_slot, Path(os.environ[FOLDER_VARIABLE]))


def post_fork(_server: Any, worker: Any) -> None:  # noqa: ANN401
    """In the new worker, before it makes any metric."""
    use_slot(worker.metrics_slot, Path(os.environ[FOLDER_VARIABLE]))


def post_worker_init(worker: Any) -> None:  # noqa: ANN401
    """The worker has loaded its application."""
    # gunicorn's own worker does not know that they are blocked.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    # SIGTERM may have arrived before there was an application to tell.
    if getattr(worker, "is_told_to_stop", False):
        worker.wsgi.stopping.set()


def worker_exit(_server: Any, worker: Any) -> None:  # noqa: ANN401
    """The worker has answered its last request."""
    if service := getattr(worker, "wsgi", None):
        service.close()


def child_exit(_server: Any, worker: Any) -> None:  # noqa: ANN401
    """In the master, after a worker has ended, for whatever reason."""
    forget_worker(worker.metrics_slot, Path(os.environ[FOLDER_VARIABLE]))


def on_exit(_server: Any) -> None:  # noqa: ANN401
    """The master ends, after its last worker."""
    remove_folder(Path(os.environ[FOLDER_VARIABLE]))
