"""A bill of materials as CycloneDX 1.6 in JSON: https://cyclonedx.org/docs/1.6/json."""

from __future__ import annotations

from typing import Any

from skerry.images.contents.packages import Package
from skerry.images.manifest.bill import Bill, clean

NAME = "sbom.cdx.json"
_IMAGE = "image"


def cyclonedx_document(bill: Bill) -> dict[str, Any]:
    """The whole document."""
    by_name = {package.full_name: bill.url(package) for package in bill.packages}
    of = bill.needs
    needs = {
        url: sorted({by_name[each] for each in of.get(name, ()) if each in by_name})
        for name, url in sorted(by_name.items())
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{bill.identity}",
        "version": 1,
        "metadata": {
            "timestamp": bill.made,
            "tools": {"components": [{"type": "application", "name": "skerry", "version": bill.version}]},
            "component": {
                "type": "operating-system",
                "bom-ref": _IMAGE,
                "name": bill.name,
                "version": bill.system.get("VERSION_ID", ""),
                "description": clean(bill.system.get("PRETTY_NAME", "")),
            },
        },
        "components": [_component(bill, package) for package in _each_once(bill)],
        "dependencies": [
            {"ref": _IMAGE, "dependsOn": sorted(set(by_name.values()))},
            *({"ref": url, "dependsOn": each} for url, each in needs.items()),
        ],
    }


def _each_once(bill: Bill) -> list[Package]:
    return list({bill.url(package): package for package in bill.packages}.values())


def _component(bill: Bill, package: Package) -> dict[str, Any]:
    url = bill.url(package)
    told: dict[str, Any] = {
        "type": "library",
        "bom-ref": url,
        "name": package.name,
        "version": package.full_version,
        "purl": url,
    }
    if vendor := clean(package.vendor):
        told["supplier"] = {"name": vendor}
    if package.summary:
        told["description"] = clean(package.summary)
    if (expression := bill.licenses.get(package, "NOASSERTION")) != "NOASSERTION":
        told["licenses"] = [{"expression": expression}]
    if digest := bill.hashes.get(package.full_name):
        told["hashes"] = [{"alg": "SHA-256", "content": digest}]
    return told
