#!/usr/bin/env bash
# usage: make_base.sh IMAGE PYTHON_PREFIX
# Makes IMAGE, standing in for the Python image the Dockerfile names where none can be pulled: a minimal
# Debian 12 with the CPython found under PYTHON_PREFIX, or Debian 14 with its own Python where that is "debian".
set -euo pipefail
image=$1
prefix=$2

# As in the image stood in for, there is no compiler and no curl.
packages=ca-certificates,netbase,tzdata
options=()
if [ "$prefix" = debian ]; then
    suite=forky
    packages+=,python3,python3-venv,python3-dev
    # A mirror of Debian's next release may be some weeks old.
    options+=(--aptopt='Acquire::Check-Valid-Until "false"')
    options+=(--customize-hook='echo "Acquire::Check-Valid-Until \"false\";" > "$1/etc/apt/apt.conf.d/old-mirror"')
else
    suite=bookworm
    # What CPython's extension modules link to.
    packages+=,libssl3,libsqlite3-0,libffi8,libbz2-1.0,liblzma5,libreadline8,libncursesw6,libuuid1,zlib1g,libexpat1
    options+=(--customize-hook="'$(dirname -- "$0")/add_python.sh' \"\$1\" '$prefix'")
fi

# The tarball is never on disk; a failure on either side of the pipe ends the script.
mmdebstrap --quiet --variant=minbase --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    "${options[@]}" "$suite" - |
    podman import --quiet \
        --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin' \
        --change 'CMD ["python3"]' - "$image"
