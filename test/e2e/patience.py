# SPDX-License-Identifier: Apache-2.0
"""How tests wait. A machine may be busy and stand still for seconds: what must come is waited for with PATIENCE, which
only something broken uses up, and what must be quick has to be quick once."""
import time

PATIENCE = 120


def until(check, what="it", every=0.02):
    """The first answer of check() that is true."""
    end = time.monotonic() + PATIENCE
    while True:
        got = check()
        if got:
            return got
        assert time.monotonic() < end, "%s has not come in %d seconds" % (what, PATIENCE)
        time.sleep(every)


def quick(call, seconds, tries=40):
    """Calls until one call has taken less than that: what always waits for something never does. All answers."""
    answers = []
    for _ in range(tries):
        began = time.monotonic()
        answers.append(call())
        if time.monotonic() - began < seconds:
            return answers
    raise AssertionError("none of %d calls took less than %g seconds" % (tries, seconds))
