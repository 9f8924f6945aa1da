"""Deployable files, compared with the tables of the Metadata API Developer Guide, which are written out here again."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from sfauth import ConfigurationError, metadata
from sfauth.certificates import new_key_pair

NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
PAIR = new_key_pair(now=1_800_000_000.0)
FLAG = {"true", "false"}
ANY = None

# Folder -> suffix, root element, and each element with its values (None: any text).
TABLES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "externalClientApps": (
        ".eca-meta.xml",
        "ExternalClientApplication",
        {
            "contactEmail": ANY,
            "description": ANY,
            "distributionState": {"Local", "Packaged"},
            "label": ANY,
            "isProtected": FLAG,
            "orgScopedExternalApp": ANY,
            "iconUrl": ANY,
            "logoUrl": ANY,
        },
    ),
    "extlClntAppOauthSettings": (
        ".ecaOauth-meta.xml",
        "ExtlClntAppOauthSettings",
        {
            "commaSeparatedOauthScopes": ANY,
            "externalClientApplication": ANY,
            "label": ANY,
            "singleLogoutUrl": ANY,
            "isFirstPartyAppEnabled": FLAG,
            "clientAssertionCertificate": ANY,
        },
    ),
    "extlClntAppGlobalOauthSets": (
        ".ecaGlblOauth-meta.xml",
        "ExtlClntAppGlobalOauthSettings",
        {
            "callbackUrl": ANY,
            "certificate": ANY,
            "consumerKey": ANY,
            "consumerSecret": ANY,
            "externalClientApplication": ANY,
            "label": ANY,
            "isClientCredentialsFlowEnabled": FLAG,
            "isCodeCredFlowEnabled": FLAG,
            "isCodeCredPostOnly": FLAG,
            "isConsumerSecretOptional": FLAG,
            "isDeviceFlowEnabled": FLAG,
            "isIntrospectAllTokens": FLAG,
            "isNamedUserJwtEnabled": FLAG,
            "isPkceRequired": FLAG,
            "isRefreshTokenRotationEnabled": FLAG,
            "isSecretRequiredForRefreshToken": FLAG,
            "isSecretRequiredForTokenExchange": FLAG,
            "isTokenExchangeEnabled": FLAG,
            "shouldRotateConsumerKey": {"false"},
            "shouldRotateConsumerSecret": {"false"},
        },
    ),
    "extlClntAppOauthPolicies": (
        ".ecaOauthPlcy-meta.xml",
        "ExtlClntAppOauthConfigurablePolicies",
        {
            "externalClientApplication": ANY,
            "label": ANY,
            "permittedUsersPolicyType": {"AdminApprovedPreAuthorized", "AllSelfAuthorized"},
            "commaSeparatedPermissionSet": ANY,
            "commaSeparatedProfile": ANY,
            "clientCredentialsFlowUser": ANY,
            "isClientCredentialsFlowEnabled": FLAG,
            "isTokenExchangeFlowEnabled": FLAG,
            "ipRelaxationPolicyType": {"Enforce", "Bypass", "Bypass_2factor", "Enforce_RelaxRefresh"},
            "refreshTokenPolicyType": {"Infinite", "SpecificInactivity", "SpecificLifetime", "Zero"},
            "refreshTokenValidityPeriod": ANY,
            "refreshTokenValidityUnit": {"Days", "Hours", "Months"},
        },
    ),
    "extlClntAppPolicies": (
        ".ecaPlcy-meta.xml",
        "ExtlClntAppConfigurablePolicies",
        {
            "externalClientApplication": ANY,
            "label": ANY,
            "isEnabled": FLAG,
            "isOauthPluginEnabled": FLAG,
            "startPage": ANY,
        },
    ),
    "connectedApps": (
        ".connectedApp-meta.xml",
        "ConnectedApp",
        {
            "contactEmail": ANY,
            "description": ANY,
            "label": ANY,
            "permissionSetName": ANY,
            "profileName": ANY,
            "oauthConfig": {
                "callbackUrl": ANY,
                "certificate": ANY,
                "consumerKey": ANY,
                "consumerSecret": ANY,
                "scopes": {"Api", "RefreshToken", "Basic", "Full", "Web", "OpenID"},
                "isAdminApproved": FLAG,
                "isClientCredentialEnabled": FLAG,
                "isConsumerSecretOptional": FLAG,
                "isIntrospectAllTokens": FLAG,
                "isNamedUserJwtEnabled": FLAG,
                "isPkceRequired": FLAG,
                "isRefreshTokenRotationEnabled": FLAG,
                "isSecretRequiredForRefreshToken": FLAG,
                "oauthClientCredentialUser": ANY,
            },
            "oauthPolicy": {"ipRelaxation": {"ENFORCE", "BYPASS"}, "refreshTokenPolicy": ANY},
        },
    ),
}

JWT = metadata.jwt_bearer_app(
    "Acme_ETL",
    contact_email="it@acme.com",
    certificate=PAIR.certificate,
    permission_sets=["Acme_ETL", "Acme_API"],
    description="Loads <orders> & invoices",
)
CREDENTIALS = metadata.client_credentials_app(
    "Acme_Sync", contact_email="it@acme.com", run_as="sync@acme.com", profiles=["Minimum Access - API Only"]
)
WEB = metadata.web_server_app(
    "Acme_Portal",
    contact_email="it@acme.com",
    callback_urls=["https://app.acme.com/callback", "http://localhost:8000/callback"],
)
APPS = pytest.mark.parametrize("app", [JWT, CREDENTIALS, WEB], ids=lambda app: app.name)
WRITERS = pytest.mark.parametrize("written", [metadata.external_client_app, metadata.connected_app])


def parsed(file: metadata.MetadataFile) -> ElementTree.Element:
    return ElementTree.fromstring(file.content)


def values(file: metadata.MetadataFile) -> dict[str, str | None]:
    return {each.tag.removeprefix(NAMESPACE): each.text for each in parsed(file).iter()}


def part(app: metadata.App, folder: str) -> dict[str, str | None]:
    (file,) = [each for each in metadata.external_client_app(app) if each.path.parts[0] == folder]
    return values(file)


def check(element: ElementTree.Element, known: dict[str, Any]) -> None:
    names = [child.tag.removeprefix(NAMESPACE) for child in element]
    assert names == sorted(names)
    for child, name in zip(element, names, strict=True):
        assert child.tag.startswith(NAMESPACE)
        assert name in known
        allowed = known[name]
        if isinstance(allowed, dict):
            check(child, allowed)
        else:
            assert child.text
            assert len(child) == 0
            assert allowed is None or child.text in allowed


@APPS
@WRITERS
def test_types_folders_suffixes_and_elements_are_those_of_the_guide(app: metadata.App, written: Any) -> None:
    for file in written(app):
        suffix, root, known = TABLES[file.path.parts[0]]
        assert file.path.name.endswith(suffix)
        assert file.content.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
        assert parsed(file).tag == NAMESPACE + root
        assert "ns0:" not in file.content
        check(parsed(file), known)


@APPS
def test_the_five_files_of_an_app_refer_to_each_other(app: metadata.App) -> None:
    files = metadata.external_client_app(app)

    assert {file.path.parts[0] for file in files} == TABLES.keys() - {"connectedApps"}
    assert {values(file).get("externalClientApplication") for file in files[1:]} == {app.name}
    assert files[0].path.name == f"{app.name}.eca-meta.xml"


def test_jwt_bearer_needs_certificate_scopes_and_pre_authorised_users() -> None:
    settings, policies = part(JWT, "extlClntAppGlobalOauthSets"), part(JWT, "extlClntAppOauthPolicies")

    assert settings["certificate"] == PAIR.certificate
    assert part(JWT, "extlClntAppOauthSettings")["commaSeparatedOauthScopes"] == "Api, RefreshToken"
    assert policies["permittedUsersPolicyType"] == "AdminApprovedPreAuthorized"
    assert policies["commaSeparatedPermissionSet"] == "Acme_ETL, Acme_API"
    assert settings["isClientCredentialsFlowEnabled"] == policies["isClientCredentialsFlowEnabled"] == "false"


def test_client_credentials_are_switched_on_twice_and_run_as_somebody() -> None:
    settings = part(CREDENTIALS, "extlClntAppGlobalOauthSets")
    policies = part(CREDENTIALS, "extlClntAppOauthPolicies")

    assert settings["isClientCredentialsFlowEnabled"] == policies["isClientCredentialsFlowEnabled"] == "true"
    assert policies["clientCredentialsFlowUser"] == "sync@acme.com"
    assert "certificate" not in settings


def test_a_web_server_app_demands_pkce_and_rotates() -> None:
    settings, policies = part(WEB, "extlClntAppGlobalOauthSets"), part(WEB, "extlClntAppOauthPolicies")

    assert settings["isPkceRequired"] == settings["isRefreshTokenRotationEnabled"] == "true"
    assert settings["callbackUrl"] == "https://app.acme.com/callback\nhttp://localhost:8000/callback"
    assert policies["permittedUsersPolicyType"] == "AllSelfAuthorized"
    assert (policies["refreshTokenValidityPeriod"], policies["refreshTokenValidityUnit"]) == ("30", "Days")


def test_a_connected_app_has_it_all_in_one_file() -> None:
    (file,) = metadata.connected_app(JWT)
    scopes = [each.text for each in parsed(file).iter(f"{NAMESPACE}scopes")]

    assert scopes == ["Api", "RefreshToken"]
    assert values(file)["isAdminApproved"] == "true"
    assert values(metadata.connected_app(WEB)[0])["refreshTokenPolicy"] == "specific_inactivity:30:DAYS"


@APPS
@WRITERS
def test_secrets_are_not_written_unless_given(app: metadata.App, written: Any) -> None:
    for file in written(app):
        assert "consumerSecret" not in file.content
        assert "consumerKey" not in file.content
        assert "PRIVATE" not in file.content


@WRITERS
def test_a_given_secret_is_only_in_files_that_must_not_be_committed(written: Any) -> None:
    app = metadata.web_server_app(
        "Acme",
        contact_email="it@acme.com",
        callback_urls="https://acme.com/callback",
        consumer_key="3MVG9acme",
        consumer_secret="topsecret",
    )
    files = written(app)

    assert [file.commit for file in files if "topsecret" in file.content] == [False]
    assert "topsecret" not in f"{app!r}{files!r}"
    assert all("Never commit" in file.content for file in files if not file.commit)


def test_what_must_not_be_committed_is_named_and_for_its_owner_only(tmp_path: Path) -> None:
    (secret,) = metadata.write(metadata.external_client_app(JWT), tmp_path)

    assert secret == tmp_path / "extlClntAppGlobalOauthSets" / "Acme_ETL_glbloauth.ecaGlblOauth-meta.xml"
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 5
    if sys.platform != "win32":
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_files_are_overwritten_only_when_asked(tmp_path: Path) -> None:
    files = metadata.external_client_app(WEB)
    metadata.write(files, tmp_path)
    with pytest.raises(ConfigurationError, match="exists"):
        metadata.write(files, tmp_path)
    metadata.write(files, tmp_path, overwrite=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Acme ETL"},
        {"name": "1_Acme"},
        {"name": "Acme__ETL"},
        {"name": "../Acme"},
        {"contact_email": "it"},
        {"certificate": "server.crt"},
        {"certificate": PAIR.private_key + PAIR.certificate},
        {"permission_sets": []},
        {"permission_sets": ["A,B"]},
        {"label": "bell\x07"},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"consumer_key": "with blank"},
    ],
    ids=str,
)
def test_what_can_not_be_deployed_is_told_at_once(changes: dict[str, Any]) -> None:
    options = {
        "name": "Acme_ETL",
        "contact_email": "it@acme.com",
        "certificate": PAIR.certificate,
        "permission_sets": ["Acme_ETL"],
        **changes,
    }
    with pytest.raises(ConfigurationError) as raised:
        metadata.jwt_bearer_app(options.pop("name"), **options)
    assert PAIR.private_key.splitlines()[3] not in str(raised.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"callback_urls": []},
        {"callback_urls": ["http://app.acme.com/callback"]},
        {"callback_urls": ["/callback"]},
        {"callback_urls": ["https://app.acme.com/#x"]},
        {"callback_urls": ["https://app.acme.com/" + "x" * 2000]},
        {"refresh_token_inactivity": (0, "Days")},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_callbacks_and_policies_are_checked(changes: dict[str, Any]) -> None:
    options = {"callback_urls": ["https://app.acme.com/callback"], **changes}
    with pytest.raises(ConfigurationError):
        metadata.web_server_app("Acme", contact_email="it@acme.com", **options)


def test_an_apps_own_scheme_is_a_callback() -> None:
    metadata.web_server_app("Acme", contact_email="it@acme.com", callback_urls="acme://callback", requires_secret=False)


def test_a_run_as_user_is_a_username() -> None:
    with pytest.raises(ConfigurationError, match="username"):
        metadata.client_credentials_app("Acme", contact_email="it@acme.com", run_as="Integration User")
