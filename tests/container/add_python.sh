#!/bin/sh
# usage: add_python.sh ROOT PREFIX
# Copies the CPython under PREFIX to ROOT/usr/local, without what the published slim images leave out too:
# tests, the static library, and all bytecode. Packages installed beside it stay behind as well.
set -eu
root=$1
prefix=$2
version=$("$prefix/bin/python3" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

mkdir -p "$root/usr/local/bin" "$root/usr/local/lib" "$root/usr/local/include"
cp "$prefix/bin/python$version" "$root/usr/local/bin/"
ln -s "python$version" "$root/usr/local/bin/python3"
ln -s python3 "$root/usr/local/bin/python"
tar --create --directory "$prefix" \
    --exclude='__pycache__' --exclude='*.a' \
    --exclude="lib/python$version/site-packages/*" --exclude="lib/python$version/test" \
    --exclude="lib/python$version/idlelib" --exclude="lib/python$version/tkinter" \
    --exclude="lib/python$version/turtledemo" \
    "lib/python$version" "include/python$version" |
    tar --extract --no-same-owner --directory "$root/usr/local"
find "$prefix/lib" -maxdepth 1 -name 'libpython*.so*' -exec cp --no-dereference {} "$root/usr/local/lib/" \;
ldconfig -r "$root"

# A CPython built for another Debian fails here rather than in the middle of a build.
chroot "$root" /usr/local/bin/python3 -c 'import bz2, ctypes, ensurepip, lzma, sqlite3, ssl, uuid, venv, zlib'
