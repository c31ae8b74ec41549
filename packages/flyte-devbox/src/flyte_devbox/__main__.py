"""`python -m flyte_devbox`: serve a devbox in the foreground."""

import sys

from flyte_devbox.serving import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
