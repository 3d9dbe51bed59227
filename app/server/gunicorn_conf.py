"""gunicorn's settings, and the hooks of its processes. gunicorn reads the names in lower case."""

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

# Imported before the fork, so that workers share its memory and start fast; they make their own objects.
import app.wsgi
from app.rate_limit.shared_memory import inherited_memory
from app.server.cpu import available_cpus
from app.server.worker import STOP_SIGNALS
from app.settings.load import load_config
from app.telemetry import logs
from app.telemetry.log_writer import ImpatientWriter
from app.telemetry.metrics_folder import MetricsFolderError, make_folder_with_room, remove_folder
from app.telemetry.metrics_slots import FOLDER_VARIABLE, forget_worker, free_slot, reserve_slot, use_slot

_config = load_config(os.environ)
# A master that waits for the reader of its log replaces no worker.
_stream = ImpatientWriter(sys.stdout.fileno()) if sys.stdout else None
logs.configure(_config.log_format, _config.log_level, _stream)
# Made here, before the fork, so that the workers count together.
inherited_memory()
if _config.redis_url:
    # Imported before the fork for the same reason as above.
    import app.rate_limit.fallback_store  # noqa: F401


class _Logger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's own messages as records like any other; the application writes the request's line."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401  # gunicorn's own signature
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(_config.log_level.upper())

    def access(self, *_args: object) -> None:
        pass


bind = f"[{_config.host}]:{_config.port}" if ":" in _config.host else f"{_config.host}:{_config.port}"
worker_class = "app.server.worker.Worker"
workers = _config.web_concurrency or min(4, max(2, available_cpus()))
threads = _config.web_threads
# Each is an open file; Linux allows 1,024 by default, and a worker that finds none left ends at once.
_other_files = 64 + 2 * threads
_most_connections = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _other_files
worker_connections = max(2 * threads, min(1000, _most_connections))
proc_name = "connected-backend"
logger_class = _Logger

# Longer than Traefik (90 s) and Caddy (120 s) keep idle connections, so that they never reuse a closed one.
keepalive = 125
# Of the 30 s that `docker stop` gives, so that gunicorn ends by itself.
graceful_timeout = 22
timeout = 60
max_requests = 50_000
max_requests_jitter = 10_000
limit_request_line = 8190

# gunicorn would let a neighbour on this machine, or whom FORWARDED_ALLOW_IPS names, change the path with a
# header SCRIPT_NAME, and the scheme with others. The service asks neither of it; it has TRUSTED_PROXIES.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

# A heartbeat file on a disk can block a worker for as long as the disk does.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # gunicorn unlinks it at once
control_socket_disable = True

NO_ROOM = 69
"""The exit code where nothing has room for the metrics: EX_UNAVAILABLE of sysexits."""


def on_starting(_server: Any) -> None:  # noqa: ANN401  # gunicorn has no types
    """The master begins; not at SIGHUP, which keeps the metrics."""
    # A worker is born with the master's handlers, which would swallow its stop: its own come first.
    os.register_at_fork(
        before=partial(signal.pthread_sigmask, signal.SIG_BLOCK, STOP_SIGNALS),
        after_in_parent=partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, STOP_SIGNALS),
    )
    # /dev/shm is shared with others, who may have filled it.
    parents = dict.fromkeys([Path(worker_tmp_dir or tempfile.gettempdir()), Path(tempfile.gettempdir())])
    try:
        folder = make_folder_with_room(list(parents), _reserve_slots)
    except MetricsFolderError as error:
        logging.getLogger("app").error(str(error))  # noqa: TRY400  # the sentence says all
        raise SystemExit(NO_ROOM) from error
    if folder.parent != next(iter(parents)):
        logging.getLogger("app").warning("No room in /dev/shm: the metrics are in %s", folder.parent)
    os.environ[FOLDER_VARIABLE] = str(folder)


def _reserve_slots(folder: Path) -> None:
    for slot in range(workers):
        reserve_slot(slot, folder)


def when_ready(_server: Any) -> None:  # noqa: ANN401  # gunicorn has no types
    """The sockets listen; workers are forked next."""
    # Blocked since app.server.start, while there was no handler for it.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    gc.collect()
    gc.freeze()
    logging.getLogger("app").info("Server running", extra={"url": f"http://localhost:{_config.port}"})


def pre_fork(server: Any, worker: Any) -> None:  # noqa: ANN401
    """A worker is about to be born."""
    worker.metrics_slot = free_slot(sibling.metrics_slot for sibling in server.WORKERS.values())
    # There since the start, but for those that SIGHUP and TTIN add.
    reserve_slot(worker.metrics_slot, Path(os.environ[FOLDER_VARIABLE]))


def post_fork(_server: Any, worker: Any) -> None:  # noqa: ANN401
    """In the new worker, before it makes anything."""
    use_slot(worker.metrics_slot)


def post_worker_init(worker: Any) -> None:  # noqa: ANN401
    """The worker has loaded its application."""
    worker.wsgi.lifecycle.follow(lambda: worker.is_told_to_stop)


def worker_exit(_server: Any, worker: Any) -> None:  # noqa: ANN401
    """The worker has answered its last request."""
    if service := getattr(worker, "wsgi", None):
        service.close()


def child_exit(_server: Any, worker: Any) -> None:  # noqa: ANN401
    """The master knows that the worker is gone, however it went."""
    forget_worker(worker.metrics_slot, Path(os.environ[FOLDER_VARIABLE]))


def on_exit(_server: Any) -> None:  # noqa: ANN401
    """The last worker is gone, and the master goes."""
    remove_folder(Path(os.environ[FOLDER_VARIABLE]))
