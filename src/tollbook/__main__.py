"""`python -m tollbook` is the command `tollbook`."""

import sys

from tollbook.cli import main

sys.exit(main())
