"""Calls to addresses that others chose: a server plays them, and name servers lie."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from jobs import fetching
from jobs.fetching import FetchError, Rules, client
from tests.store import Store, serving


@pytest.fixture
def store() -> Iterator[Store]:
    with serving(Store()) as server:
        yield server


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Answer for the name servers: each name's answers, of which the last stays."""
    known: dict[str, list[str]] = {}
    really = socket.getaddrinfo

    def answer(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in known:
            return really(host, port, *args, **kwargs)
        addresses = known[host][0].split()
        if len(known[host]) > 1:
            known[host].pop(0)
        return [entry for each in addresses for entry in really(each, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return known


def rules(*entries: str, **fields: Any) -> Rules:
    return Rules.of(entries or ("*",), **{"max_bytes": 1000, "seconds": 60.0, **fields})


def refusal(url: str, *entries: str) -> str:
    with pytest.raises(FetchError) as caught:
        fetching.get(url, rules=rules(*entries))
    assert not caught.value.transient
    return caught.value.code


@pytest.mark.parametrize(
    "url",
    [
        "http://photos.example/x.png",
        "ftp://photos.example/x.png",
        "file:///etc/passwd",
        "gopher://photos.example/",
        "//photos.example/x.png",
        "photos.example/x.png",
        "simulated_uploaded/fd94385a.png",
        "",
        "https://",
        "https:///x.png",
        "https://user:password@photos.example/x.png",
        "https://photos.example@127.0.0.1/x.png",
        "https://photos.example:0/",
        "https://photos.example:99999/",
        "https://photos.example:x/",
        "https://photos.example\\@127.0.0.1/",
        "https://photos.example/\n.png",
        "https://photos.example/a b",
        "https://photos\t.example/",
        "https://phötos.example/x.png",
        "https://１２７.0.0.1/",
        "https://ex\ud800ample.example/",
        "https://[::1",
        "https://localhost/",
        "https://localhost./",
        "https://a.localhost/",
        "https://printer.local/",
        "https://metadata.google.internal/computeMetadata/v1/",
        "https://minio/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://0/",
        "https://0.0.0.0/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://168.63.129.16/",
        "https://192.0.0.192/",
        "https://100.64.0.1/",
        "https://100.100.100.200/",
        "https://198.18.0.1/",
        "https://203.0.113.7/",
        "https://224.0.0.1/",
        "https://240.0.0.1/",
        "https://255.255.255.255/",
        "https://[::]/",
        "https://[::1]/",
        "https://[::127.0.0.1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[fe80::1]/",
        "https://[fe80::1%25eth0]/",
        "https://[fc00::1]/",
        "https://[fd00:ec2::254]/",
        "https://[fec0::1]/",
        "https://[ff02::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
        "https://[2001:db8::1]/",
        "https://[3fff::1]/",
        "https://photos.example/" + "x" * 9000,
    ],
)
def test_what_is_not_a_public_https_address_is_never_called(
    url: str, names: dict[str, list[str]]
) -> None:
    names["photos.example"] = ["127.0.0.1"]
    assert refusal(url) == "bad_url"


@pytest.mark.parametrize("url", ["https://8.8.8.8/", "https://[2606:4700::1111]:8443/x?y=z"])
def test_public_addresses_may_be_called(url: str) -> None:
    assert f"https://{fetching.check(url, rules=rules()).authority}/" in f"{url}/"


def test_a_path_is_encoded_and_kept() -> None:
    url = "https://photos.example/Müller/a%20b.png?X-Amz-Signature=0%2F0&x=é"
    path = fetching.check(url, rules=rules()).path
    assert path == "/M%C3%BCller/a%20b.png?X-Amz-Signature=0%2F0&x=%C3%A9"


def test_only_hosts_that_are_named_are_allowed() -> None:
    url = "https://bucket.s3.example/x.png"
    for entries in (["s3.example"], [".other.example"], ["https://other.example"]):
        assert refusal(url, *entries) == "host_not_allowed"
    for entry in ("bucket.s3.example", ".s3.example", " .S3.EXAMPLE ", "*"):
        assert fetching.check(url, rules=rules(entry)).host == "bucket.s3.example"


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.1 93.184.215.14", "93.184.215.14 ::1"])
def test_a_name_that_leads_inside_is_not_called(inside: str, names: dict[str, list[str]]) -> None:
    names["photos.example"] = [inside]
    assert refusal("https://photos.example/x.png") == "bad_url"


def test_a_name_server_that_changes_its_mind_is_asked_once(
    names: dict[str, list[str]], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[Any] = []

    def connect(self: socket.socket, address: Any) -> None:
        connected.append(address)
        raise OSError

    monkeypatch.setattr(socket.socket, "connect", connect)
    names["photos.example"] = ["93.184.215.14", "127.0.0.1"]
    with pytest.raises(FetchError) as caught:
        fetching.get(f"https://photos.example:{store.server_port}/", rules=rules())
    assert caught.value.transient
    assert connected == [("93.184.215.14", store.server_port)]


def test_what_settings_name_is_called_as_it_is(store: Store) -> None:
    store.answers["/x.png?a=b"] = (200, {}, b"picture")
    assert fetching.get(f"{store.origin}/x.png?a=b", rules=rules(store.origin + "/")) == b"picture"
    method, path, headers, _ = store.calls[0]
    assert (method, path) == ("GET", "/x.png?a=b")
    assert headers["Host"] == store.origin.removeprefix("http://")
    assert headers["Accept-Encoding"] == "identity"


def test_another_port_of_the_same_machine_is_another_origin(store: Store) -> None:
    assert refusal(f"{store.origin}/x.png", "http://127.0.0.1:1") == "bad_url"
    assert store.calls == []


def test_redirects_are_followed_within_an_origin(store: Store) -> None:
    store.answers["/a"] = (302, {"Location": "/b?c=d"}, b"")
    store.answers["/b?c=d"] = (200, {}, b"picture")
    assert fetching.get(f"{store.origin}/a", rules=rules(store.origin)) == b"picture"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_inside_is_not_followed(status: int, store: Store) -> None:
    with serving(Store()) as other:
        store.answers["/a"] = (status, {"Location": f"{other.origin}/secret"}, b"")
        assert refusal(f"{store.origin}/a", store.origin, "*") == "bad_url"
        assert other.calls == []


def test_a_redirect_to_a_host_that_is_not_allowed_is_not_followed(store: Store) -> None:
    store.answers["/a"] = (302, {"Location": "https://photos.example/"}, b"")
    assert refusal(f"{store.origin}/a", store.origin) == "host_not_allowed"


def test_a_circle_of_redirects_ends(store: Store) -> None:
    store.answers["/a"] = (302, {"Location": "/a"}, b"")
    assert refusal(f"{store.origin}/a", store.origin) == "unreachable"
    assert len(store.calls) == 4


def test_more_than_the_limit_is_not_taken(store: Store) -> None:
    store.answers["/x"] = (200, {}, b"x" * 1000)
    assert len(fetching.get(f"{store.origin}/x", rules=rules(store.origin))) == 1000
    store.answers["/x"] = (200, {}, b"x" * 1001)
    assert refusal(f"{store.origin}/x", store.origin) == "too_large"


def test_an_endless_answer_ends_in_time_though_each_wait_is_short(store: Store) -> None:
    with pytest.raises(FetchError) as caught:
        fetching.get(
            f"{store.origin}/trickle", rules=rules(store.origin, seconds=0.2, max_bytes=10**9)
        )
    assert (caught.value.code, caught.value.transient) == ("too_slow", True)


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        origin = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(FetchError) as caught:
            fetching.get(origin, rules=rules(origin, seconds=0.2))
    assert (caught.value.code, caught.value.transient) == ("too_slow", True)


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429, 500, 503])
def test_any_other_status_may_change(status: int, store: Store) -> None:
    store.answers["/x"] = (status, {"Retry-After": "7"}, b"<html>")
    with pytest.raises(FetchError) as caught:
        fetching.get(f"{store.origin}/x", rules=rules(store.origin))
    error = caught.value
    assert (error.code, error.transient, error.retry_after) == ("unreachable", True, 7)
    assert "html" not in error.message


def test_nobody_there_may_change(names: dict[str, list[str]]) -> None:
    with pytest.raises(FetchError) as caught:
        fetching.get("http://127.0.0.1:1/", rules=rules("http://127.0.0.1:1"))
    assert caught.value.transient


def test_an_answer_that_is_cut_off_is_none(store: Store) -> None:
    store.answers["/x"] = (200, {"Content-Length": "100"}, b"half")
    with pytest.raises(FetchError) as caught:
        fetching.get(f"{store.origin}/x", rules=rules(store.origin))
    assert caught.value.transient


def test_a_post_tells_what_was_answered_and_follows_nothing(store: Store) -> None:
    store.answers["/hook"] = (302, {"Location": "/elsewhere"}, b"x" * 5000)
    answer = fetching.send(
        "POST",
        f"{store.origin}/hook",
        rules=rules(store.origin),
        headers={"Content-Type": "application/json"},
        content=b'{"a": 1}',
        cut=True,
    )
    assert (answer.status, answer.headers["location"], len(answer.body)) == (
        302,
        "/elsewhere",
        1000,
    )
    [(method, path, headers, content)] = store.calls
    assert (method, path, content) == ("POST", "/hook", b'{"a": 1}')
    assert headers["Content-Type"] == "application/json"


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Serve by TLS as photos.example, by a certificate that this process trusts."""
    path = tmp_path / "photos.example.pem"
    path.write_bytes(certificate("photos.example"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    client._tls.cache_clear()
    with serving(Store(context)) as server:
        yield server
    client._tls.cache_clear()


def certificate(name: str) -> bytes:
    """Return a key and a certificate that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return secret + made.public_bytes(pem)


def test_tls_and_host_have_the_name_whatever_address_is_called(
    secure: Store, names: dict[str, list[str]]
) -> None:
    names["photos.example"] = ["127.0.0.1"]
    secure.answers["/x"] = (200, {}, b"picture")
    origin = f"https://photos.example:{secure.server_port}"
    assert fetching.get(f"{origin}/x", rules=rules(origin)) == b"picture"
    assert secure.names == ["photos.example"]
    assert secure.calls[0][2]["Host"] == origin.removeprefix("https://")


def test_a_certificate_of_another_name_is_refused(
    secure: Store, names: dict[str, list[str]]
) -> None:
    names["other.example"] = ["127.0.0.1"]
    origin = f"https://other.example:{secure.server_port}"
    with pytest.raises(FetchError) as caught:
        fetching.get(f"{origin}/x", rules=rules(origin))
    assert caught.value.code == "unreachable"
    assert secure.calls == []


@pytest.fixture
def internet(secure: Store, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> str:
    """Let photos.example's public address lead to the store, and return its origin."""
    really = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        really(self, ("127.0.0.1", *address[1:]) if address[0] == "93.184.215.14" else address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    names["photos.example"] = ["93.184.215.14"]
    return f"https://photos.example:{secure.server_port}"


def test_a_public_host_that_is_allowed_is_called(secure: Store, internet: str) -> None:
    secure.answers["/x"] = (200, {}, b"picture")
    assert fetching.get(f"{internet}/x", rules=rules("photos.example")) == b"picture"


def test_a_public_host_leads_nobody_to_where_only_settings_may(
    secure: Store, internet: str, store: Store
) -> None:
    secure.answers["/x"] = (302, {"Location": f"{store.origin}/secret"}, b"")
    assert refusal(f"{internet}/x", "photos.example", store.origin) == "bad_url"
    assert store.calls == []
