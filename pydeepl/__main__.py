"""`python -m pydeepl` is `pydeepl`."""

import sys

from pydeepl.cli import main

sys.exit(main())
