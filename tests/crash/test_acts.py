"""Row A1 for acts of many threads that share commits: killed at any instant, all that was acknowledged is there."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.crash.process import KILLS, ROOT
from tests.making import CHILD, NOW
from tests.stores import file_of

from tollbook.clock import FixedClock
from tollbook.operations.verifying import check_book
from tollbook.store import Store, open_store

# Eight threads that write without end; each number is printed once its act is acknowledged.
_ACTING = """
import itertools, os, sys, threading
from tests.making import NOW, invoice
from tollbook.clock import FixedClock
from tollbook.store import open_store

store = open_store(sys.argv[1], FixedClock(NOW))
numbers = itertools.count(1)

def work():
    while True:
        number = next(numbers)
        try:
            store.act(lambda act: write(act, number))
        except ZeroDivisionError:
            continue
        os.write(1, b"%d\\n" % number)

def write(act, number):
    act.put_invoice(invoice(number), "imported")
    1 / (number % 7)

for _ in range(8):
    threading.Thread(target=work).start()
"""


def acknowledged(path: Path, seconds: float) -> set[int]:  # time, not money
    """What was acknowledged by the program above until it was killed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
    command = [sys.executable, "-c", _ACTING, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        told = first + process.stdout.read()
    return {int(number) for number in told.split(b"\n")[:-1]}


def test_a1_acts_that_share_commits_are_killed_and_none_acknowledged_is_lost(book: Store) -> None:
    known: set[int] = set()
    for kill in range(KILLS):
        told = acknowledged(file_of(book), kill % 10 / 20)
        assert told
        assert not {number for number in told if number % 7 == 0}
        again = open_store(book.url, FixedClock(NOW))
        with again.reading() as read:
            there = {int(one.partition(b'"invoice_sid":"')[2][:8], 16) for one in read.invoice_documents(CHILD)}
        assert check_book(again, thorough=True).findings == []
        again.close()
        known |= told
        assert known <= there
        assert not {number for number in there if number % 7 == 0}
