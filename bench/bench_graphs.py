# SPDX-License-Identifier: Apache-2.0
"""Apps of any size for the engine's measurements: app files as YAML (which JSON is)."""
import json


def app_file(name, nodes, edges):
    return json.dumps({
        "app": {"name": name, "mode": "workflow", "icon": "x", "icon_background": "#FFEAD5", "description": ""},
        "kind": "app", "version": "0.5.0", "dependencies": [],
        "workflow": {"conversation_variables": [], "environment_variables": [], "features": {},
                     "graph": {"nodes": [node(*n) for n in nodes], "edges": [edge(*e) for e in edges]}}})


def node(node_id, kind, data):
    return {"id": node_id, "type": "custom", "position": {"x": 0, "y": 0},
            "data": dict({"type": kind, "title": node_id, "desc": "", "selected": False}, **data)}


def edge(source, target):
    return {"id": source + "-" + target, "source": source, "target": target, "sourceHandle": "source", "targetHandle": "target",
            "type": "custom", "data": {}}


def start():
    return ("start", "start", {"variables": [{"label": "text", "variable": "text", "type": "paragraph", "required": True,
                                              "max_length": 10000000, "options": []}]})


def end(selector):
    return ("end", "end", {"outputs": [{"variable": "out", "value_selector": selector, "value_type": "string"}]})


def branches(count, width):
    """start -> `width` chains of passing nodes, `count` in all -> end. Each node passes on what the one before it gave."""
    nodes, edges = [start()], []
    length = max(1, count // width)
    for b in range(width):
        before, selector = "start", ["start", "text"]
        for i in range(length):
            name = "n%d_%d" % (b, i)
            nodes.append((name, "variable-aggregator", {"variables": [selector], "output_type": "string",
                                                        "advanced_settings": {"group_enabled": False, "groups": []}}))
            edges.append((before, name))
            before, selector = name, [name, "output"]
        edges.append((before, "end"))
    nodes.append(end(["n0_%d" % (length - 1), "output"]))
    return app_file("bench %d in %d" % (count, width), nodes, edges)
