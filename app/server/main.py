"""`bin/start` begins here: SIGTERM waits until somebody can take it.

The first process of a container loses every signal it has no handler for. A blocked one is kept: until
app.server.start has its handler, and again until gunicorn has its own (gunicorn_conf.when_ready).
"""

import signal

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

import os  # noqa: E402  # the slow imports come after the line above
import sys  # noqa: E402  # likewise

from app.server.start import main  # noqa: E402  # likewise

sys.exit(main(sys.argv[1:], os.environ))
