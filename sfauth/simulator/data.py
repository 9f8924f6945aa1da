"""The data of a simulated org: a few objects, made when first asked for, the same in every run."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from .identifiers import record_id

if TYPE_CHECKING:
    from .org import SimulatedOrg

Row = dict[str, Any]

_WHEN = "2026-01-15T08:00:00.000+0000"
_SYSTEM_FIELDS = {
    "Id": "id",
    "IsDeleted": "boolean",
    "CreatedDate": "datetime",
    "LastModifiedDate": "datetime",
    "SystemModstamp": "datetime",
}
_INDUSTRIES = ("Agriculture", "Banking", "Energy", "Technology")


@dataclass(frozen=True, slots=True)
class ObjectType:
    """An object of the simulated schema; `fields` maps all field names to their types as a describe shows them."""

    name: str
    prefix: str
    fields: dict[str, str]
    writable: bool = True

    @classmethod
    def of(cls, name: str, prefix: str, *, writable: bool = True, **fields: str) -> ObjectType:
        """An object with these fields and the system's own."""
        return cls(name, prefix, {**_SYSTEM_FIELDS, **fields}, writable)


OBJECT_TYPES: dict[str, ObjectType] = {
    type_.name.lower(): type_
    for type_ in (
        ObjectType.of("Account", "001", Name="string", Industry="picklist", AnnualRevenue="currency"),
        ObjectType.of("Contact", "003", FirstName="string", LastName="string", Email="email", AccountId="reference"),
        ObjectType.of(
            "User", "005", writable=False, Username="string", Name="string", Email="email", IsActive="boolean"
        ),
        ObjectType.of(
            "Organization",
            "00D",
            writable=False,
            Name="string",
            InstanceName="string",
            IsSandbox="boolean",
            TrialExpirationDate="datetime",
            NamespacePrefix="string",
            OrganizationType="picklist",
        ),
        ObjectType.of("ScratchOrgInfo", "2SR", SignupUsername="string", Status="picklist"),
    )
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a query found: whole rows, and the fields to show of them."""

    type: ObjectType
    fields: tuple[str, ...]
    rows: list[Row]


@dataclass(slots=True)
class Data:
    """The rows of one org, by object and 18 character id.

    Attributes:
        locators: Results of queries that had more rows than fit on a page, by query locator.
    """

    tables: dict[str, dict[str, Row]] = field(default_factory=dict)
    locators: dict[str, Found] = field(default_factory=dict)
    created: int = 0

    def table(self, org: SimulatedOrg, type_: ObjectType) -> dict[str, Row]:
        """All rows of an object."""
        if type_.name == "User":  # these come, go and change with the org's own users
            return {row["Id"]: row for row in _users(org)}
        table = self.tables.get(type_.name)
        if table is None:
            table = self.tables[type_.name] = {row["Id"]: row for row in _generate(org, type_)}
        return table

    def create(self, org: SimulatedOrg, type_: ObjectType, values: Row) -> str:
        """A new row; returns its id."""
        self.created += 1
        new_id = record_id(type_.prefix, 1_000_000 + self.created)
        blank = dict.fromkeys(type_.fields)
        self.table(org, type_)[new_id] = {**blank, **_system(new_id), **values}
        return new_id


def _generate(org: SimulatedOrg, type_: ObjectType) -> list[Row]:
    random = Random(f"{org.org_id}/{type_.name}")
    match type_.name:
        case "Account":
            return [
                {
                    **_system(record_id("001", number)),
                    "Name": f"{org.key} account {number}",
                    "Industry": random.choice(_INDUSTRIES),
                    "AnnualRevenue": random.randrange(1_000, 9_000_000),
                }
                for number in range(1, org.records + 1)
            ]
        case "Contact":
            return [
                {
                    **_system(record_id("003", number)),
                    "FirstName": random.choice(("Ada", "Grace", "Edsger", "Barbara")),
                    "LastName": f"Contact {number}",
                    "Email": f"contact{number}@{org.key}.example",
                    "AccountId": record_id("001", number),
                }
                for number in range(1, org.records + 1)
            ]
        case "Organization":
            return [
                {
                    **_system(org.org_id),
                    "Name": org.key,
                    "InstanceName": "USA1000",
                    "IsSandbox": org.kind != "production",
                    "TrialExpirationDate": _WHEN if org.kind == "scratch" else None,
                    "NamespacePrefix": None,
                    "OrganizationType": "Developer Edition" if org.kind == "scratch" else "Enterprise Edition",
                }
            ]
        case _:
            return []


def _users(org: SimulatedOrg) -> list[Row]:
    return [
        {
            **_system(user.user_id),
            "Username": user.username,
            "Name": f"{user.first_name} {user.last_name}",
            "Email": user.username,
            "IsActive": user.active,
        }
        for user in org.users
    ]


def _system(record: str) -> Row:
    stamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), _WHEN)
    return {"Id": record, "IsDeleted": False, **stamps}
