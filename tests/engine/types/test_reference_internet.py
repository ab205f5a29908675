"""email, domain, url and ip_address against the reference libraries, over thousands of generated cases."""

import hashlib
import ipaddress
import random
import re
import string
from urllib.parse import urlsplit

import email_validator
import idna
import rfc3986
import rfc3986.exceptions
import rfc3986.validators

from datalinx.engine.types.builtin.contact import EMAIL, HASHED_EMAIL
from datalinx.engine.types.builtin.web import DOMAIN, IP_ADDRESS, URL
from tests.engine.types.disagreements import Ways, compare
from tests.engine.types.evaluation import VALUE, Evaluate

_WORDS = (
    *(
        "example",
        "mail",
        "a",
        "x1",
        "bücher",
        "BÜCHER",
        "münchen",
        "日本語",
        "пример",
        "παράδειγμα",
        "faß",
        "straße",
    ),
    *(
        "שלום",
        "नमस्ते",
        "ಕನ್ನಡ",
        "한국",
        "café",
        "cafe\u0301",
        "ｅｘａｍｐｌｅ",
        "xn--bcher-kva",
        "xn--zzzz",
        "a-b",
        "-a",
        "a-",
    ),
    *(
        "ab--cd",
        "☃",
        "💩",
        "i❤",
        "a_b",
        "",
        "l·l",
        "aֿ",
        "ا1٢",
        "a" * 63,
        "a" * 64,
        "ü" * 58,
        "ü" * 60,
        "\u200d",
        "Ⅷ",
    ),
)
_TOPS = (
    "org",
    "COM",
    "de",
    "co.uk",
    "x",
    "123",
    "c0m",
    "museum",
    "рф",
    "中国",
    "xn--p1ai",
    "भारत",
    "info",
    "example",
)


def _domains(random_: random.Random, count: int) -> list[str]:
    found = []
    for _ in range(count):
        labels = [random_.choice(_WORDS) for _ in range(random_.choice([0, 1, 1, 1, 1, 2, 3]))]
        domain = random_.choice([".", ".", ".", ".", ".", "。"]).join([*labels, random_.choice(_TOPS)])
        if random_.random() < 0.1:
            place = random_.randrange(len(domain))
            domain = domain[:place] + random_.choice(" @,;<>()\t/:_") + domain[place:]
        found.append(domain)
    return found


def _locals(random_: random.Random, count: int) -> list[str]:
    letters = string.ascii_letters + string.digits
    made = [
        "".join(random_.choices(letters + ".+_-'!#%", k=random_.choice([1, 5, 12, 30, 63, 64, 65])))
        for _ in range(count)
    ]
    return [random_.choice(["ädä", '"a b"', "a..b", "ada", "Ada.L+x", local, local, local]) for local in made]


def _by_email_validator(text: str) -> str | None:
    """The library's ASCII form with its local part in lower case too."""
    try:
        found = email_validator.validate_email(
            text, check_deliverability=False, allow_smtputf8=False, strict=True, test_environment=True
        )
    except email_validator.EmailNotValidError:
        return None
    return found.ascii_email.lower() if found.ascii_email else None


def _host(address: str) -> str:
    return address.rpartition("@")[2]


def _has_undecodable_label(text: str) -> bool:
    """A label of the form `xn--` that decodes to nothing: the library decodes, SQL sees letters and digits."""
    for label in re.split("[.。]", _host(text).strip().lower()):
        if label.startswith("xn--"):
            try:
                idna.decode(label)
            except idna.IDNAError:
                return True
    return False


_EMAIL_WAYS: Ways = {
    "an xn-- label that decodes to nothing": _has_undecodable_label,
    "two hyphens in the third and fourth place of an ASCII label": lambda text: "ab--cd" in _host(text),
    "a top level of one letter or with a digit": lambda text: bool(
        re.search(r"[.。](?:x|c0m|123)$", _host(text))
    ),
}


def test_email__thousands_of_addresses__agrees_with_email_validator(evaluate: Evaluate) -> None:
    random_ = random.Random(21)
    pairs = zip(_locals(random_, 6_000), _domains(random_, 6_000), strict=True)
    cases = [f"{local}@{domain}" for local, domain in pairs]
    theirs = [_by_email_validator(case) for case in cases]
    ours = evaluate(EMAIL.normalise(VALUE), cases)
    compare(cases, ours, theirs, _EMAIL_WAYS, least=4_000)


def test_email__any_address__passes_the_check_if_it_can_be_read(evaluate: Evaluate) -> None:
    random_ = random.Random(22)
    pairs = zip(_locals(random_, 3_000), _domains(random_, 3_000), strict=True)
    cases = [f"{local}@{domain}" for local, domain in pairs]
    normal = evaluate(EMAIL.normalise(VALUE), cases)
    assert evaluate(EMAIL.check(VALUE), cases) == [text is not None for text in normal]
    padded = [f"\u00a0 {case}\r\n" for case in cases]
    assert evaluate(EMAIL.normalise(VALUE), padded) == normal


def test_hashed_email__thousands_of_addresses__is_the_sha_256_of_the_normal_form(evaluate: Evaluate) -> None:
    random_ = random.Random(23)
    pairs = zip(_locals(random_, 3_000), _domains(random_, 3_000), strict=True)
    cases = [f" {local}@{domain} " for local, domain in pairs]
    normal = evaluate(EMAIL.normalise(VALUE), cases)
    wanted = [hashlib.sha256(str(text).encode()).hexdigest() if text else None for text in normal]
    assert evaluate(HASHED_EMAIL.normalise(VALUE), cases) == wanted


def _as_google_hashes(address: str) -> str:
    """Enhanced conversions: trimmed, in lower case; dots and what follows a + leave a Gmail address."""
    local, _, domain = address.strip().lower().partition("@")
    if domain in {"gmail.com", "googlemail.com"}:
        local = local.partition("+")[0].replace(".", "")
    return hashlib.sha256(f"{local}@{domain}".encode()).hexdigest()


def test_hashed_email__as_advertising_platforms_define_it__differs_for_gmail_alone(
    evaluate: Evaluate,
) -> None:
    random_ = random.Random(24)
    words = ["ada", "ada.lovelace", "a.d.a", "Ada+news", "bob", "bob-x"]
    domains = ["gmail.com", "GoogleMail.com", "example.org", "mail.example"]
    cases = [f"{random_.choice(words)}{n}@{random_.choice(domains)}" for n in range(2_000)]
    theirs = [_as_google_hashes(case) for case in cases]
    ways: Ways = {
        "dots and +suffixes of Gmail addresses": lambda text: (
            "mail.com" in text.lower() and bool(re.search("[.+].*@", text))
        )
    }
    compare(cases, evaluate(HASHED_EMAIL.normalise(VALUE), cases), theirs, ways, least=2_000)
    # Meta, TikTok and the others hash the address trimmed and in lower case, which is the same as ours.
    plain = [hashlib.sha256(case.strip().lower().encode()).hexdigest() for case in cases]
    assert evaluate(HASHED_EMAIL.normalise(VALUE), cases) == plain


def _by_idna(text: str) -> str | None:
    """The ASCII form of at least two labels, each admitted by IDNA 2008 after the mapping of UTS 46."""
    try:
        found = idna.encode(text.strip(), uts46=True, std3_rules=True).decode().rstrip(".")
    except UnicodeError:
        return None
    return found if "." in found else None


_DOMAIN_WAYS: Ways = {
    "an xn-- label that decodes to nothing": _has_undecodable_label,
    "two hyphens in the third and fourth place of an ASCII label": lambda text: "ab--cd" in text,
    "a top level that is a number, has one letter, or letters and digits": lambda text: bool(
        re.search(r"[.。](?:x|c0m|123)$", text)
    ),
}


def test_domain__thousands_of_names__agrees_with_idna(evaluate: Evaluate) -> None:
    cases = [f" {domain}" for domain in _domains(random.Random(25), 6_000)]
    theirs = [_by_idna(case) for case in cases]
    compare(cases, evaluate(DOMAIN.normalise(VALUE), cases), theirs, _DOMAIN_WAYS, least=2_500)


def _urls(random_: random.Random, count: int) -> list[str]:
    hosts = [
        "example.org",
        "WWW.Example.CO.UK",
        "localhost",
        "127.0.0.1",
        "[2001:db8::1]",
        "[::1",
        "256.1.1.1",
        "a_b.org",
    ]
    hosts += ["-a.org", "exa mple.org", "", "example", "bücher.example", "999", "[nonsense]"]
    ports = ["", "", "", "", ":80", ":65535", ":65536", ":0", ":x", ":"]
    paths = [
        "",
        "/",
        "/a/b",
        "/Ä",
        "/a b",
        "/%20",
        "/%2",
        "//",
        "/a?b=c&d",
        "?q=[1]",
        "#frag",
        "/{x}",
        "/<x>",
        '/"',
        "/a;b=1",
        "/~x",
    ]
    users = ["", "", "", "", "user@", "user:pass@", "us er@", "a@b@"]
    schemes = ["http", "https", "HTTPS", "ftp", "javascript", "", "http:"]
    return [
        f"{random_.choice(schemes)}://{random_.choice(users)}{random_.choice(hosts)}{random_.choice(ports)}{random_.choice(paths)}"
        for _ in range(count)
    ]


_VALIDATOR = (
    rfc3986.validators.Validator()
    .allow_schemes("http", "https")
    .require_presence_of("scheme", "host")
    .check_validity_of("scheme", "userinfo", "host", "port", "path", "query", "fragment")
)


def _by_rfc3986(text: str) -> bool:
    """Whether the library takes it, and the standard library finds a port that there is."""
    try:
        _VALIDATOR.validate(rfc3986.uri_reference(text).normalize())
        parts = urlsplit(text)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except (rfc3986.exceptions.RFC3986Exception, ValueError):
        return False


_URL_WAYS: Ways = {
    "a host in letters outside ASCII": lambda text: "bücher" in text,
    "a path in letters outside ASCII": lambda text: "/Ä" in text,
    "brackets in a query": lambda text: "?q=[1]" in text,
    "a percent sign that escapes nothing": lambda text: text.endswith("/%2"),
    "a host of one label, with an underscore, with an edge of hyphens, or a number": lambda text: bool(
        re.search(r"//(?:[^@/]*@)?(?:example|999|a_b\.org|-a\.org|256\.1\.1\.1)(?:[:/?#]|$)", text)
    ),
    "a blank, a quotation mark, brackets or braces where RFC 3986 has none": lambda text: bool(
        re.search(r"/(?:a b|<x>|\{x\}|\")$", text)
    ),
    "an empty port": lambda text: bool(re.search(r":(?:[/?#]|$)", text.partition("://")[2])),
}


def test_url__thousands_of_addresses__agrees_with_rfc3986(evaluate: Evaluate) -> None:
    cases = _urls(random.Random(26), 8_000)
    theirs = [_by_rfc3986(case) for case in cases]
    compare(cases, evaluate(URL.check(VALUE), cases), theirs, _URL_WAYS, least=4_000)


def _by_ipaddress(text: str) -> str | None:
    try:
        found = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    # The library writes mapped addresses with a tail of four numbers since Python 3.13; ours has groups always.
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        high, low = divmod(int(found.ipv4_mapped), 65_536)
        return f"::ffff:{high:x}:{low:x}"
    return str(found)


def _ip_addresses(random_: random.Random, count: int) -> list[str]:
    found = []
    for _ in range(count):
        if random_.random() < 0.3:
            text = ".".join(
                str(random_.choice([0, 1, 10, 255, 256, "01", "", 192]))
                for _ in range(random_.choice([3, 4, 4, 4, 5]))
            )
        else:
            groups = [
                random_.choice(
                    ["0", "0", "1", "db8", "FFFF", "00ab", "12345", "g"][: random_.choice([6, 6, 6, 8])]
                )
                for _ in range(random_.choice([7, 8, 8, 8, 9]))
            ]
            if random_.random() < 0.4:
                start = random_.randrange(len(groups))
                groups[start : start + random_.choice([1, 2, 3, 7])] = [""]
            text = ":".join(groups)
            text = f":{text}" if text.startswith(":") else text
            text = f"{text}:" if text.endswith(":") and random_.random() < 0.7 else text
            if random_.random() < 0.1:
                text = f"::ffff:{random_.randrange(300)}.0.2.1"
            text += random_.choice(["", "", "", "", "", "%eth0", "/64"])
        found.append(text)
    return found


def test_ip_address__thousands_of_addresses__agrees_with_ipaddress(evaluate: Evaluate) -> None:
    cases = _ip_addresses(random.Random(27), 6_000)
    ways: Ways = {"a zone of an interface (fe80::1%eth0)": lambda text: "%" in text}
    theirs = [_by_ipaddress(case) for case in cases]
    compare(cases, evaluate(IP_ADDRESS.normalise(VALUE), cases), theirs, ways, least=2_500)
