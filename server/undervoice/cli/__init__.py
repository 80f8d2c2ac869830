"""The commands: one file each, with ``add_parser(subparsers)`` and ``run(args) -> int``.

Exit status: 0 done, 1 the work failed, 2 wrong use. Whatever a command needs beyond parsing its
flags it imports when it runs, so that ``undervoice token`` does not wait for a web server.
"""
