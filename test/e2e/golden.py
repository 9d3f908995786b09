# SPDX-License-Identifier: Apache-2.0
"""Compares an answer with a recorded one: keys and their order, types, nulls, texts, placeholders.

A placeholder such as <message_id#1> is bound to the first value seen in its place; equal
placeholders must then meet equal values. The README of the recordings explains the rest.
"""
import json
import re

UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
PLACE = re.compile(r"<([A-Za-z_][A-Za-z0-9_.+ ]*)(#\d+)?((?::[^>]*)?)>")
UNKNOWN_ID = "11111111-2222-4333-8444-555555555555"

# Texts whose form is free; what stands there must only be a text.
# Addresses and file links are compared by their fixed parts.
FREE = {"iso8601", "datetime", "date", "jwt", "hash", "ts", "nonce", "sign", "batch", "tmp_name",
        "req_id", "refresh_token", "http_date", "plugin_dir", "api_dir", "base_url", "web_url"}
TYPES = {
    "<int timestamp>": lambda v: isinstance(v, int) and not isinstance(v, bool) and v > 1600000000,
    "<float>": lambda v: isinstance(v, (float, int)) and not isinstance(v, bool),
    "<int or float>": lambda v: isinstance(v, (float, int)) and not isinstance(v, bool),
    "<int>": lambda v: isinstance(v, int) and not isinstance(v, bool),
}


def settle_thoughts(stream):
    """Each row of an agent as its last event shows it: the recorded server reads a row when it sends
    it, which may be after the tools have run; ours sends it as it is at that moment, and once more at
    the end of a ReAct run. How many empty pieces close a text depends on the vendor's plugin there."""
    last = {e["id"]: e for e in stream if e["event"] == "agent_thought"}
    out = []
    for e in stream:
        empty = e["event"] == "agent_message" and e["answer"] == ""
        if empty and out and out[-1] == e:
            continue
        out.append(last[e["id"]] if e["event"] == "agent_thought" else e)
    return out


def raised(text):
    """Of a traceback: that it is one, and what was raised. Which lines of the sandbox's own frame lie
    between is the recorded sandbox's business."""
    lines = text.strip().split("\n")
    return lines[0], lines[-1]


class Replay:
    """Bindings of one file. `ignore` holds paths ("body.data[].id") that are not compared."""

    def __init__(self, fixed=None):
        self.bound = dict(fixed or {})
        self.bound.setdefault("<unknown_id>", UNKNOWN_ID)

    def fill(self, value):
        """The request with known placeholders replaced."""
        if isinstance(value, str):
            return PLACE.sub(lambda m: str(self.bound.get(m.group(0), m.group(0))), value)
        if isinstance(value, list):
            return [self.fill(v) for v in value]
        if isinstance(value, dict):
            return {k: self.fill(v) for k, v in value.items()}
        return value

    def compare(self, want, got, path="", ignore=()):
        """A list of differences as texts."""
        plain = re.sub(r"\[\d+\]", "[]", path)
        if any(re.fullmatch(p, plain) for p in ignore):
            return []
        if isinstance(want, str):
            return self.compare_text(want, got, path)
        if isinstance(want, dict):
            return self.compare_object(want, got, path, ignore)
        if isinstance(want, list):
            return self.compare_list(want, got, path, ignore)
        if type(want) is not type(got) or want != got:
            return ["%s: want %r, got %r" % (path, want, got)]
        return []

    def compare_text(self, want, got, path):
        if want in TYPES:
            return [] if TYPES[want](got) else ["%s: want %s, got %r" % (path, want, got)]
        if not isinstance(got, str):
            return ["%s: want text %r, got %r" % (path, want, got)]
        if want == got:
            return []
        if "process exited with code" in want and "Traceback" in want and raised(want) == raised(got):
            return []
        whole = PLACE.fullmatch(want)
        if whole and (whole.group(2) or whole.group(3)) and not whole.group(1).startswith("iso8601"):
            if want not in self.bound:
                self.bound[want] = got
            return [] if self.bound[want] == got else [
                "%s: %s was %r, now %r" % (path, want, self.bound[want], got)]
        if PLACE.search(want):
            # The known ones in, the unknown ones as any text.
            parts, last = [], 0
            for m in PLACE.finditer(want):
                parts.append(re.escape(want[last:m.start()]))
                known = self.bound.get(m.group(0))
                parts.append(re.escape(str(known)) if known else "(.*?)")
                last = m.end()
            parts.append(re.escape(want[last:]))
            if re.fullmatch("".join(parts), got, re.S):
                return []
        return ["%s: want %r, got %r" % (path, want, got)]

    def compare_object(self, want, got, path, ignore):
        if not isinstance(got, dict):
            return ["%s: want an object, got %r" % (path, got)]
        out = []
        wanted = [k for k in want if not re.fullmatch("|".join(ignore) or "$^", re.sub(r"\[\d+\]", "[]", path + "." + k))]
        found = [k for k in got if not re.fullmatch("|".join(ignore) or "$^", re.sub(r"\[\d+\]", "[]", path + "." + k))]
        if wanted != found:
            if set(wanted) != set(found):
                out.append("%s: keys missing %s, too many %s" % (
                    path, [k for k in wanted if k not in found], [k for k in found if k not in wanted]))
            else:
                out.append("%s: order of keys: want %s, got %s" % (path, wanted, found))
        for k, v in want.items():
            if k in got:
                out += self.compare(v, got[k], path + "." + k, ignore)
        return out

    def compare_list(self, want, got, path, ignore):
        if not isinstance(got, list):
            return ["%s: want a list, got %r" % (path, got)]
        cut = bool(want) and isinstance(want[-1], str) and want[-1].endswith("left out>")
        if cut:
            want = want[:-1]
        if len(want) != len(got) and not (cut and len(got) >= len(want)):
            return ["%s: want %d items, got %d: %s" % (path, len(want), len(got), json.dumps(got)[:300])]
        out = []
        for i, (w, g) in enumerate(zip(want, got)):
            out += self.compare(w, g, "%s[%d]" % (path, i), ignore)
        return out
