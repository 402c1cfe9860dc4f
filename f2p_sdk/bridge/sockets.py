"""ZeroMQ sockets of the bridge: binding rules, keys, limits, bounded receiving.

Off loopback the bridge is encrypted and authenticated with CURVE. The keys are made once with
:func:`make_keys` and copied to the engines' machines. Plaintext off loopback needs an explicit
option.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from ..errors import BridgeError, UsageError
from .messages import MAX_CREDITS
from .wire import MAX_FRAMES, MAX_PLANE_BYTES, Buffer

DEFAULT_ENDPOINT = "tcp://127.0.0.1:15702"
"""Default endpoint of ``f2p apply --listen`` and ``f2p engine --connect``."""

ANY_PORT = "tcp://127.0.0.1:*"
"""Loopback endpoint with a free port."""

REFUSED_HANDSHAKES = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
"""Monitor events of connections whose keys or protocol do not fit."""
FAILED_HANDSHAKES = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | REFUSED_HANDSHAKES
"""Monitor events of all connections that failed in the handshake."""

LINGER_MS = 1_000
QUEUE = 256


def check_endpoint(endpoint: str) -> tuple[str, str]:
    """Return host and port of ``tcp://HOST:PORT``.

    Raises:
        UsageError: another form. ``ipc://`` is not accepted, as Windows does not have it.
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
    """True if only programs on this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def make_keys(folder: str | Path) -> Path:
    """Make the CURVE key pairs ``host`` and ``engine`` in ``folder``, unless they exist.

    The host keeps the folder; an engine's machine needs ``host.key`` and ``engine.key_secret``.
    Engines may have their own keys: add their ``*.key`` files to the host's folder.
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
    silence_ms: int,
) -> tuple[zmq.Socket[bytes], str, ThreadAuthenticator | None]:
    """Return a bound ROUTER, its endpoint with the actual port, and its authenticator.

    Raises:
        UsageError: the endpoint is off loopback, and neither ``keys`` nor ``plaintext`` was given.
        BridgeError: the address is in use or not on this machine, or keys are missing.
    """
    host, _ = check_endpoint(endpoint)
    if not is_loopback(host) and keys is None and not plaintext:
        raise UsageError(
            f"{endpoint} can be reached from other machines, and no keys were given",
            remedy="give a folder of keys (--keys DIR), or allow plaintext (--plaintext)",
        )
    router: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
    auth: ThreadAuthenticator | None = None
    try:
        _set_options(router, host)
        router.setsockopt(zmq.ROUTER_MANDATORY, 1)  # sending to a closed connection fails
        router.setsockopt(zmq.RCVHWM, MAX_CREDITS)  # of a connection; a flood takes little memory
        # The system detects dead machines. ZeroMQ's own pings are off: in libzmq 4.3.5 a ping to a
        # closed connection whose messages are not yet read ends the process ("!_io_error").
        seconds = max(1, silence_ms // 1000)
        router.setsockopt(zmq.TCP_KEEPALIVE, 1)
        router.setsockopt(zmq.TCP_KEEPALIVE_IDLE, seconds)
        router.setsockopt(zmq.TCP_KEEPALIVE_INTVL, 1)
        router.setsockopt(zmq.TCP_KEEPALIVE_CNT, 3)
        router.setsockopt(zmq.TCP_MAXRT, silence_ms)
        if keys is not None:
            public, secret = _load_key(Path(keys) / "host.key_secret")
            auth = ThreadAuthenticator(context)
            auth.start()
            auth.configure_curve(domain="*", location=str(keys))
            router.curve_publickey, router.curve_secretkey = public, secret
            router.curve_server = True
        else:
            # As CURVE does, a domain makes libzmq refuse ZMTP 1 and 2: any bytes may be ZMTP 1.
            router.setsockopt(zmq.ZAP_DOMAIN, b"f2p")
        try:
            router.bind(endpoint)
        except zmq.ZMQError as error:
            raise BridgeError(
                f"cannot listen on {endpoint}: {error.strerror}",
                remedy="stop the program that uses the port, use another port, or * for a free one",
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
    """Return a DEALER that connects to ``endpoint``, and reconnects."""
    host, port = check_endpoint(endpoint)
    if port == "*":
        raise UsageError(f"{endpoint}: an engine needs the number of the port, not *")
    dealer: zmq.Socket[bytes] = context.socket(zmq.DEALER)
    try:
        _set_options(dealer, host)
        dealer.setsockopt(zmq.IMMEDIATE, 1)  # queue nothing while there is no connection
        dealer.setsockopt(zmq.RECONNECT_IVL, 100)
        dealer.setsockopt(zmq.RECONNECT_IVL_MAX, 1_000)
        if keys is not None:
            public, secret = _load_key(Path(keys) / "engine.key_secret")
            dealer.curve_publickey, dealer.curve_secretkey = public, secret
            dealer.curve_serverkey, _ = _load_key(Path(keys) / "host.key", secret=False)
        dealer.connect(endpoint)
    except BaseException:
        dealer.close(0)
        raise
    return dealer


def receive(socket: zmq.Socket[bytes], *, addressed: bool) -> tuple[bytes, list[Buffer]]:
    """Return sender (empty unless ``addressed``) and frames of the next message.

    The buffers are views of ZeroMQ's memory. Frames beyond ``MAX_FRAMES`` are replaced by empty
    ones, so that they take no memory; :func:`f2p_sdk.bridge.wire.decode` refuses their number.

    Raises:
        zmq.Again: there is no message.
    """
    frames: list[Buffer] = []
    more = True
    while more:
        frame = socket.recv(zmq.NOBLOCK, copy=False)
        more = bool(frame.more)
        frames.append(frame.buffer if len(frames) <= MAX_FRAMES else b"")
    return (bytes(frames.pop(0)) if addressed else b""), frames


def send(socket: zmq.Socket[bytes], frames: Sequence[Buffer | zmq.Frame]) -> bool:
    """Send without waiting; False if the peer is not connected."""
    try:
        socket.send_multipart(frames, zmq.NOBLOCK, copy=False)
    except zmq.ZMQError as error:
        if error.errno in (zmq.EAGAIN, zmq.EHOSTUNREACH):
            return False
        raise
    return True


def _set_options(socket: zmq.Socket[bytes], host: str) -> None:
    socket.setsockopt(zmq.LINGER, LINGER_MS)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_PLANE_BYTES)  # per frame, checked before it is stored
    socket.setsockopt(zmq.SNDHWM, QUEUE)
    socket.setsockopt(zmq.RCVHWM, QUEUE)
    if host.startswith("["):
        socket.setsockopt(zmq.IPV6, 1)


def _load_key(path: Path, *, secret: bool = True) -> tuple[bytes, bytes]:
    try:
        public, private = zmq.auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise BridgeError(
            f"no usable key in {path}: {error}",
            remedy="copy the keys from the host, which makes them: f2p apply --keys DIR",
        ) from None
    if secret and private is None:
        raise BridgeError(f"{path} has no secret key", remedy="give the *.key_secret file")
    return public, private or b""
