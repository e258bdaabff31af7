"""The same surroundings for every test run."""

import signal

# A test run in the background may have been told to ignore signals (by the shell, by nohup), and what it starts would
# ignore them too: tests of signals begin with the usual behaviour.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
