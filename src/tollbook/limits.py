"""Every bound in the program, one constant a line, each with its reason.

A number that bounds what a stranger may send, or how long anything may take, lives here and nowhere
else. Units come last in the name. Defaults that an operator may change are in `config.py`, and point here.
"""

from typing import Final

# What a request may be.
URL_BYTES_MAX: Final = 8_192  # the longest useful filter, quoted, is under 7 kB; past it 414
BODY_BYTES_MAX: Final = 1_048_576  # a thousand detail records fit; past it 413
BODY_DEPTH_MAX: Final = 8  # bodies are flat by design; deeper nesting is an attack on a parser
HEADER_BUFFER_BYTES_MAX: Final = 32_768  # all headers of one request; past it the server answers 431
REQUEST_ID_CHARS_MAX: Final = 128  # a longer X-Request-Id is replaced by one of ours
ENTITY_TAGS_MAX: Final = 100  # tags read of one If-None-Match; a cache sends one or two
CREDENTIALS_BYTES_MAX: Final = 1_024  # an Authorization header; ours have under 60
ARGUMENTS_MAX: Final = 64  # query arguments; a list knows eleven

# What a list may ask.
LIMIT_DEFAULT: Final = 10  # documented
LIMIT_MAX: Final = 1_000  # documented
RECORDS_DEFAULT: Final = 1_000  # a page of detail records unless asked otherwise: real clients depend on it
OFFSET_MAX: Final = 2**53  # what every JSON reader can still hold exactly
SORTED_RECORDS_MAX: Final = 20_000  # a tree's records are sorted up to so many; of more, everybody's are walked
FILTER_CHARS_MAX: Final = 2_000
FILTER_CONDITIONS_MAX: Final = 20  # a database has a limit on expression depth; ours comes first
FILTER_CHOICES_MAX: Final = 200  # values in one `in (…)`
PATTERN_CHARS_MAX: Final = 100  # of `like` and `ilike`
PATTERN_WILDCARDS_MAX: Final = 5  # `%` signs in one pattern: matching is exponential in them at worst
ORDER_KEYS_MAX: Final = 3
PROJECTION_NAMES_MAX: Final = 100  # names in include_fields or exclude_fields
INTEGER_DIGITS_MAX: Final = 15  # of a filter's whole number: below 2**53

# What a value may be.
AMOUNT_WHOLE_DIGITS_MAX: Final = 10  # an amount stays below ten thousand million
AMOUNT_DECIMALS_MAX: Final = 6  # an amount is an integer of millionths inside
DECIMAL_WHOLE_DIGITS_MAX: Final = 9  # of a rate or a duration in a filter: its billionths fit 64 bits
YEAR_MIN: Final = 2000  # RFC 3339 dates outside 2000–2100 are mistakes, not data
YEAR_MAX: Final = 2100
NAME_CHARS_MAX: Final = 200  # names, addresses and other texts for people
WORD_CHARS_MAX: Final = 64  # open words: type, status, jurisdiction
ATTRIBUTES_MAX: Final = 50  # entries in a partner's attributes
FLAWS_MAX: Final = 100  # wrong attributes told of one body; the rest is not looked at
LOGIN_CHARS_MAX: Final = 100
PASSWORD_CHARS_MIN: Final = 8  # NIST SP 800-63B, 5.1.1.2
PASSWORD_CHARS_MAX: Final = 256  # argon2 hashes any length; this bounds the work of reading it
CHILD_ROWS_MAX: Final = 100_000  # lines in one invoice's arrays
TREE_DEPTH_MAX: Final = 16  # resellers of resellers of resellers

# What money and usage may be.
RATE_WHOLE_DIGITS_MAX: Final = 6  # of a rate, price or fee before the point
RATE_DECIMALS_MAX: Final = 9  # of a rate, price, fee or converted quantity: carriers quote up to seven
ITEM_MAX: Final = 100_000_000  # one item's sum, either way; beyond it the partner is parked (64 bits hold it)
SECONDS_WHOLE_DIGITS_MAX: Final = 9  # of a `duration`'s text
SECONDS_DECIMALS_MAX: Final = 9  # of a `duration`: switches that tell nanoseconds are believed
CALL_SECONDS_MAX: Final = 31 * 86_400  # a longer call is a session that was never closed
USAGE_MAX: Final = 10**12  # one event's quantity: a million such still sum within 64 bits
RECIPIENTS_MAX: Final = 1_000  # of one group message
SEGMENTS_MAX: Final = 255  # a concatenated message counts its parts in one octet (3GPP TS 23.040, 9.2.3.24.1)
NUMBER_DIGITS_MAX: Final = 15  # ITU-T E.164
BLOCK_SECONDS_MAX: Final = 86_400  # of a rate's minimum and increments; decks have 1 to 300
RATE_STEPS_MAX: Final = 16  # of one rate
TIME_BANDS_MAX: Final = 64  # of one version of a sheet
HOLIDAYS_MAX: Final = 400  # of one version of a sheet: a decade's
DECK_LINES_REMEMBERED_MAX: Final = 300_000  # of all compiled decks that a worker keeps, half a kB each
TIMELINES_REMEMBERED_MAX: Final = 65_536  # partners and services whose sheets over time a worker keeps
SHEET_TABLES_REMEMBERED_MAX: Final = 4  # states of who has which sheet that a worker keeps
ZONES_REMEMBERED_MAX: Final = 64
COUNTRIES_REMEMBERED_MAX: Final = 65_536  # numbers whose country a worker keeps
RECALLED_PARTNERS_MAX: Final = 1_000  # partners whose open invoices a worker keeps at hand
RECALLED_LINES_MAX: Final = 100  # lines of open invoices kept so: larger ones are read again
DAYS_REMEMBERED_MAX: Final = 8_192  # days whose text a worker keeps: twenty years, a MiB
TIMES_REMEMBERED_MAX: Final = 1_024  # times of day whose text a worker keeps: most are the first or last of a day
ROWS_REMEMBERED_MAX: Final = 16_384  # lines of open invoices whose text a worker keeps: half a kB each
TEXTS_REMEMBERED_MAX: Final = 4_096  # texts of each kind of word that a worker keeps
PERIODS_REMEMBERED_MAX: Final = 4_096  # days of partners' cycles whose period a worker keeps
NEXT_INVOICE_LEAD_SECONDS: Final = 1_800  # documented sample: the next invoice opens from 23:30 of the last day
INVOICE_NUMBER_DIGITS_MAX: Final = 15  # of an imported number that is gone on with: a longer one counts nothing
CLOSE_DELAY_SECONDS_DEFAULT: Final = 86_400  # calls in progress at midnight and slow files are not late
CLOSE_DELAY_SECONDS_MAX: Final = 31 * 86_400  # a later close would meet the next one
USAGE_BATCH_MAX: Final = 1_000  # documented: records in one bulk write; also what waited and is placed in one act
RUN_PARTNERS_MAX: Final = 100  # partners that a billing run moves on in one act: others write in between
USAGE_AHEAD_SECONDS_MAX: Final = 86_400  # a switch whose clock is further ahead is wrong
USAGE_AGE_DAYS_MAX_DEFAULT: Final = 730  # older usage is a mistake, or a matter for a person
USAGE_AGE_DAYS_MAX: Final = 36_525  # no record is older than the year 2000
ISSUED_SHOWN_MAX: Final = 10_000  # invoices of a billing run that are kept for a person to see: some MiB
NOTICES_SHOWN_MAX: Final = 1_000

# Identity.
TOKEN_BYTES: Final = 32  # 256 random bits: not guessable, so a plain SHA-256 protects it at rest
ACCESS_TOKEN_SECONDS_DEFAULT: Final = 3_600  # documented
ACCESS_TOKEN_SECONDS_MAX: Final = 100 * 366 * 86_400  # documented: a hundred years
REFRESH_TOKEN_SECONDS: Final = 30 * 86_400  # a client that sleeps longer logs in again
ARGON2_MEMORY_KIB: Final = 19_456  # OWASP's minimum for argon2id: 19 MiB, t = 2, p = 1
ARGON2_PASSES: Final = 2
ARGON2_LANES: Final = 1
PASSWORD_CHECKS_AT_ONCE_MAX: Final = 2  # a worker's: each takes 19 MiB and a core
PASSWORD_WAIT_SECONDS: Final = 2  # a login waits this long for its turn, then 503
PASSWORD_REMEMBERED_SECONDS: Final = 60  # a verified pair is not hashed again within this
PASSWORDS_REMEMBERED_MAX: Final = 1_000
ACCESS_FLUSH_SECONDS: Final = 2  # how long a use of a token waits to be written
LAST_ACCESS_SECONDS: Final = 60  # date_last_accessed is written at most once in this a token
TOKENS_REMEMBERED_MAX: Final = 10_000  # tokens whose last use a worker knows; of others it is written again
FAILED_LOGINS_PER_MINUTE_MAX: Final = 60  # wrong credentials from one address before 429
FAILED_LOGINS_TOTAL_PER_MINUTE_MAX: Final = 600  # from everywhere together, a worker
ADDRESSES_REMEMBERED_MAX: Final = 10_000  # sources of wrong credentials held in memory

# Writes that are done once.
IDEMPOTENCY_KEY_CHARS_MAX: Final = 255  # of an Idempotency-Key; a UUID has 36
IDEMPOTENCY_DAYS: Final = 30  # a kept answer is given again for at least so long: a queue's longest retry is a week
IDEMPOTENCY_FORGOTTEN_MAX: Final = 1_000  # kept answers forgotten in one act: some milliseconds

# Time and work.
READ_DEADLINE_SECONDS: Final = 2  # a snapshot whose statements run past it answers 503, never hangs
WRITER_PLACE_SECONDS: Final = 0.25  # a write waits this long for a place among the waiting, then 503; not money
LOCK_WAIT_SECONDS: Final = 5  # a write waits this long for another writer, then 503
ACTS_A_COMMIT_MAX: Final = 64  # acts that share one commit: each waits for all of them
GATHER_SECONDS: Final = 0.0002  # a commit waits so long for one more act where the last one had more; not money
ACTS_A_COMMIT_SECONDS: Final = 0.25  # no further act joins a commit after it; not money
ACT_TRIES_MAX: Final = 8  # times that a whole act is run where others came first or its connection broke
ACT_PAUSE_SECONDS: Final = 0.01  # before an act is run again, more each time; not money
ACT_SECONDS: Final = 10  # an act's last statement begins within this, and takes no longer; more than LOCK_WAIT_SECONDS
ACT_REST_SECONDS: Final = 60  # between two statements of an act; PostgreSQL undoes one whose host is gone or stuck
SILENCE_SECONDS: Final = 1  # a server that says nothing for so long, after it should have, hangs
REFUSED_SECONDS: Final = 0.25  # within it a server that is gone says so; not money
OUTAGE_TOLD_SECONDS: Final = 10  # between two log lines that the database cannot be reached
CONNECTIONS_MAX: Final = 8  # to PostgreSQL, of a worker's readers, and as many of its writers
CONNECTION_WAIT_SECONDS: Final = 2  # a read waits this long for one of them, then 503
CONNECT_SECONDS: Final = 5  # a server that has not answered by then is not there
CONNECTION_IDLE_SECONDS: Final = 5  # one that rested longer is tried before it is used
COPIED_ROWS_MIN: Final = 32  # rows written together from which COPY is quicker than a statement for each
KEYS_ASKED_MAX: Final = 500  # sids that one statement asks a distributed directory for
STREAMED_ROWS: Final = 2_000  # of a long answer, fetched at a time
INSTANT_KEPT_MS: Final = 1_000  # how far hosts may be apart in the latest instant that they know of
STOP_SECONDS_DEFAULT: Final = 10  # requests in flight may finish within this when the server stops
HEADER_SECONDS_MAX: Final = 8  # half a request line, then silence: closed
RETRY_AFTER_SECONDS: Final = 1  # what a 503 or 429 says where trying again can help
FREE_DISK_BYTES_MIN: Final = 64 * 1_048_576  # below it the server is not ready
FIRST_READ_CACHE_KIB: Final = 40_960  # pages that the first reading connection keeps, which serves most requests
READ_CACHE_KIB: Final = 2_048  # pages that each further one keeps: with the first 46 MiB for four threads
WRITE_CACHE_KIB: Final = 12_288  # pages that the writing connection keeps
PROGRESS_STEPS: Final = 20_000  # database steps between two looks at the deadline: about a millisecond
STATEMENTS_REMEMBERED_MAX: Final = 4_096  # statements kept by a worker as PostgreSQL takes them
STATEMENTS_PREPARED_MAX: Final = 512  # kept by a connection to PostgreSQL
PLANS_REMEMBERED_MAX: Final = 1_024  # parsed and composed lists kept by a worker
GZIP_BYTES_MIN: Final = 1_024  # smaller answers do not gain
TICK_SECONDS_DEFAULT: Final = 30  # between two looks whether a billing run is due; each costs microseconds
READY_SECONDS: Final = 1  # an answer of /health/ready is good for this long

GARBAGE_THRESHOLDS: Final = (20_000, 20, 50)  # objects, and looks at younger ones, between two looks for circles
START_TRIES_MAX: Final = 1_500  # looks whether a starting server answers, 20 ms apart
PARENT_LOOK_SECONDS: Final = 1  # between a worker's looks whether the first process is still there

# Files in and out.
IMPORT_BATCH: Final = 2_000  # invoices checked and written together
IMPORT_COMMIT_SECONDS: Final = 3  # a transaction of --keep-going ends after it: below LOCK_WAIT_SECONDS
IMPORT_CACHE_KIB: Final = 131_072  # pages of the book that an import keeps in memory: 128 MiB
IMPORT_LOG_PAGES: Final = 65_536  # of the write-ahead log before an import copies it back: 256 MiB
PEEKED_BYTES: Final = 4_096  # of a file, to see whether it is JSON or CSV
USAGE_ROW_BYTES_MAX: Final = 65_536  # one row of CSV, line ends in quotes included: a quote that is never closed ends
REJECTS_FILES_MAX: Final = 1_000  # files of rejected records beside one file
MOVED_ROWS: Final = 20_000  # of a table, copied to another store in one act
IMPORT_ERRORS_SHOWN_MAX: Final = 100  # bad records printed; all are counted
IMPORT_LINE_BYTES_MAX: Final = 32 * 1_048_576  # one invoice of a hundred thousand lines fits
IMPORT_FILE_BYTES_MAX: Final = 256 * 1_048_576  # an envelope, an array or an object is read whole
DECK_BYTES_MAX: Final = 64 * 1_048_576  # a rate deck is read whole
DECK_LINES_MAX: Final = 300_000  # of one version: every code of the North American plan fits; and what a worker keeps
DECK_HEADING_LINES_MAX: Final = 30  # a deck's heading stands within these, below titles and addresses
DECK_COLUMNS_MAX: Final = 200
DECK_CODES_PER_CELL_MAX: Final = 10_000  # a whole range of four digits
CELL_CHARS_SHOWN_MAX: Final = 40  # of a cell in a message
FINDINGS_SHOWN_MAX: Final = 100  # of a check; all are counted
CHECK_ALONE_INVOICES_MAX: Final = 50_000  # a larger book is checked by several processes, which take a second to start
CHECK_PROCESSES_MAX: Final = 8  # the disk has no more to give
CHECK_PART_INVOICES: Final = 10_000  # of a check that one process does at a time
CHECK_TOLD_INVOICES: Final = 1_000  # between two words of progress
EXPLAINED_CORRECTIONS_MAX: Final = 1_000  # of one item, told one by one; the others as one sum
ARCHIVE_GROUP_ROWS: Final = 16_384  # of a file of archived records, read together to find one
ARCHIVE_GROUPS_REMEMBERED_MAX: Final = 4  # that a worker keeps: some MiB each
ARCHIVE_FILES_REMEMBERED_MAX: Final = 64  # whose tables of contents a worker keeps
ARCHIVE_MOVED_ROWS: Final = 4_000  # rows of a month removed, or brought back, in one act: others write in between
ARCHIVE_LOCK_MS: Final = 500  # how long everybody else is kept waiting for a part of the event table to be dropped
ARCHIVE_TRIES_MAX: Final = 20  # to drop it, a second apart: a long reading holds it
FETCH_TRIES_MAX: Final = 6  # of one page of --from-url
FETCH_WAIT_SECONDS_MAX: Final = 30  # between two tries
FETCH_SECONDS_MAX: Final = 120  # for one answer, whole
FETCH_SILENCE_SECONDS_MAX: Final = 30  # for the next bytes of it
FETCH_BYTES_MAX: Final = 64 * 1_048_576  # one page: a thousand invoices are two or three MiB
FETCH_PAGES_MAX: Final = 1_000_000  # a server whose `next` never ends is left
