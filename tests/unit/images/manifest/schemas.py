"""The parts of the two standards' JSON schemas that our documents use, and nothing else may be in them.

After spdx-schema.json of SPDX 2.3 (https://github.com/spdx/spdx-spec) and bom-1.6.schema.json of CycloneDX
(https://github.com/CycloneDX/specification): the names, patterns and lists of words are theirs.
"""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string"}
WORDS = {"type": "string", "minLength": 1}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_ID = r"[A-Za-z0-9.-]+"
_NAME = rf"(?:LicenseRef-{_ID}|{_ID})"
_TERMS = rf"[(]*{_NAME}(?: (?:AND|OR|WITH) [(]*{_NAME}[)]*)*[)]*"
EXPRESSION = {"type": "string", "pattern": rf"^(?:NOASSERTION|{_TERMS})$"}
_PURL = r"pkg:(deb|rpm)/[a-z0-9.%-]+/[A-Za-z0-9.%_~+-]+@[A-Za-z0-9.%_~-]+(\?[^\s]+)?"
PURL = {"type": "string", "pattern": f"^{_PURL}$"}
UUID = r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def some(*required: str, **fields: Any) -> dict[str, Any]:
    """An object that has these fields, the required ones at least, and no others."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(required) or sorted(fields),
        "additionalProperties": False,
    }


def many(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


_SPDX_ID = {"type": "string", "pattern": rf"^SPDXRef-{_ID}$"}
SPDX = some(
    spdxVersion={"const": "SPDX-2.3"},
    dataLicense={"const": "CC0-1.0"},
    SPDXID={"const": "SPDXRef-DOCUMENT"},
    name=WORDS,
    documentNamespace={"type": "string", "pattern": f"^{UUID}$"},
    creationInfo=some(
        created=TIME, creators=many({"type": "string", "pattern": r"^(Tool|Person|Organization): .+"})
    ),
    documentDescribes=many(_SPDX_ID),
    packages=many(
        some(
            *("SPDXID", "name", "downloadLocation"),
            SPDXID=_SPDX_ID,
            name=WORDS,
            versionInfo=TEXT,
            summary=TEXT,
            supplier={"type": "string", "pattern": "^(Person|Organization): .+"},
            downloadLocation={"const": "NOASSERTION"},
            filesAnalyzed={"const": False},
            homepage={"type": "string", "format": "uri"},
            sourceInfo=TEXT,
            licenseConcluded=EXPRESSION,
            licenseDeclared=EXPRESSION,
            copyrightText=TEXT,
            checksums=many(some(algorithm={"const": "SHA256"}, checksumValue=SHA256)),
            externalRefs=many(
                some(
                    referenceCategory={"const": "PACKAGE-MANAGER"},
                    referenceType={"const": "purl"},
                    referenceLocator=PURL,
                )
            ),
            primaryPackagePurpose={"const": "OPERATING-SYSTEM"},
        )
    ),
    hasExtractedLicensingInfos=many(
        some(licenseId={"type": "string", "pattern": f"^LicenseRef-{_ID}$"}, name=WORDS, extractedText=WORDS)
    ),
    relationships=many(
        some(
            spdxElementId=_SPDX_ID,
            relationshipType={"enum": ["DESCRIBES", "CONTAINS", "DEPENDS_ON"]},
            relatedSpdxElement=_SPDX_ID,
        )
    ),
)
CYCLONEDX = some(
    **{"$schema": {"const": "http://cyclonedx.org/schema/bom-1.6.schema.json"}},
    bomFormat={"const": "CycloneDX"},
    specVersion={"const": "1.6"},
    serialNumber={"type": "string", "pattern": f"^{UUID}$"},
    version={"const": 1},
    metadata=some(
        timestamp=TIME,
        tools=some(components=many(some(type={"const": "application"}, name=WORDS, version=TEXT))),
        component=some(
            **{"bom-ref": WORDS}, type={"const": "operating-system"}, name=WORDS, version=TEXT, description=TEXT
        ),
    ),
    components=many(
        some(
            *("type", "name"),
            **{"bom-ref": WORDS},
            type={"const": "library"},
            name=WORDS,
            version=TEXT,
            purl=PURL,
            supplier=some(name=WORDS),
            description=TEXT,
            licenses={**many(some(expression=EXPRESSION)), "maxItems": 1},
            hashes=many(some(alg={"const": "SHA-256"}, content=SHA256)),
        )
    ),
    dependencies={**many(some(ref=WORDS, dependsOn={**many(WORDS), "uniqueItems": True})), "uniqueItems": True},
)
