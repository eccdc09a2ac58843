"""Every variable is checked before anything is touched, and all that is wrong is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabfile.model.errors import HostError, InventoryError
from fabfile.model.host import Host, Platform
from fabfile.model.redact import SecretValue
from tasks.encryption import require_encryption
from tasks.guide import GUIDE


def host(**variables: str) -> Host:
    return Host.from_inventory("mail1", {"fqdn": "mail1.example.com", **variables})


def test_defaults() -> None:
    found = GUIDE.validate(host())
    assert found["domain"] == "example.com"
    assert found["postmaster"] == "postmaster@example.com"
    assert found["db_host"] == "127.0.0.1"
    assert GUIDE.validate(host(domain="Other.Example"))["postmaster"] == "postmaster@other.example"
    assert GUIDE.validate(Host("m", {"fqdn": "example.com"}))["domain"] == "example.com"
    assert GUIDE.validate(host(submission="False"))["submission"] == "no"


BAD = {
    "fqdn": [
        "",
        "mail1",
        "me@example.com",
        "mail1.exam'ple.com",
        'mail1."example.com',
        "mail1.example.com\nx",
        "-a.example.com",
        "a..example.com",
        "192.0.2.1",
        "$(id).example.com",
        "{{ x }}.example.com",
        "é.example.com",
        "a" * 64 + ".example.com",
        ".".join(["a" * 50] * 6),
    ],
    "postmaster": [
        *("postmaster", "a b@example.com", "x@y@z.example", "me@'example.com", "é@x.org"),
        *("postmaster@localhost", "postmaster@-x.org", "postmaster@x.org\n"),
    ],
    "message_size_limit": ["-1", "10MB", "1.5", "９", "9" * 40],
    "updates": ["maybe", ""],
    "mynetworks": [
        "everyone",
        "10.0.0.0/33",
        "127.0.0.0/8; rm -rf /",
        "0.0.0.0/0",
        "[::]/0",
        "127.0.0.0/8 0.0.0.0/1 128.0.0.0/1",
        "8.0.0.0/8",
        "0.0.0.0/7",
        "[2000::]/3",
        "[2001:db8::]/20",
        "::ffff:0:0/96",
        "64:ff9b::/96",
    ],
    "db_host": ["a b", "x'y.example.com"],
    "tls_cert": ["cert.pem", "/etc/a b", "/etc/$x"],
    "db_password": ["with space", 'a"b', "a'b", "a\\b", "a#b", "a$b", "a%b", "a{b", "é", "a\nb"],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD.items() for v in values])
def test_a_bad_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(InventoryError) as error:
        GUIDE.validate(host(**{name: value}))
    text = str(error.value)
    assert text.startswith("mail1: ")
    assert name in text
    assert "docs/variables.md" in text
    if name == "db_password":
        assert value not in text


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(InventoryError) as error:
        GUIDE.validate(Host("mail1", {"fqnd": "x", "updates": "maybe", "tls_key": "/k"}))
    text = str(error.value)
    assert "did you mean fqdn" in text
    assert "fqdn is not set" in text
    assert "updates is 'maybe'" in text
    assert "tls_cert and tls_key go together" in text


def test_variables_of_other_tools_are_passed_over() -> None:
    foreign = (
        "nagios",
        "ntp-server",
        "http_port",
        "domain_name",
        "mail_domain",
        "db_port",
        "verify",
    )
    found = GUIDE.validate(host(**dict.fromkeys(foreign, "x"), ansible_python_interpreter="/x"))
    assert not found.variables.keys() & {*foreign, "ansible_python_interpreter"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tls_cret", "tls_cert"),
        ("submision", "submission"),
        ("auth_before_tsl", "auth_before_tls"),
        ("db_passwd", "db_password"),
        ("Fqdn", "fqdn"),
        ("message_size_limits", "message_size_limit"),
        ("ssh_know_hosts", "ssh_known_hosts"),
    ],
)
def test_misspelt_name_is_refused_unless_it_is_for_others(name: str, meant: str) -> None:
    with pytest.raises(InventoryError, match=f"did you mean {meant}(.|\n)*mailfab_ignore={name}"):
        GUIDE.validate(host(**{name: "x"}))
    GUIDE.validate(host(**{name: "x", "mailfab_ignore": f"other,{name}"}))
    GUIDE.validate(host(**{name: "x", "mailfab_ignore": "*"}))


def test_a_database_elsewhere_needs_its_proof(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match=r"db_ca must name(.|\n)*db_password must be set"):
        GUIDE.validate(host(db_host="192.0.2.9"))
    (tmp_path / "ca.pem").touch()
    found = GUIDE.validate(
        host(
            db_host="192.0.2.9",
            db_ca=str(tmp_path / "ca.pem"),
            db_password="aaaa",
            db_lookup_password="bbbb",
        )
    )
    assert found["db_host"] == "192.0.2.9"


@pytest.mark.parametrize(
    ("distribution", "release", "versions", "lacking"),
    [
        ("centos", "6.10", {}, "Postfix 2.6 and Dovecot before 2.3"),
        ("centos", "6.10", {"postfix": "2:2.6.6"}, "Postfix 2.6.6 and Dovecot"),
        ("centos", "7", {}, "Postfix 2.10 and Dovecot before 2.3"),
        ("centos", "7", {"postfix": "3.5.9"}, "Dovecot before 2.3"),
        ("centos", "8", {}, ""),
        ("debian", "11", {}, ""),
        ("debian", "13", {}, ""),
    ],
)
def test_database_elsewhere_is_refused_where_it_would_be_asked_in_clear_text(
    distribution: str, release: str, versions: dict[str, str], lacking: str
) -> None:
    family = "debian" if distribution == "debian" else "el"
    platform = Platform(family, release, distribution=distribution, versions=versions)
    require_encryption(GUIDE.validate(host()).surveyed(platform, {}))
    elsewhere = host(db_host="db1.example.com").surveyed(platform, {})
    if lacking:
        with pytest.raises(HostError, match=lacking):
            require_encryption(elsewhere)
    else:
        require_encryption(elsewhere)


def test_where_a_secret_can_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_PASSWORD", "fromenv")
    (tmp_path / "p").write_text("fromfile\n")
    for given, value in (
        ("plain", "plain"),
        ("env:THE_PASSWORD", "fromenv"),
        (f"file:{tmp_path / 'p'}", "fromfile"),
        ("cmd:echo fromcmd", "fromcmd"),
    ):
        found = GUIDE.validate(host(db_password=given))
        assert found.secrets == {"db_password": SecretValue(value)}
        assert "db_password" not in found.variables
        assert value not in repr(found)


@pytest.mark.parametrize("given", ["env:NO_SUCH_THING", "file:/no/such/file", "cmd:exit 3"])
def test_a_secret_that_is_not_there(given: str) -> None:
    with pytest.raises(InventoryError, match="db_password: "):
        GUIDE.validate(host(db_password=given))
