"""Prints the files of all modules that the service and its commands import, for the Dockerfile.

The image has their bytecode; most of what else is installed is never imported and would only make it larger.
"""

import importlib
import os
import pkgutil
import sys

# Enough for gunicorn's configuration to be imported, with all that is optional turned on.
SETTINGS = {
    "APP_ENV": "development",
    "DATABASE_URL": "postgresql://nobody@localhost/nothing",
    "REDIS_URL": "redis://localhost",
    "SENTRY_DSN": "https://nobody@localhost/1",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost",
}
# Imported by name or late.
OTHERS = (
    "encodings.idna",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "gunicorn_h1c",
    "sentry_sdk",
)


def main() -> None:
    os.environ.update(SETTINGS)
    app = importlib.import_module("app")
    ours = [module.name for module in pkgutil.walk_packages(app.__path__, "app.")]
    for name in (*ours, *OTHERS):
        # Whose import starts the service.
        if name != "app.server.main":
            importlib.import_module(name)
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    print("\n".join(sorted(file for file in files if file and file.endswith(".py"))))


if __name__ == "__main__":
    main()
