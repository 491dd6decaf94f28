"""`python -m pydeepl.cli` is `pydeepl`."""

import sys

from pydeepl.cli import main

sys.exit(main())
