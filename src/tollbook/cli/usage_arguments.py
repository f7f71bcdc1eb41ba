"""The arguments of the verbs for usage."""

from pathlib import Path

from tollbook.cli.verbs import Verbs


def add_import_usage(importing: Verbs) -> None:
    """`tollbook import usage`."""
    importing.add(
        "usage",
        "usage:import_records",
        "take records of calls, messages and other use; a file may be sent again, it changes nothing",
        "tollbook import usage calls.csv messages.ndjson\n"
        "zcat calls.ndjson.gz | tollbook import usage - --partner SID --rejects rejected.ndjson",
    ).add("file", nargs="+", metavar="FILE", help="CSV, NDJSON, an array or an envelope; - is standard input").add(
        "--kind", choices=("calls", "messages", "usage"), help="what the records are; seen in their attributes else"
    ).add("--partner", metavar="SID", help="whose the records are that do not say it").add(
        "--rejects", type=Path, metavar="PATH", help="where rejected records are kept; FILE.rejected.EXT unless given"
    )
