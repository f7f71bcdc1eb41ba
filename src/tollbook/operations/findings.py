"""What a check finds: things that are wrong, things that are worth knowing, and what can be made anew."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tollbook import limits
from tollbook.store.invoice_rows import Key


class Finding(NamedTuple):
    """One thing that is wrong: what it is about, whose (a sid, or nothing), and what is wrong."""

    about: str
    sid: str
    problem: str
    repairable: bool


class Note(NamedTuple):
    """Something that is as it should be and waits for somebody: about whom, and what."""

    about: str
    partner_sid: str
    words: str


@dataclass(slots=True)
class Audited:
    """What a check found: the invoices looked at, the first findings and notes, and how many of each kind in all."""

    invoices: int = 0
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)
    documents: list[Key] = field(default_factory=list)
    """The keys of the documents to be made anew or dropped."""
    partners: list[str] = field(default_factory=list)
    """Whose billing has something that follows from its rows, to be made anew."""

    def add(self, finding: Finding) -> None:
        """Count a finding and keep it, while there is room."""
        self.counts[finding.about] += 1
        if len(self.findings) < limits.FINDINGS_SHOWN_MAX:
            self.findings.append(finding)

    def note(self, note: Note) -> None:
        """Keep a note, while there is room."""
        if len(self.notes) < limits.FINDINGS_SHOWN_MAX:
            self.notes.append(note)

    def take(self, other: "Audited") -> None:
        """Add what another part of the same check found."""
        self.invoices += other.invoices
        self.counts += other.counts
        self.findings += other.findings[: limits.FINDINGS_SHOWN_MAX - len(self.findings)]
        self.notes += other.notes[: limits.FINDINGS_SHOWN_MAX - len(self.notes)]
        self.documents += other.documents
        self.partners += other.partners

    def confirming(self, before: "Audited") -> "Audited":
        """Of what this check found, that which one before it found too; all, if either found more than is kept."""
        if max(self.total, before.total) > limits.FINDINGS_SHOWN_MAX:
            return self
        findings = [each for each in self.findings if each in before.findings]
        return replace(
            self,
            findings=findings,
            counts=Counter(each.about for each in findings),
            documents=[each for each in self.documents if each in before.documents],
            partners=[each for each in self.partners if each in before.partners],
        )

    @property
    def total(self) -> int:
        """How many findings there are."""
        return self.counts.total()
