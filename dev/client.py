"""Generates the types and the table of calls of client/ from the API's description: `npm run generate` there.

openapi-typescript makes the types. The table is made here, so that tests can tell without npm whether it
still is what the description says.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from app.openapi.document import openapi_document

CLIENT = Path(__file__).parent.parent / "client"
OPERATIONS = CLIENT / "src" / "operations.js"
SCHEMA = CLIENT / "src" / "schema.ts"
JSON = "application/json"
METHODS = {"get", "post", "put", "patch", "delete"}


def document() -> dict[str, Any]:
    """The description, without what one service alone has."""
    return openapi_document(
        api_url="https://api.example.com",
        audiences=(),
        session_cookie="session",
        version="",
        docs_version="",
        providers=(),
    )


def digest(description: dict[str, Any]) -> str:
    """What the generated types have in their first line."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def calls(description: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Method and path by operation; whether there is a body; names of query parameters; whether it creates.

    An operation is a call if all its successes are JSON or 204. Others are pages, assets, a browser's
    navigations and what a proxy asks.
    """
    found = {}
    for path, item in description["paths"].items():
        for method, operation in item.items():
            if method not in METHODS or not _is_call(operation["responses"]):
                continue
            parameters = operation.get("parameters", [])
            call = {"method": method.upper(), "path": path}
            if "requestBody" in operation:
                call["body"] = True
            if query := [parameter["name"] for parameter in parameters if parameter["in"] == "query"]:
                call["query"] = query
            if "201" in operation["responses"]:
                call["creates"] = True
            found[operation["operationId"]] = call
    return found


def _is_call(responses: dict[str, Any]) -> bool:
    # fetch() meets no 303, which is for a navigation.
    successes = {status: response for status, response in responses.items() if status < "300"}
    return bool(successes) and all(
        status == "204" or JSON in response.get("content", {}) for status, response in successes.items()
    )


def operations_source(description: dict[str, Any]) -> str:
    """The JavaScript of the table."""
    lines = [f"  {name}: {json.dumps(call)}," for name, call in calls(description).items()]
    return "\n".join(
        [
            "// Generated from the API's description by `npm run generate`.",
            "",
            "/** Method and path of each call, and what else the client has to know. */",
            "export const operations = /** @type {const} */ ({",
            *lines,
            "});",
            "",
        ]
    )


def schema_source(description: dict[str, Any], folder: Path = CLIENT) -> str:
    """The TypeScript of the types, which openapi-typescript makes.

    Args:
        description: the whole document.
        folder: where `npm ci` has installed openapi-typescript.

    Raises:
        subprocess.CalledProcessError: it failed, or is not installed; standard error says why.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source, made = Path(scratch) / "description.json", Path(scratch) / "schema.ts"
        source.write_text(json.dumps(description), encoding="utf-8")
        command = ["npm", "exec", "--no", "--", "openapi-typescript", str(source), "--output", str(made)]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return f"// Of the description {digest(description)}.\n{made.read_text(encoding='utf-8')}"


def main() -> int:
    """Writes both files."""
    description = document()
    SCHEMA.write_text(schema_source(description), encoding="utf-8")
    OPERATIONS.write_text(operations_source(description), encoding="utf-8")
    print(SCHEMA, OPERATIONS, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
