"""To whom a mail goes: providers by their domains, every other domain for itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.destinations import PROVIDERS, Destinations, domain_of

ours = Destinations()


@pytest.mark.parametrize(
    ("address", "destination"),
    [
        ("ada@gmail.com", "google"),
        ("ada@googlemail.com", "google"),
        ("ada@GMAIL.com.", "google"),
        ("ada@outlook.com", "microsoft"),
        ("ada@hotmail.co.uk", "microsoft"),
        ("ada@live.de", "microsoft"),
        ("ada@msn.com", "microsoft"),
        ("ada@yahoo.com.br", "yahoo"),
        ("ada@ymail.com", "yahoo"),
        ("ada@aol.com", "yahoo"),
        ("ada@yahoo.co.jp", "yahoo-japan"),
        ("ada@me.com", "apple"),
        ("ada@gmx.net", "gmx"),
        ("ada@web.de", "gmx"),
        ("ada@uni-heidelberg.de", "uni-heidelberg.de"),
        ("ada@mail.gmail.com", "mail.gmail.com"),
        ("ada@notgmail.com", "notgmail.com"),
        ("ada@live.university.example", "live.university.example"),
        ('"a@b"@example.org', "example.org"),
    ],
)
def test_a_domain_has_its_provider_or_is_one_of_its_own(address: str, destination: str) -> None:
    assert ours.of(address) == destination


def test_what_the_operator_names_goes_before_the_built_in_table() -> None:
    own = Destinations({
        "campus": ("*.uni-x.example", "uni-x.example"), "google": ("lab.example",),
        "relay": ("web.de", "hotmail.*"),
    })  # fmt: skip
    found = {name: own.of(f"ada@{name}") for name in (
        "uni-x.example", "cs.uni-x.example", "a.b.uni-x.example", "lab.example", "gmail.com",
        "web.de", "gmx.de", "hotmail.fr", "outlook.fr", "notuni-x.example",
    )}  # fmt: skip
    assert found == {
        "uni-x.example": "campus", "cs.uni-x.example": "campus", "a.b.uni-x.example": "campus",
        "lab.example": "google", "gmail.com": "google", "web.de": "relay", "gmx.de": "gmx",
        "hotmail.fr": "relay", "outlook.fr": "microsoft", "notuni-x.example": "notuni-x.example",
    }  # fmt: skip


def test_another_table_has_another_fingerprint_and_the_same_has_the_same() -> None:
    assert Destinations().fingerprint == ours.fingerprint
    assert Destinations({"campus": ("uni-x.example",)}).fingerprint != ours.fingerprint


def test_no_domain_stands_in_two_places_and_no_name_looks_like_a_domain() -> None:
    domains = [domain for of in PROVIDERS.values() for domain in of]
    assert len(domains) == len(set(domains))
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in PROVIDERS)


@given(st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z0-9-]{1,20}){1,3}", fullmatch=True))
def test_every_domain_has_one_destination_whatever_its_case(domain: str) -> None:
    assert ours.of(f"a@{domain}") == ours.of(f"B@{domain.upper()}")
    assert ours.of(domain) in (*PROVIDERS, domain_of(domain))
