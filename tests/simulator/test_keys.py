"""The key pairs of apps."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sfauth.simulator.keys import AppKey, public_key_of


def test_the_certificate_holds_the_public_half(keys):
    private = serialization.load_pem_private_key(keys.app.private_key_pem.encode(), None)
    assert public_key_of(keys.app.certificate_pem) == private.public_key()


async def test_an_app_may_bring_its_own_key(bare, refused):
    own = AppKey.generate()
    org = bare.simulator.add_org("acme", private_key=own.private_key_pem)
    assert (await bare.jwt_bearer(key=own.private_key_pem)).status_code == 200
    refused(await bare.jwt_bearer(key=bare.simulator.keys.app.private_key_pem), "invalid_grant", "invalid assertion")
    other = org.add_app(certificate_pem=bare.simulator.keys.app.certificate_pem)
    answer = await bare.jwt_bearer(key=bare.simulator.keys.app.private_key_pem, iss=other.client_id)
    assert answer.status_code == 200


def test_elliptic_curves_will_not_do():
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with pytest.raises(TypeError, match="RSA"):
        AppKey.from_private_key(pem)


def test_keys_are_made_once_and_not_shown(keys):
    assert keys.app is keys.app
    assert "PRIVATE KEY" not in repr(keys.app)
