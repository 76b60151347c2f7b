"""Names of the files that evidence consists of, and the versions of their forms: one place for writers and checkers."""

EVIDENCE_NAME, SIGNATURE_NAME = "evidence.json", "evidence.sig.json"
MANIFEST_NAME, MANIFEST_SIGNATURE_NAME = "manifest.json", "manifest.sig.json"
REPORT_NAME, CERTIFICATE_NAME = "report.pdf", "certificate.json"

EVIDENCE_VERSION = MANIFEST_VERSION = 1
