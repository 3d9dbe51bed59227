"""Byte sequences as clients send them: requests, what is nearly one, and what attacks two grammars."""

import random
from collections.abc import Iterator, Sequence

Pieces = Sequence[bytes]
"""What is sent with one call each."""

METHODS = [
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"PATCH",
    b"BREW",
    b"get",
    b"G",
    b"CONNECT",
    b"",
]
TARGETS = [
    b"/",
    b"/a",
    b"/a?b=c",
    b"/a?b?c",
    b"//a",
    b"/%41%2f",
    b"/a#b",
    b"/unread",
    b"*",
    b"http://a/b",
    b"a:80",
    b"/\xc3\xa9",
    b"/a b",
    b"/[",
    b"/]",
    b"/a\\b",
    b"/;x",
    b"/../a",
    b"/" + b"x" * 200,
    b"/?" + b"y" * 8170,
    b"",
    b"http://[::1]/",
    b"http://[/",
    b"/a:b@c",
    b'/"<>|^`{}',
    b"?a",
    b"/a\tb",
    b"/a\0b",
    b"//a@b/c",
    b"/%zz",
]
VERSIONS = [b"HTTP/1.1"] * 8 + [
    b"HTTP/1.0",
    b"HTTP/1.2",
    b"HTTP/2.0",
    b"HTTP/0.9",
    b"http/1.1",
    b"HTTP/1.1 ",
    b"",
]
HEADERS = [
    *(b"Host: a", b"Host: b", b"Host:", b"Host : a", b"host: A:80", b"Accept: */*", b"Connection: close"),
    *(b"Connection: keep-alive", b"Connection: Keep-Alive", b"Connection: close, x", b"Connection: upgrade"),
    b"Upgrade: h2c",
    b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    b"Cookie: a=b",
    b"Cookie: c=d",
    b"X: a,b",
    b"X-A: 1",
    b"X_A: 2",
    b"X-A: 3",
    b"x-a:4",
    b"X:",
    b"X: ",
    b"X:  a  ",
    b"X:\ta\t",
    b"X: \xff",
    b"X\xe9: a",
    b"X: a\0b",
    b"X: a\x7f",
    b"X: a\x0b",
    b"X: a\rb",
    b"X: a\nb",
    b": a",
    b"X",
    b" folded",
    b"\tfolded",
    b"X : a",
    b"Content-Length: 3",
    b"Content-Length: 3",
    b"Content-Length: 0",
    b"Content-Length: 5",
    b"Content-Length: 70000",
    b"Content-Length: +3",
    b"Content-Length: -3",
    b"Content-Length: 3,3",
    b"Content-Length: 0x3",
    b"Content-Length:",
    b"Content-Length: 03",
    b"Content-Length: 3 ",
    b"Content-Length: 3a",
    b"Content_Length: 3",
    b"Content-Length : 3",
    b"Content-Length: " + b"9" * 30,
    b"Content-Length: \xb2",
    b"content-length: 4",
    b"Content-Type: text/plain",
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked"),
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: chunked, identity",
    *(b"Transfer-Encoding: xchunked", b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding:\tchunked"),
    *(b"Transfer-Encoding : chunked", b"Transfer_Encoding: chunked", b"Transfer-Encoding: gzip, chunked"),
    b"Transfer-Encoding: chunked;q=1",
    b"Transfer-Encoding:",
    b"Transfer-Encoding: chunked,",
    b"TE: trailers",
    b"Expect: 100-continue",
    b"Expect: tea",
    b"Trailer: X",
    b"Script-Name: /a",
    b"SCRIPT_NAME: /a",
    b"Path-Info: /a",
    b"X-Forwarded-For: 192.0.2.1",
    b"X-Forwarded-Proto: https",
    b"Proxy: a",
    b"Range: bytes=0-",
    b"Remote-Addr: a",
    b"Content-Type: a",
    b"Content-Type: b",
    b"X: " + b"x" * 9000,
    b"X: " + b"x" * 33000,
    b"Keep-Alive: timeout=5",
]
BODIES = [
    b"",
    b"",
    b"abc",
    b"abcde",
    b"3\r\nabc\r\n0\r\n\r\n",
    b"3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n",
    b"0\r\n\r\n",
    b"3\nabc\n0\n\n",
    b"3\r\nabc0\r\n\r\n",
    b"g\r\nabc\r\n0\r\n\r\n",
    b" 3\r\nabc\r\n0\r\n\r\n",
    b"0x3\r\nabc\r\n0\r\n\r\n",
    b"3\r\nab",
    b"3\r\nabc\r\n",
    b"3\r\nabc\r\n0\r\n",
    b"ffffffffffffffff\r\nabc",
    b"00003\r\nabc\r\n000\r\n\r\n",
    b"3\r\nabc\r\n0\r\nX : y\r\n\r\n",
    b"3\r\nabc\r\n0\r\nHost: y\r\n\r\n",
    b"3;\rx\r\nabc\r\n0\r\n\r\n",
    b"x" * 70000,
]
ENDS = [b"\r\n"] * 12 + [b"\n", b"\r", b"\n\r", b"\r\r\n", b" \r\n", b""]
SPECIAL = [
    b"\0",
    b"\n",
    b"\r",
    b"\r\n",
    b" ",
    b"\t",
    b":",
    b"\xff",
    b"\x7f",
    b"#",
    b"%",
    b"[",
    b"_",
    b",",
    b"\r\n\r\n",
]
PLAIN = [
    b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD /a?b=c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PUT / HTTP/1.1\r\nX: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1,\r\n 192.0.2.2\r\n\r\n",
    b"Useless:\n\nGET /auth/session HTTP/1.1\nHost: a\n\n",
    b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
    b"\r\nGET /%41 HTTP/1.1\r\nHost: a\r\nX_A: b\r\n\r\n",
]


def corpus(count: int, *, seed: int = 0) -> Iterator[Pieces]:
    """So many sequences at least, the same for a seed: plain ones cut at every byte, then arbitrary ones."""
    for plain in PLAIN:
        yield [plain]
        for place in range(1, len(plain)):
            yield [plain[:place], plain[place:]]
            yield [plain[:place]]
            count -= 2
    chance = random.Random(seed)  # noqa: S311  # so that a run can be repeated
    for _ in range(count):
        yield cut(chance, sequence(chance))


def sequence(chance: random.Random) -> bytes:
    """One to three requests on a connection, some of them damaged."""
    whole = b"".join(request(chance) for _ in range(chance.choice((1, 1, 1, 2, 3))))
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        place = chance.randrange(len(whole) + 1)
        until = place + chance.choice((0, 0, 1, 3))
        whole = whole[:place] + chance.choice((b"", *SPECIAL)) + whole[until:]
    return whole


def request(chance: random.Random) -> bytes:
    if chance.random() < 1 / 4:
        return chance.choice(PLAIN)
    method, target, version = chance.choice(METHODS), chance.choice(TARGETS), chance.choice(VERSIONS)
    lines = chance.sample(HEADERS, chance.randrange(6))
    if chance.random() < 2 / 3:
        lines.insert(0, b"Host: a")
    blank = chance.choice((b" ", b" ", b" ", b" ", b"  ", b"\t"))
    lines = [method + blank + target + b" " + version, *lines, b""]
    # Mostly right, as a request with three faults is refused for the first.
    ends = [b"\r\n"] * len(lines)
    if chance.random() < 1 / 4:
        ends[chance.randrange(len(ends))] = chance.choice(ENDS)
    head = b"".join(line + end for line, end in zip(lines, ends, strict=True))
    return head + chance.choice(BODIES)


def cut(chance: random.Random, whole: bytes) -> Pieces:
    places = sorted(chance.randrange(len(whole) + 1) for _ in range(chance.choice((0, 0, 1, 2))))
    return [whole[begin:end] for begin, end in zip([0, *places], [*places, len(whole)], strict=True)]
