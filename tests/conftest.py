"""The same surroundings for every test run."""

import signal

from hypothesis import HealthCheck, settings

# A test run in the background may have been told to ignore signals (by the shell, by nohup), and what it starts would
# ignore them too: tests of signals begin with the usual behaviour.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The same examples each time, and as long as they take: no test may pass or fail by luck, or by the machine's speed.
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")
