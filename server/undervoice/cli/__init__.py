"""The commands: one file each, with ``add_parser(subparsers)`` and ``run(args) -> int``.

Exit status: 0 done, 1 the work failed, 2 wrong use. Whatever a command needs beyond parsing its
flags it imports when it runs, so that ``undervoice token`` does not wait for a web server.
"""

import os

# Before numpy is imported, which reads it once. All cores have work already: the threads that OpenBLAS starts for a
# small product of matrices only wait for each other, and make a segment's score cost several times as much.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
