"""An org's address: read as people write it, refused where it would lead secrets astray."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sfauth.errors import ConfigurationError, UntrustedHostError
from sfauth.org import Org, OrgKind, origin_of

LOGIN, TEST = "https://login.salesforce.com", "https://test.salesforce.com"
ACME = "https://acme.my.salesforce.com"
SITE = "https://acme.my.site.com/customers"

# what is given, its URL, its kind, whether it's a sandbox, its audience
PLACES = [
    ("login", LOGIN, OrgKind.PRODUCTION_LOGIN, False, LOGIN),
    ("test", TEST, OrgKind.SANDBOX_LOGIN, True, TEST),
    ("https://login.salesforce.com", LOGIN, OrgKind.PRODUCTION_LOGIN, False, LOGIN),
    ("https://test.salesforce.com/", TEST, OrgKind.SANDBOX_LOGIN, True, TEST),
    ("acme", ACME, OrgKind.MY_DOMAIN, False, LOGIN),
    ("acme--uat", "https://acme--uat.sandbox.my.salesforce.com", OrgKind.MY_DOMAIN, True, TEST),
    ("acme.my.salesforce.com", ACME, OrgKind.MY_DOMAIN, False, LOGIN),
    *(
        (f"https://{host}", f"https://{host}", OrgKind.MY_DOMAIN, sandbox, TEST if sandbox else LOGIN)
        for host, sandbox in [
            ("acme.my.salesforce.com", False),
            ("acme--uat.sandbox.my.salesforce.com", True),
            ("energy-nosoftware-1234-dev-ed.scratch.my.salesforce.com", True),
            ("acme-dev-ed.develop.my.salesforce.com", False),
            ("acme-dev-ed.my.salesforce.com", False),
            ("acme.trial.my.salesforce.com", False),
            ("acme.demo.my.salesforce.com", False),
            ("acme--p1.patch.my.salesforce.com", False),
            ("acme.free.my.salesforce.com", False),
            ("acme-dev-ed.trailblaze.my.salesforce.com", False),
            ("acme--uat.my.salesforce.com", True),
            ("acme.cs42.my.salesforce.com", True),
            ("acme--uat.cs42.my.salesforce.com", True),
            ("acme.my-salesforce.com", False),
        ]
    ),
    # Clouds of their own, whose login host no page names.
    *(
        (f"https://{host}", f"https://{host}", OrgKind.MY_DOMAIN, sandbox, f"https://{host}")
        for host, sandbox in [
            ("acme.my.salesforce.mil", False),
            ("acme.my.sfcrmproducts.cn", False),
            ("acme--uat.sandbox.my.sfcrmproducts.cn", True),
        ]
    ),
    # For site users, the audience is the site.
    *(
        (f"https://{place}", f"https://{place}", OrgKind.SITE, sandbox, f"https://{place}")
        for place, sandbox in [
            ("acme.my.site.com", False),
            ("acme.my.site.com/customers", False),
            ("acme--uat.sandbox.my.site.com/customers", True),
            ("acme.force.com/customers", False),
            ("uat-acme.cs12.force.com/customers", True),
            ("acme.secure.force.com/customers", False),
            ("acme.my.salesforce-sites.com/portal", False),
        ]
    ),
    ("http://127.0.0.1:8000", "http://127.0.0.1:8000", OrgKind.LOOPBACK, False, "http://127.0.0.1:8000"),
    ("http://127.8.9.10", "http://127.8.9.10", OrgKind.LOOPBACK, False, "http://127.8.9.10"),
    ("localhost:8000", "http://localhost:8000", OrgKind.LOOPBACK, False, "http://localhost:8000"),
    ("http://[::1]:8000/customers", "http://[::1]:8000/customers", OrgKind.LOOPBACK, False, None),
    ("https://[0:0:0:0:0:0:0:1]", "https://[::1]", OrgKind.LOOPBACK, False, "https://[::1]"),
    ("https://localhost", "https://localhost", OrgKind.LOOPBACK, False, "https://localhost"),
]


@pytest.mark.parametrize(("where", "url", "kind", "sandbox", "audience"), PLACES)
def test_each_way_to_name_an_org_is_understood(where, url, kind, sandbox, audience):
    org = Org(where)
    assert (org.url, org.kind, org.sandbox, org.audience) == (url, kind, sandbox, audience or url)
    assert org.is_login_host == (url in (LOGIN, TEST))


@pytest.mark.parametrize(("where", "url", "kind", "sandbox", "audience"), PLACES)
def test_an_org_made_from_an_orgs_url_is_the_same_org(where, url, kind, sandbox, audience):
    assert Org(Org(where).url) == Org(where)
    assert hash(Org(Org(where).url)) == hash(Org(where))


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("  https://ACME.My.Salesforce.com/  ", ACME),
        ("HTTPS://acme.my.salesforce.com///", ACME),
        ("\tACME\n", ACME),
        ("https://acme.my.salesforce.com:443", ACME),
        ("https://acme.my.salesforce.com/services/oauth2/token", ACME),
        ("https://acme.my.salesforce.com//services/oauth2/token/", ACME),
        ("acme.my.salesforce.com/services/data/v66.0", ACME),
        ("https://login.salesforce.com/services/Soap/u/64.0", LOGIN),
        (f"{SITE}/", SITE),
        ("https://ACME.my.site.com//customers/services/oauth2/token", SITE),
        (f"{SITE}/s/login/", SITE),
        ("https://acme.my.site.com/s", "https://acme.my.site.com"),
        (f"{SITE}/.well-known/openid-configuration", SITE),
        ("http://localhost:80/services/oauth2/token", "http://localhost"),
    ],
)
def test_what_people_paste_along_is_put_right(written, url):
    assert Org(written).url == url


def test_the_case_of_a_sites_path_is_kept():
    assert Org("https://acme.my.site.com/Customers").url == "https://acme.my.site.com/Customers"


@pytest.mark.parametrize(
    ("where", "better"),
    [
        ("https://acme.lightning.force.com", "https://acme.my.salesforce.com."),
        ("https://acme.lightning.force.com/lightning/page/home", "https://acme.my.salesforce.com."),
        ("http://acme.lightning.force.com", "https://acme.my.salesforce.com."),
        ("acme--uat.sandbox.lightning.force.com", "https://acme--uat.sandbox.my.salesforce.com."),
        ("acme--uat.lightning.force.com", "https://acme--uat.sandbox.my.salesforce.com."),
        ("x-dev-ed.develop.lightning.force.com", "https://x-dev-ed.develop.my.salesforce.com."),
        ("acme.my.salesforce-setup.com", "https://acme.my.salesforce.com."),
        ("acme--uat.sandbox.my.salesforce-setup.com", "https://acme--uat.sandbox.my.salesforce.com."),
        ("acme--c.vf.force.com", "https://acme.my.salesforce.com."),
        ("acme--uat--c.sandbox.vf.force.com", "https://acme--uat.sandbox.my.salesforce.com."),
        ("acme--c.na12.visual.force.com", "https://acme.my.salesforce.com."),
        ("acme--uat--c.cs4.visual.force.com", "https://acme--uat.sandbox.my.salesforce.com."),
        ("acme--c.documentforce.com", "https://acme.my.salesforce.com."),
        ("acme.file.force.com", "https://acme.my.salesforce.com."),
        ("acme--uat.sandbox.file.force.com", "https://acme--uat.sandbox.my.salesforce.com."),
        ("acme.lightning.crmforce.mil", "https://acme.my.salesforce.mil."),
        ("acme.lightning.sfcrmapps.cn", "https://acme.my.sfcrmproducts.cn."),
        ("acme.my-lightning.com", "https://acme.my-salesforce.com."),
        ("na12.salesforce.com", LOGIN),
        ("na12-api.salesforce.com", LOGIN),
        ("eu5.salesforce.com", LOGIN),
        ("https://cs42.salesforce.com", TEST),
        ("usa123.salesforce.com", "My Domain"),
        ("acme.my", "https://acme.my.salesforce.com"),
        ("acme--uat.sandbox.my", "https://acme--uat.sandbox.my.salesforce.com"),
        ("acme-dev-ed", "acme-dev-ed.develop.my.salesforce.com"),
        ("https://api.salesforce.com", "My Domain"),
        ("https://my.salesforce.com", "My Domain"),
        ("http://acme.my.salesforce.com", ACME),
        ("http://login.salesforce.com", LOGIN),
        ("https://acme.my.salesforce.com:8443", ACME),
        ("https://login.salesforce.com:8443", LOGIN),
        ("https://acme.my.salesforce.com/customers", ACME),
        ("https://login.salesforce.com/customers", "site"),
        ("https://www.example.com/customers", "trusted_hosts=('www.example.com',)"),
        ("10.0.0.1", "My Domain"),
        ("127.0.0.1.example.com", "trusted_hosts"),
        ("127.1", "My Domain"),
        ("https://acme", "My Domain"),
        ("https://", "My Domain"),
        ("", "My Domain"),
        ("   ", "My Domain"),
        ("acme corp", "My Domain"),
        ("-acme", "My Domain"),
        ("1234567890123456789", "My Domain"),
        ("https://acme.my.salesforce.com/?startURL=x", "My Domain"),
        ("https://acme.my.salesforce.com/#home", "My Domain"),
        ("https://acme.my.site.com/../x", "My Domain"),
        ("https://acme.my.salesforce.com:99999", "My Domain"),
        ("https://[::2]", "My Domain"),
        ("https://[::1", "My Domain"),
        ("https://[1::2::3]", "My Domain"),
        ("ftp://acme.my.salesforce.com", "My Domain"),
        ("force://PlatformCLI::5Aep861abc@acme.my.salesforce.com", "My Domain"),
        (None, "My Domain"),
        (b"login", "My Domain"),
        (Org("login"), "My Domain"),
    ],
)
def test_where_nobody_logs_in_the_error_says_what_to_give_instead(where, better):
    with pytest.raises(ConfigurationError) as caught:
        Org(where)
    assert better in (caught.value.hint or "")


LOOKALIKES = [
    "https://evilsalesforce.com",
    "https://evil-salesforce.com",
    "https://login.salesforce.com.evil.com",
    "https://login.salesforce.com@evil.com",
    "https://login.salesforce.com:443@evil.com",
    "https://x.my.salesforce.com:x@evil.com",
    "https://evil.com/login.salesforce.com",
    "https://evil.com/.salesforce.com",
    "https://evil.com?.salesforce.com",
    "https://evil.com#.salesforce.com",
    "https://evil.com\\.salesforce.com",
    "https://evil.com\\@login.salesforce.com",
    "https://login.salesforce.com\\@evil.com",
    "https:\\\\login.salesforce.com",
    "https://evil.com\t.salesforce.com",
    "https://evil.com\n.salesforce.com",
    "https://evil.com\x00.salesforce.com",
    "https://evil.com%2f.salesforce.com",
    "https://evil.com%00.salesforce.com",
    "https://login.salesforce.com.",
    "https://login.salesforce.com./",
    "https://.salesforce.com",
    "https://x..salesforce.com",
    "https://-.salesforce.com",
    "https://login.ſalesforce.com",  # the long s, which matches "s" without re.ASCII
    "https://login.salesforce．com",  # the fullwidth full stop, which IDNA maps to a dot
    "https://login.salesforce。com",
    "https://ⓛogin.salesforce.com",
    "https://login.sаlesforce.com",  # a Cyrillic a
    "https://login.salesforce.com／.evil.com",
    "https://login.salesforce.com:8443",
    "https://login.salesforce.com:0",
    "https://login.salesforce.com:65536",
    "https://login.salesforce.com:４４３",
    "http://login.salesforce.com",
    "https:login.salesforce.com",
    "https:/login.salesforce.com",
    "https:///login.salesforce.com",
    "//login.salesforce.com",
    "ftp://login.salesforce.com",
    "javascript://login.salesforce.com",
    "https://xn--lgin-gpa.evil.com",
    "https://salesforce.com",
    "https://force.com",
    "https://my.site.com.evil.com",
    "https://evil.site.com",
    "https://[::ffff:127.0.0.1]",
    "https://2130706433",
    "https://",
    "",
]


@pytest.mark.parametrize("url", LOOKALIKES)
@pytest.mark.parametrize("where", ["login", ACME, SITE, "http://127.0.0.1:8000"])
def test_no_secret_and_no_bearer_goes_to_a_lookalike(where, url):
    org = Org(where)
    assert not org.allows_secret(url)
    assert not org.allows_instance(url)
    with pytest.raises(UntrustedHostError):
        org.check_secret_url(url)


@pytest.mark.parametrize("where", LOOKALIKES)
def test_no_lookalike_is_an_org(where):
    with pytest.raises(ConfigurationError):
        Org(where)


@pytest.mark.parametrize(
    "url",
    [
        "https://login.salesforce.com/services/oauth2/token",
        "https://test.salesforce.com",
        "https://acme.my.salesforce.com/services/oauth2/token?so=00D000000000001",
        "https://ACME.my.salesforce.com:443/x",
        "https://acme--uat.sandbox.my.salesforce.com",
        "https://na12.salesforce.com",
        "https://acme.my-salesforce.com",
        "https://acme.my.salesforce.mil",
        "https://acme.my.sfcrmproducts.cn",
        "https://api.salesforce.com",
    ],
)
def test_salesforces_own_hosts_may_see_secrets_and_bearers(url):
    assert Org("acme").allows_secret(url)
    assert Org("acme").allows_instance(url)
    Org("acme").check_secret_url(url)


def test_a_secret_goes_to_the_orgs_own_site_but_not_to_another_customers():
    assert Org(SITE).allows_secret("https://acme.my.site.com/customers/services/oauth2/token")
    assert not Org(SITE).allows_secret("https://evil.my.site.com/services/apexrest/collect")
    assert not Org("acme").allows_secret("https://evil.my.site.com/services/apexrest/collect")
    assert not Org("acme").allows_secret("https://evil.force.com/collect")
    assert Org("acme").allows_instance("https://acme.my.site.com")


def test_a_custom_domain_is_taken_only_when_named():
    where = "https://www.example.com/customers"
    with pytest.raises(ConfigurationError):
        Org(where, trusted_hosts=("example.com",))
    org = Org(where, trusted_hosts=("WWW.Example.com",))
    assert (org.kind, org.url, org.audience, org.sandbox) == (OrgKind.CUSTOM, where, where, False)
    assert org.allows_secret(org.token_url)
    for other in ("https://example.com", "https://a.www.example.com", "https://www.example.com:8443"):
        assert not org.allows_secret(other)
    assert not org.allows_secret("http://www.example.com/customers/services/oauth2/token")
    with pytest.raises(ConfigurationError, match="https"):
        Org("http://www.example.com", trusted_hosts=("www.example.com",))


def test_a_trusted_host_may_name_a_port_and_then_means_that_port_alone():
    org = Org("acme", trusted_hosts=["https://proxy.example.com:8443/"])
    assert org.trusted_hosts == ("proxy.example.com:8443",)
    assert org.allows_secret("https://proxy.example.com:8443/token")
    assert org.allows_instance("https://proxy.example.com:8443")
    assert not org.allows_secret("https://proxy.example.com/token")
    place = "https://proxy.example.com:8443/acme"
    assert Org(place, trusted_hosts=("proxy.example.com:8443",)).url == place
    with pytest.raises(ConfigurationError, match=r"trusted_hosts=\('proxy.example.com:8443',\)"):
        Org(place, trusted_hosts=("proxy.example.com",))
    assert Org("https://login.salesforce.com:8443", trusted_hosts=("login.salesforce.com:8443",)).kind is OrgKind.CUSTOM


@pytest.mark.parametrize(
    "hosts",
    [
        "example.com",
        ("*.example.com",),
        ("http://example.com",),
        ("example.com/path",),
        (".example.com",),
        ("com",),
        (None,),
    ],
)
def test_trusted_hosts_are_exact_names(hosts):
    with pytest.raises(ConfigurationError):
        Org("acme", trusted_hosts=hosts)


def test_only_a_loopback_org_sends_anything_to_loopback():
    local, real = Org("http://127.0.0.1:8000"), Org("acme")
    for url in ("http://127.0.0.1:9000", "http://localhost", "https://localhost:1", "http://[::1]:5/x"):
        assert local.allows_secret(url)
        assert local.allows_instance(url)
        assert not real.allows_secret(url)
        assert not real.allows_instance(url)
    assert not local.allows_secret("http://192.168.0.1:8000")
    assert not local.allows_secret("http://127.0.0.1.evil.com")
    assert not local.allows_secret("http://localhost.evil.com")


def test_the_refusal_names_the_host_and_how_to_opt_in_but_neither_path_nor_query():
    with pytest.raises(UntrustedHostError) as caught:
        Org("acme").check_secret_url("https://login.example.com/path5Aep?token=00Dsecret")
    text = str(caught.value)
    assert "login.example.com" in text
    assert "trusted_hosts=('login.example.com',)" in text
    assert "5Aep" not in text
    assert "00Dsecret" not in text


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("http://login.salesforce.com/x", "Use https://login.salesforce.com:"),
        ("http://localhost:8000/x", "Only an org that is on loopback itself"),
        ("https://proxy.example.com:8443/x", "trusted_hosts=('proxy.example.com:8443',)"),
    ],
)
def test_the_refusal_gives_the_advice_that_fits(url, advice):
    with pytest.raises(UntrustedHostError) as caught:
        Org("acme").check_secret_url(url)
    assert advice in (caught.value.hint or "")


@pytest.mark.parametrize("url", ["https://user:hunter2@evil.com/", "https://login.salesforce.com\\hunter2", "hunter2"])
def test_a_refused_address_is_not_shown_when_it_may_hold_a_secret(url):
    for call in (Org("acme").check_secret_url, Org, origin_of):
        if call is Org and url == "hunter2":
            continue
        with pytest.raises(ConfigurationError) as caught:
            call(url)
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("where", "base"), [("acme", ACME), (SITE, SITE), ("http://127.0.0.1:8/x", "http://127.0.0.1:8/x")]
)
def test_the_endpoints_keep_the_sites_path(where, base):
    org = Org(where)
    assert org.token_url == f"{base}/services/oauth2/token"
    assert org.authorize_url == f"{base}/services/oauth2/authorize"
    assert org.introspect_url == f"{base}/services/oauth2/introspect"
    assert org.revoke_url == f"{base}/services/oauth2/revoke"
    assert org.userinfo_url == f"{base}/services/oauth2/userinfo"
    assert org.register_url == f"{base}/services/oauth2/register"
    assert org.singleaccess_url == f"{base}/services/oauth2/singleaccess"
    assert org.discovery_url == f"{base}/.well-known/openid-configuration"
    assert org.jwks_url == f"{base}/id/keys"
    assert org.end_session_url == f"{base}/services/auth/idp/oidc/logout"


def test_origin_and_host_are_read_from_the_url():
    assert Org(SITE).origin == "https://acme.my.site.com"
    assert Org(SITE).host == "acme.my.site.com"
    assert Org("http://[::1]:8000/x").origin == "http://[::1]:8000"
    assert Org("http://[::1]:8000/x").host == "::1"


def test_the_caller_knows_better_whether_it_is_a_sandbox_and_what_the_audience_is():
    assert Org("acme", sandbox=True).audience == TEST
    assert Org("acme--uat.sandbox.my.salesforce.com", sandbox=False).audience == LOGIN
    assert Org("acme", audience=ACME).audience == ACME
    assert Org("acme", audience=f" {LOGIN}/ ").audience == f"{LOGIN}/"
    assert Org("acme", audience=LOGIN) == Org("acme")
    assert Org("acme", audience=ACME) != Org("acme")


@pytest.mark.parametrize("audience", ["", "test", "login.salesforce.com", 5, "https://user:pw@x.com"])
def test_an_audience_that_is_no_url_is_refused(audience):
    with pytest.raises(ConfigurationError, match="audience"):
        Org("acme", audience=audience)


def test_an_org_is_a_frozen_value_that_travels():
    org = Org(SITE, trusted_hosts=("b.example.com", "a.example.com"))
    assert org == Org(SITE, trusted_hosts=("a.example.com", "b.example.com"))
    assert len({org, copy.deepcopy(org), pickle.loads(pickle.dumps(org))}) == 1
    with pytest.raises(AttributeError):
        org.url = "https://evil.com"  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        org.extra = 1  # type: ignore[attr-defined]


def test_a_hundred_thousand_orgs_fit_into_small_memory():
    tracemalloc.start()
    try:
        orgs = [Org(f"acme-with-a-rather-long-name-{number}--uat.sandbox.my.salesforce.com") for number in range(1000)]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / len(orgs) <= 400


# The grammar of host names, so that both sides of the fence get examples.
labels = st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True)
addresses = st.builds(
    "".join,
    st.lists(
        st.one_of(
            st.sampled_from(
                ["https", "http", "://", ":", "/", "@", ".", "\\", "#", "?", "[", "]", "%", " ", "\t", "ſ", "。"]
            ),
            st.sampled_from(
                ["login.salesforce.com", ".my.salesforce.com", ".force.com", "localhost", "127.0.0.1", "evil.com"]
            ),
            labels,
            st.text(max_size=3),
        ),
        max_size=8,
    ),
)


@given(addresses)
def test_whatever_is_given_is_an_org_or_a_configuration_error(where):
    try:
        org = Org(where)
    except ConfigurationError:
        return
    assert Org(org.url) == org
    assert org.allows_secret(org.token_url)
    assert org.allows_instance(org.origin)


@given(addresses)
def test_two_other_url_parsers_agree_on_the_host_of_whatever_is_allowed(url):
    for org in (Org("acme"), Org(SITE), Org("http://localhost")):
        if not (org.allows_instance(url) or org.allows_secret(url)):
            continue
        hosts = {urlsplit(url).hostname}
        with suppress(httpx.InvalidURL):  # httpx sends nothing there at all
            hosts.add(httpx.URL(url).host)
        assert len(hosts) == 1
        (host,) = hosts
        assert host is not None
        assert host.endswith((".salesforce.com", ".force.com")) or host in (
            "localhost",
            "127.0.0.1",
            "::1",
            "acme.my.site.com",
        )


@given(labels, st.sampled_from(["", "sandbox.", "scratch.", "develop."]))
def test_a_my_domain_survives_the_round_trip(name, partition):
    url = f"https://{name}.{partition}my.salesforce.com"
    org = Org(url.upper() + "/services/oauth2/token")
    assert org.url == url
    assert org.sandbox == (partition in ("sandbox.", "scratch."))


@given(labels, labels)
def test_no_suffix_matches_without_its_dot(name, other):
    assume("salesforce" not in name)
    assert not Org("acme").allows_secret(f"https://{name}salesforce.com")
    assert not Org("acme").allows_instance(f"https://login.salesforce.com.{name}.{other}")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://ACME.my.salesforce.com:443/services/data?q=1", ACME),
        ("HTTP://localhost:80", "http://localhost"),
        ("http://localhost:443/", "http://localhost:443"),
        ("https://my_host.example.com:8443#x", "https://my_host.example.com:8443"),
        ("https://[::1]:8000/x", "https://[::1]:8000"),
        ("https://acme.my.salesforce.com:/", ACME),
    ],
)
def test_an_origin_is_lower_case_without_a_default_port(url, origin):
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url", ["", "/services/data", "acme.my.salesforce.com", "ftp://x.com", "https://a@b.com", "https://a b"]
)
def test_a_url_without_an_origin_is_refused(url):
    with pytest.raises(ConfigurationError):
        origin_of(url)
