"""Settings of each connection, whatever the database or the role has for defaults."""

from psycopg.conninfo import conninfo_to_dict, make_conninfo

LIMITS = "-c statement_timeout=4500 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000"
"""Milliseconds; options of the URL take their place."""

PINNED = (
    "-c DateStyle=ISO,MDY -c IntervalStyle=postgres -c TimeZone=UTC -c extra_float_digits=1"
    r" -c bytea_output=hex -c standard_conforming_strings=on -c default_transaction_isolation=read\ committed"
)
"""What the meaning of a statement and the text of its result depend on; wins over options of the URL."""

DEFAULTS: dict[str, str | int] = {
    "application_name": "connected-backend",
    "connect_timeout": 3,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
"""libpq parameters, in libpq's units; those in the URL win."""

ENCODING = "UTF8"


def service_conninfo(url: str, *, through_pooler: bool) -> str:
    """The URL with the service's parameters.

    Args:
        url: libpq's.
        through_pooler: leaves `options` as they are, because poolers refuse them. Results do not depend on
            the pinned settings even so: they come in binary.
    """
    given = conninfo_to_dict(url)
    parameters = {name: value for name, value in DEFAULTS.items() if name not in given}
    if not through_pooler:
        parameters["options"] = f"{given.get('options', LIMITS)} {PINNED}"
    # Every pooler takes this one. Without it, text in statements and results would follow the database.
    return make_conninfo(url, **parameters, client_encoding=ENCODING)
