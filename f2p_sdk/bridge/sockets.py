"""ZeroMQ sockets as the bridge needs them: who may bind where, keys, limits, bounded receiving.

Off loopback the bridge is encrypted and authenticated with CURVE: a folder of keys, made once with
:func:`make_keys`, is copied to the machines of the engines. Plaintext off loopback has to be asked
for by name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from ..errors import BridgeError, UsageError
from .wire import MAX_FRAMES, MAX_PLANE_BYTES, Buffer, WireError

__all__ = [
    "DEFAULT_ENDPOINT",
    "bind_router",
    "check_endpoint",
    "connect_dealer",
    "is_loopback",
    "make_keys",
    "receive",
    "send",
]

DEFAULT_ENDPOINT = "tcp://127.0.0.1:15702"
"""Where ``f2p apply`` and ``f2p capture --listen`` bind and ``f2p engine`` connects when not told
otherwise."""

LINGER_MS = 1_000
QUEUE = 256


def check_endpoint(endpoint: str) -> tuple[str, str]:
    """Host and port of ``tcp://HOST:PORT``.

    Raises:
        UsageError: it is not of that form (``ipc://`` does not exist on Windows, so not here
            either).
    """
    scheme, _, rest = endpoint.partition("://")
    host, colon, port = rest.rpartition(":")
    valid = port == "*" or (port.isascii() and port.isdigit() and 0 < int(port) < 65536)
    if scheme != "tcp" or not colon or not host or not valid:
        raise UsageError(
            f"{endpoint!r} is not an endpoint tcp://HOST:PORT", remedy=f"e.g. {DEFAULT_ENDPOINT}"
        )
    return host, port


def is_loopback(host: str) -> bool:
    """True where only programs on this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def make_keys(folder: str | Path) -> Path:
    """Make the CURVE key pairs ``host`` and ``engine`` in ``folder``, unless they are there
    already.

    The host keeps the folder; an engine's machine needs ``host.key`` and ``engine.key_secret``.
    More engines with keys of their own: add their ``*.key`` files to the host's folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("host", "engine"):
        if not (folder / f"{name}.key_secret").exists():
            _, secret = zmq.auth.create_certificates(folder, name)
            Path(secret).chmod(0o600)
    return folder


def bind_router(
    context: zmq.Context[zmq.Socket[bytes]],
    endpoint: str,
    *,
    keys: str | Path | None = None,
    plaintext: bool = False,
    heartbeat_ms: int,
    silence_ms: int,
) -> tuple[zmq.Socket[bytes], str, ThreadAuthenticator | None]:
    """A bound ROUTER, its endpoint with the port filled in, and what authenticates its peers.

    Raises:
        UsageError: the endpoint is off loopback, and neither ``keys`` nor ``plaintext`` was given.
        BridgeError: the address is in use or is not this machine's; keys are missing.
    """
    host, _ = check_endpoint(endpoint)
    if not is_loopback(host) and keys is None and not plaintext:
        raise UsageError(
            f"{endpoint} can be reached from other machines, and no keys were given",
            remedy="give a folder of keys (--keys DIR), or accept plaintext by name (--plaintext)",
        )
    router: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
    auth: ThreadAuthenticator | None = None
    try:
        _common(router, host)
        router.setsockopt(zmq.ROUTER_MANDATORY, 1)  # sending to a closed connection fails at once
        # libzmq pings by itself, whatever the interpreters on both sides are busy with.
        router.setsockopt(zmq.HEARTBEAT_IVL, heartbeat_ms)
        router.setsockopt(zmq.HEARTBEAT_TIMEOUT, silence_ms)
        if keys is not None:
            public, secret = _load(Path(keys) / "host.key_secret")
            auth = ThreadAuthenticator(context)
            auth.start()
            auth.configure_curve(domain="*", location=str(keys))
            router.curve_publickey, router.curve_secretkey = public, secret
            router.curve_server = True
        try:
            router.bind(endpoint)
        except zmq.ZMQError as error:
            raise BridgeError(
                f"cannot listen on {endpoint}: {error.strerror}",
                remedy="is another f2p running there? use another port, or * for a free one",
            ) from None
        return router, router.getsockopt_string(zmq.LAST_ENDPOINT), auth
    except BaseException:
        router.close(0)
        if auth is not None:
            auth.stop()
        raise


def connect_dealer(
    context: zmq.Context[zmq.Socket[bytes]], endpoint: str, *, keys: str | Path | None = None
) -> zmq.Socket[bytes]:
    """A DEALER that connects, and goes on connecting, to ``endpoint``."""
    host, port = check_endpoint(endpoint)
    if port == "*":
        raise UsageError(f"{endpoint}: an engine connects to a port, not to *")
    dealer: zmq.Socket[bytes] = context.socket(zmq.DEALER)
    try:
        _common(dealer, host)
        dealer.setsockopt(zmq.IMMEDIATE, 1)  # nothing is queued for a host that is not there
        dealer.setsockopt(zmq.RECONNECT_IVL, 100)
        dealer.setsockopt(zmq.RECONNECT_IVL_MAX, 1_000)
        if keys is not None:
            public, secret = _load(Path(keys) / "engine.key_secret")
            dealer.curve_publickey, dealer.curve_secretkey = public, secret
            dealer.curve_serverkey, _ = _load(Path(keys) / "host.key", secret=False)
        dealer.connect(endpoint)
    except BaseException:
        dealer.close(0)
        raise
    return dealer


def receive(
    socket: zmq.Socket[bytes], *, addressed: bool
) -> tuple[bytes, list[Buffer] | WireError]:
    """Sender (empty unless ``addressed``) and frames of the next message.

    Raises zmq.Again when there is none.
    Frames beyond the limit are thrown away as they are read, so that they cannot pile up; pixels
    are not copied: the buffers are views of ZeroMQ's own memory.
    """
    first = socket.recv(zmq.NOBLOCK, copy=False)
    sender = b""
    frames: list[Buffer] = []
    more = bool(first.more)
    if addressed:
        sender = bytes(first.buffer)
    else:
        frames.append(first.buffer)
    count = len(frames)
    while more:
        frame = socket.recv(zmq.NOBLOCK, copy=False)
        more = bool(frame.more)
        count += 1
        if count <= MAX_FRAMES:
            frames.append(frame.buffer)
    if count > MAX_FRAMES:
        return sender, WireError(f"message of {count} frames: 2 to {MAX_FRAMES} are allowed")
    return sender, frames


def send(socket: zmq.Socket[bytes], frames: Sequence[Buffer | zmq.Frame]) -> bool:
    """Send without waiting; False when nobody is connected there (any more)."""
    try:
        socket.send_multipart(frames, zmq.NOBLOCK, copy=False)
    except zmq.ZMQError as error:
        if error.errno in (zmq.EAGAIN, zmq.EHOSTUNREACH):
            return False
        raise
    return True


def _common(socket: zmq.Socket[bytes], host: str) -> None:
    socket.setsockopt(zmq.LINGER, LINGER_MS)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_PLANE_BYTES)  # per frame, before it is stored
    socket.setsockopt(zmq.SNDHWM, QUEUE)
    socket.setsockopt(zmq.RCVHWM, QUEUE)
    if host.startswith("["):
        socket.setsockopt(zmq.IPV6, 1)


def _load(path: Path, *, secret: bool = True) -> tuple[bytes, bytes]:
    try:
        public, private = zmq.auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise BridgeError(
            f"no usable key in {path}: {error}",
            remedy="copy the keys from the host, which makes them: f2p apply --keys DIR",
        ) from None
    if secret and private is None:
        raise BridgeError(f"{path} holds no secret key", remedy="it must be the *.key_secret file")
    return public, private or b""
