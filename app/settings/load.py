"""The configuration of this process."""

from collections.abc import Mapping

from app.settings.config import Config
from app.settings.environment import embedded_database_url, with_dotenv


def load_config(environ: Mapping[str, str]) -> Config:
    """The configuration of this process, with `.env` in development.

    Raises:
        ConfigError: with every fault there is.
    """
    merged = with_dotenv(environ)
    return Config.from_environ(merged, embedded_database_url=embedded_database_url(merged))
