#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Renders lines {"template", "inputs"} with the real Jinja2 (Debian's python3-jinja2) and prints for each
{"output": text} or {"error": "class: message", "line": n of a syntax error}."""
import json
import resource
import sys
import time

import jinja2

# A template that eats memory or time fails here as it would in the sandbox.
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
sys.set_int_max_str_digits(0)


def full_name(e):
    cls = type(e)
    return cls.__name__ if cls.__module__ == "builtins" else "%s.%s" % (cls.__module__, cls.__name__)


def render(line):
    try:
        text = jinja2.Template(line["template"]).render(**line["inputs"])
        answer = {"output": text}
        if line.get("repeat"):
            n = line["repeat"]
            start = time.process_time_ns()
            for _ in range(n):
                jinja2.Environment().from_string(line["template"]).render(**line["inputs"])
            answer["ns"] = (time.process_time_ns() - start) // n
            t = jinja2.Template(line["template"])
            start = time.process_time_ns()
            for _ in range(n):
                t.render(**line["inputs"])
            answer["run_ns"] = (time.process_time_ns() - start) // n
        return answer
    except jinja2.TemplateSyntaxError as e:
        return {"error": "%s: %s" % (full_name(e), e.message), "line": e.lineno}
    except Exception as e:  # the template's own failure, of any class
        return {"error": "%s: %s" % (full_name(e), e)}


for text in sys.stdin:
    answer = json.dumps(render(json.loads(text)))
    sys.stdout.write(answer + "\n")
    sys.stdout.flush()
