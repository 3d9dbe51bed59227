"""Finds a session with this service's SQL in a loop over one connection: the cost of the query alone.

Prints JSON: the number of queries, the seconds, and the seconds of CPU time.
"""

import json
import os
import sys
import time

import psycopg

from bench.peers.contract import COOKIE, SQL, session_parameters

WARM_UP = 200


def main(seconds: float) -> None:
    parameters = session_parameters(os.environ["COOKIE"].removeprefix(f"{COOKIE}="))
    statement = SQL.encode()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        for _ in range(WARM_UP):
            if len(connection.execute(statement, parameters).fetchall()) != 1:
                raise ValueError("there is no such session")
        began, used, queries = time.perf_counter(), time.process_time(), 0
        while (taken := time.perf_counter() - began) < seconds:
            connection.execute(statement, parameters).fetchall()
            queries += 1
        print(json.dumps({"queries": queries, "seconds": taken, "cpu": time.process_time() - used}))


if __name__ == "__main__":
    main(float(sys.argv[1]))
