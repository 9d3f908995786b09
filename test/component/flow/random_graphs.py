#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""random_graphs.py DRIVER: random graphs with branches, failures, error strategies, iterations and
loops in each other, and with questions to people in all of them, run by the engine and by the slow model below, which follows the rules as they
are written (workflow.md 3 and 5). TATARA_SEEDS sets how many (300), TATARA_SEED the first."""
import collections
import json
import os
import random
import subprocess
import sys


class Failed(Exception):
    pass


# --- making graphs ---

class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.nodes, self.edges, self.count = [], [], 0

    def add(self, type, inside, **data):
        self.count += 1
        id = "n%d" % self.count
        data.update({"type": type, "title": id}, **inside)
        self.nodes.append({"id": id, "type": "custom", "data": data})
        return id

    def selector(self, above):
        """Something that a node further up may have given out."""
        return self.rng.choice(above)

    def plain(self, above, inside):
        picks = [self.selector(above) for _ in range(self.rng.randrange(1, 3))]
        id = self.add("variable-aggregator", inside, output_type="string", variables=picks)
        return id, ["source"], [[id, "output"]]

    def branch(self, above, inside):
        """Compares as text: fails for numbers and for what is not there."""
        strategy = self.rng.choice([None, "fail-branch", "fail-branch", "default-value", "default-value"])
        data = {"cases": [{"case_id": "yes", "logical_operator": "and", "conditions": [
            {"variable_selector": self.selector(above), "comparison_operator": "is", "value": self.rng.choice("ab")}]}]}
        if strategy:
            data["error_strategy"] = strategy
        if strategy == "default-value":
            data["default_value"] = [{"key": "result", "type": "string", "value": "d"}]
        id = self.add("if-else", inside, **data)
        return id, ["yes", "false", "fail-branch"], [[id, "selected_case_id"], [id, "error_message"]]

    def human(self, above, inside):
        """The driver answers: nodes with an even number by "yes", the others by "no"."""
        id = self.add("human-input", inside, form_content="?", inputs=[{"type": "paragraph", "output_variable_name": "said"}],
                      user_actions=[{"id": "yes", "title": "Yes"}, {"id": "no", "title": "No"}])
        return id, ["yes", "no"], [[id, "said"], [id, "__action_id"]]

    def container(self, kind, above, inside, depth):
        key = "iteration_id" if kind == "iteration" else "loop_id"
        data = {}
        if self.rng.random() < .4:
            data["error_strategy"] = "fail-branch"
        id = self.add(kind, inside, **data)
        mine = next(n for n in self.nodes if n["id"] == id)["data"]
        within = {key: id}
        start = self.add(kind + "-start", within)
        mine["start_node_id"] = start
        if kind == "iteration":
            known = above + [[id, "item"], [id, "index"]]
            mine["iterator_selector"] = self.rng.choice([["n1", "l"], ["n1", "m"], ["n1", "l"], ["n1", "none"]])
            mine["error_handle_mode"] = self.rng.choice(["terminated", "continue-on-error", "remove-abnormal-output"])
            mine["is_parallel"], mine["parallel_nums"] = self.rng.random() < .5, 2
            mine["flatten_output"] = self.rng.random() < .7
        else:
            known = above + [[id, "v"]]
            mine["loop_count"] = self.rng.randrange(0, 4)
            mine["logical_operator"] = "and"
            mine["loop_variables"] = [{"label": "v", "var_type": "number", "value_type": "constant", "value": 0}]
            mine["break_conditions"] = self.rng.choice([[], [{"variable_selector": [id, "v"], "comparison_operator": "=", "value": "2"}]])
        inner = self.part(start, known, within, depth + 1)
        if kind == "iteration":
            mine["output_selector"] = self.rng.choice(inner)
            return id, ["source", "fail-branch"], [[id, "output"]]
        step = self.add("assigner", within, version="2", items=[
            {"variable_selector": [id, "v"], "input_type": "constant", "operation": "+=", "value": 1}])
        self.edges.append([start, "source", step])
        return id, ["source", "fail-branch"], [[id, "v"], [id, "loop_round"]]

    def part(self, root, above, inside, depth):
        """Nodes behind root; each hangs on one to three earlier ones. Gives what they give out."""
        handles, known, out = {root: ["source"]}, {root: list(above)}, []
        for _ in range(self.rng.randrange(1, 7 if depth == 0 else 4)):
            parents = self.rng.sample(sorted(handles), min(len(handles), self.rng.randrange(1, 4)))
            seen = [s for p in parents for s in known[p]]
            kind = self.rng.random()
            if kind < .1:
                id, mine, gives = self.human(seen, inside)
            elif kind < .45 or (kind >= .7 and depth >= 2):
                id, mine, gives = self.plain(seen, inside)
            elif kind < .7:
                id, mine, gives = self.branch(seen, inside)
            else:
                id, mine, gives = self.container("iteration" if kind < .85 else "loop", seen, inside, depth)
            for p in parents:
                self.edges.append([p, self.rng.choice(handles[p]), id])
            handles[id], known[id] = mine, seen + gives
            out += gives
        self.last = [(id, handles[id], known[id]) for id in handles][-3:]
        return out + [["n1", "l"]]

    def whole(self):
        start = self.add("start", {}, variables=[])
        self.part(start, [[start, "l"], [start, "m"], [start, "t"], [start, "missing"]], {}, 0)
        for i, (parent, handles, known) in enumerate(self.last):
            end = self.add("end", {}, outputs=[{"variable": "o%d" % i, "value_selector": self.rng.choice(known)}])
            self.edges.append([parent, self.rng.choice(handles), end])
        return {"nodes": self.nodes,
                "edges": [{"source": s, "sourceHandle": h, "target": t} for s, h, t in self.edges]}


# --- the model ---

class Model:
    def __init__(self, graph, inputs):
        self.nodes = {n["id"]: n["data"] for n in graph["nodes"]}
        self.edges = [(e["source"], e["sourceHandle"], e["target"]) for e in graph["edges"]]
        self.ends = collections.Counter()
        self.steps, self.exceptions, self.outputs = 0, 0, {}
        self.pool = {"n1": dict(inputs)}
        self.where, self.questions = [], 0  # index of each container around

    def get(self, pool, selector):
        return pool.get(selector[0], {}).get(selector[1], KeyError)

    def run(self):
        try:
            self.graph("n1", self.pool, True)
        except Failed:
            return "failed"
        return "partial-succeeded" if self.exceptions else "succeeded"

    def graph(self, root, pool, top):
        """One pass: nodes in order of the queue. A failure ends it."""
        state, edge = {root: "taken"}, {}
        queue, ends_loop = [root], False
        while queue:
            id = queue.pop(0)
            taken = self.node(id, pool, top)
            for i, (s, h, t) in enumerate(self.edges):
                if s == id:
                    edge[i] = "taken" if taken is None or h == taken else "skipped"
            changed = True
            while changed:
                changed = False
                for n in self.nodes:
                    ins = [edge.get(i) for i, (s, h, t) in enumerate(self.edges) if t == n]
                    if n in state or not ins or None in ins:
                        continue
                    changed = True
                    state[n] = "taken" if "taken" in ins else "skipped"
                    if state[n] == "taken":
                        queue.append(n)
                    else:
                        for i, (s, h, t) in enumerate(self.edges):
                            if s == n:
                                edge[i] = "skipped"
        return ends_loop

    def node(self, id, pool, top):
        """Runs one; gives the handle to go on along, None for all."""
        data = self.nodes[id]
        silent = data["type"] in ("iteration-start", "loop-start")
        self.steps += top and not silent
        try:
            handle = getattr(self, data["type"].replace("-", "_"))(id, data, pool)
        except Failed as e:
            return self.failed(id, data, pool, top, e)
        if not silent and data["type"] not in ("iteration", "loop"):
            self.ends[id + " succeeded"] += 1
        if data.get("error_strategy") == "fail-branch" and handle is None:
            handle = "source"
        return handle

    def failed(self, id, data, pool, top, e):
        strategy = data.get("error_strategy")
        self.exceptions += top
        if data["type"] not in ("iteration", "loop"):
            self.ends[id + (" exception" if strategy else " failed")] += 1
        if not strategy:
            raise e
        pool[id] = dict(pool.get(id, {}), error_message=str(e), error_type="")
        if strategy == "default-value":
            pool[id]["result"] = "d"
            return None
        return "fail-branch"

    def start(self, id, data, pool):
        return None

    iteration_start = loop_start = start

    def variable_aggregator(self, id, data, pool):
        for s in data["variables"]:
            v = self.get(pool, s)
            if v is not KeyError:
                pool[id] = {"output": v}
                return None
        pool[id] = {}
        return None

    def if_else(self, id, data, pool):
        condition = data["cases"][0]["conditions"][0]
        v = self.get(pool, condition["variable_selector"])
        if v is KeyError:
            raise Failed("Variable %s not found" % condition["variable_selector"])
        if v is not None and not isinstance(v, (str, bool)):
            raise Failed("Invalid actual value type: string or boolean")
        handle = "yes" if v == condition["value"] else "false"
        pool[id] = {"result": handle == "yes", "selected_case_id": handle}
        return handle

    def human_input(self, id, data, pool):
        action = "no" if int(id[1:]) % 2 else "yes"
        at = self.where[-1] if self.where else ""
        pool[id] = {"said": "%s at %s" % (id, at), "__action_id": action}
        self.questions += 1
        return action

    def assigner(self, id, data, pool):
        node, name = data["items"][0]["variable_selector"]
        pool[node][name] += data["items"][0]["value"]
        pool.setdefault(id, {})
        return None

    def end(self, id, data, pool):
        for o in data["outputs"]:
            v = self.get(pool, o["value_selector"])
            self.outputs[o["variable"]] = None if v is KeyError else v
        return None

    def iteration(self, id, data, pool):
        items = self.get(pool, data["iterator_selector"])
        results, failure = [], None
        for i, item in enumerate(items or []):
            inner = json.loads(json.dumps({k: v for k, v in pool.items()}))
            inner.setdefault(id, {}).update(index=i, item=item)
            try:
                self.inner(i, data, inner)
                v = self.get(inner, data["output_selector"])
                results.append(None if v is KeyError else v)
            except Failed as e:
                if data["error_handle_mode"] == "terminated":
                    failure = e
                    # Side by side, one more may have been running.
                    if not data["is_parallel"]:
                        break
                elif data["error_handle_mode"] == "continue-on-error" or data["is_parallel"]:
                    results.append(None)
        if items:
            self.ends[id + (" failed" if failure else " succeeded")] += 1
        if failure:
            raise failure
        if data["is_parallel"] and data["error_handle_mode"] == "remove-abnormal-output":
            results = [r for r in results if r is not None]
        some = [r for r in results if r is not None]
        if data["flatten_output"] and some and all(isinstance(r, list) for r in some):
            results = [x for r in some for x in r]
        pool[id] = dict(pool.get(id, {}), output=results)
        return None

    def loop(self, id, data, pool):
        pool.setdefault(id, {})["v"] = 0
        stop = [int(c["value"]) for c in data["break_conditions"]]
        rounds = 0
        try:
            while rounds < data["loop_count"] and pool[id]["v"] not in stop:
                for n, d in self.nodes.items():
                    if self.inside(id, d):
                        pool.pop(n, None)
                self.inner(rounds, data, pool)
                rounds += 1
                pool[id]["loop_round"] = rounds
        except Failed:
            self.ends[id + " failed"] += 1
            raise
        self.ends[id + " succeeded"] += 1
        return None

    def inner(self, index, data, pool):
        self.where.append(index)
        try:
            self.graph(data["start_node_id"], pool, False)
        finally:
            self.where.pop()

    def inside(self, id, data):
        around = data.get("loop_id") or data.get("iteration_id")
        return around == id or (around is not None and self.inside(id, self.nodes[around]))


def certain(graph, ends):
    """Where something failed in a container, what else had begun in that pass is a matter of time."""
    if not any(e.endswith(" failed") for e in ends):
        return ends
    top = {n["id"] for n in graph["nodes"] if "iteration_id" not in n["data"] and "loop_id" not in n["data"]}
    return {e: n for e, n in ends.items() if e.split()[0] in top}


def compare(seed, graph, model, status, got):
    want = {"status": status, "outputs": model.outputs, "steps": model.steps, "exceptions": model.exceptions,
            "ends": dict(model.ends), "questions": model.questions}
    ends = dict(collections.Counter(got.get("ends", [])))
    got = dict(got, ends=certain(graph, ends))
    want["ends"] = certain(graph, want["ends"])
    # A failure stops what happens to be on its way.
    names = ["status"] if status == "failed" else ["status", "outputs", "steps", "exceptions", "ends"]
    # A failure in a container may come before or after somebody is asked beside it.
    if not any(e.endswith(" failed") for e in model.ends):
        names.append("questions")
    bad = [n for n in names if want[n] != got.get(n)]
    for n in bad:
        print("seed %d: %s: want %s\n got %s" % (seed, n, json.dumps(want[n], sort_keys=True), json.dumps(got.get(n), sort_keys=True)))
    if bad:
        print(json.dumps(graph), got.get("error"), got.get("refused"))
    return not bad


def main():
    first, count = int(os.environ.get("TATARA_SEED", "1")), int(os.environ.get("TATARA_SEEDS", "300"))
    inputs = {"l": ["a", "b"], "m": [1, "a", ["b"]], "t": "a", "none": None}
    graphs = [Maker(seed).whole() for seed in range(first, first + count)]
    lines = "".join(json.dumps({"graph": g, "inputs": inputs}) + "\n" for g in graphs)
    out = subprocess.run([sys.argv[1]], input=lines.encode(), stdout=subprocess.PIPE, check=True).stdout.decode()
    results = [json.loads(line) for line in out.split("\n") if line.startswith("{")]
    assert len(results) == count, (len(results), count)
    good, statuses, asked = 0, collections.Counter(), 0
    for seed, graph, got in zip(range(first, first + count), graphs, results):
        model = Model(graph, inputs)
        status = model.run()
        statuses[status] += 1
        asked += model.questions
        good += compare(seed, graph, model, status, got)
        if good + 3 < sum(statuses.values()):
            break
    print("%d graphs: %s, %d questions" % (sum(statuses.values()), dict(statuses), asked))
    assert count < 100 or len(statuses) == 3, "some kind of end never comes"
    sys.exit(good != count)


main()
