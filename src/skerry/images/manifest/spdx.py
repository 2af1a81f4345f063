"""A bill of materials as SPDX 2.3 in JSON: https://spdx.github.io/spdx-spec/v2.3."""

from __future__ import annotations

import re
from typing import Any

from skerry.images.contents.licenses import references
from skerry.images.contents.packages import Package
from skerry.images.manifest.bill import Bill, clean

NAME = "sbom.spdx.json"
_IMAGE = "SPDXRef-Image"


def spdx_document(bill: Bill) -> dict[str, Any]:
    """The whole document."""
    packages = bill.packages
    ids = _ids(packages)
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": bill.name,
        "documentNamespace": f"urn:uuid:{bill.identity}",
        "creationInfo": {"created": bill.made, "creators": [f"Tool: skerry-{bill.version}"]},
        "documentDescribes": [_IMAGE],
        "packages": [_image(bill), *(_package(bill, package, ids[package]) for package in packages)],
        "hasExtractedLicensingInfos": _own_licenses(bill),
        "relationships": _relationships(bill, ids),
    }


def _ids(packages: list[Package]) -> dict[Package, str]:
    """An id for each, told apart by a number where letters that ids cannot have made two the same."""
    found: dict[Package, str] = {}
    used: set[str] = set()
    for package in packages:
        base = "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]+", "-", package.full_name)
        name, number = base, 1
        while name in used:
            number += 1
            name = f"{base}-{number}"
        used.add(name)
        found[package] = name
    return found


def _image(bill: Bill) -> dict[str, Any]:
    return {
        "SPDXID": _IMAGE,
        "name": bill.name,
        "versionInfo": bill.system.get("VERSION_ID", ""),
        "summary": clean(bill.system.get("PRETTY_NAME", "")),
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "OPERATING-SYSTEM",
    }


def _package(bill: Bill, package: Package, identifier: str) -> dict[str, Any]:
    url = bill.url(package)
    told: dict[str, Any] = {
        "SPDXID": identifier,
        "name": package.name,
        "versionInfo": package.full_version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": bill.licenses.get(package, "NOASSERTION"),
        "copyrightText": "NOASSERTION",
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}
        ],
    }
    if vendor := clean(package.vendor):
        told["supplier"] = f"Organization: {vendor}"
    if package.summary:
        told["summary"] = clean(package.summary)
    if _is_address(package.homepage):
        told["homepage"] = package.homepage
    if package.source not in {"", "(none)"}:
        told["sourceInfo"] = f"built from {clean(package.source)}"
    if digest := bill.hashes.get(package.full_name):
        told["checksums"] = [{"algorithm": "SHA256", "checksumValue": digest}]
    return told


def _is_address(text: str) -> bool:
    return re.fullmatch(r"(https?|ftp)://[!-~]+", text) is not None


def _own_licenses(bill: Bill) -> list[dict[str, str]]:
    """What SPDX has no name for, and where its text is."""
    users: dict[str, list[str]] = {}
    for package in bill.packages:
        for reference in references(bill.licenses.get(package, "")):
            users.setdefault(reference, []).append(package.name)
    return [
        {
            "licenseId": reference,
            "name": reference.removeprefix("LicenseRef-"),
            "extractedText": f"As named by the packages {', '.join(dict.fromkeys(users[reference]))}; "
            "the text is in their documentation.",
        }
        for reference in sorted(users)
    ]


def _relationships(bill: Bill, ids: dict[Package, str]) -> list[dict[str, str]]:
    by_name = {package.full_name: identifier for package, identifier in ids.items()}
    lines = [("SPDXRef-DOCUMENT", "DESCRIBES", _IMAGE)]
    lines += [(_IMAGE, "CONTAINS", identifier) for identifier in ids.values()]
    for name, needs in sorted(bill.needs.items()):
        if name in by_name:
            lines += [(by_name[name], "DEPENDS_ON", by_name[each]) for each in needs if each in by_name]
    return [
        {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other} for one, how, other in lines
    ]
