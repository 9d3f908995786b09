# SPDX-License-Identifier: Apache-2.0
"""Annotations: in every kind of turn, in the console's routes, in the log; and a worker that is killed
while it makes vectors."""
import csv
import hashlib
import http.server
import io
import json
import threading
import time

import pytest
import requests
from tatara import EMBEDDING, Annotations, Apps, Server, events
from test_console import sign_in

QUESTION, ANSWER = "What is the capital of Norway?", "Oslo (from annotation).\nAsk again: \u00e5."


@pytest.fixture(scope="module")
def world(server):
    """Apps of its own, each with the annotation, replies switched on."""
    apps = Apps(server)
    for name in ("chat_plain", "agent_fc", "cf_plain", "completion"):
        a = Annotations(server, apps.key(name))
        a.add(QUESTION, ANSWER)
        a.switch()
    return apps


def ask(server, key, mode, query=QUESTION, path="/v1/chat-messages"):
    r = requests.post(server.url + path, headers={"Authorization": "Bearer " + key}, timeout=240,
                      json={"inputs": {}, "query": query, "user": "u1", "response_mode": mode})
    assert r.status_code == 200, r.text
    return r


@pytest.mark.parametrize("app", ["chat_plain", "agent_fc"])
def test_easy_apps_stream_the_text_by_characters(server, world, app):
    got = events(ask(server, world.key(app), "streaming"))
    assert [e["event"] for e in got] == ["message"] * len(ANSWER) + ["message_end"]
    assert [e["answer"] for e in got[:-1]] == list(ANSWER)
    reply = got[-1]["metadata"]["annotation_reply"]
    assert reply["account"]["name"] == "admin" and reply["id"]
    assert got[-1]["metadata"]["usage"]["total_tokens"] == 0 and got[-1]["files"] is None


def test_chatflows_answer_at_once_and_run_nothing(server, world):
    got = events(ask(server, world.key("cf_plain"), "streaming"))
    assert [e["event"] for e in got] == ["message", "message_end"]
    assert got[0]["answer"] == ANSWER
    assert "annotation_reply" not in got[1]["metadata"] and got[1]["files"] == []
    body = ask(server, world.key("cf_plain"), "blocking").json()
    assert body["answer"] == ANSWER and body["mode"] == "advanced-chat"
    assert "annotation_reply" not in body["metadata"]


def test_completions_have_none(server, world):
    r = requests.post(server.url + "/v1/completion-messages", timeout=240,
                      headers={"Authorization": "Bearer " + world.key("completion")},
                      json={"inputs": {"text": QUESTION}, "query": QUESTION, "user": "u1", "response_mode": "blocking"})
    assert r.status_code == 200 and r.json()["answer"] != ANSWER


def test_a_visitor_gets_the_answer_without_its_author(server, world):
    console = sign_in(server)
    app = console.get("%s/console/api/apps/%s" % (server.url, world.id("chat_plain"))).json()
    passport = requests.get(server.url + "/api/passport", headers={"X-App-Code": app["site"]["code"]}).json()
    r = requests.post(server.url + "/api/chat-messages", headers={"X-App-Passport": passport["access_token"]}, json={
        "inputs": {}, "query": QUESTION, "response_mode": "blocking"}, timeout=240)
    assert r.status_code == 200 and r.json()["answer"] == ANSWER
    assert "annotation_reply" not in r.json()["metadata"]


def test_later_turns_remember_what_was_answered(server, world):
    """An annotated turn is part of the conversation that the model is told."""
    key = world.key("chat_plain")
    first = ask(server, key, "blocking").json()
    r = requests.post(server.url + "/v1/chat-messages", headers={"Authorization": "Bearer " + key}, timeout=240,
                      json={"inputs": {}, "query": "and then?", "user": "u1", "response_mode": "blocking",
                            "conversation_id": first["conversation_id"]}).json()
    assert r["answer"] == "You said: and then?" and r["metadata"]["annotation_reply"] is None
    alone = ask(server, key, "blocking", "and then?").json()
    assert r["metadata"]["usage"]["prompt_tokens"] > alone["metadata"]["usage"]["prompt_tokens"]


def test_the_bundled_model_knows_questions_in_other_words(server):
    apps = Apps(server)
    key = apps.key("chat_plain")
    a = Annotations(server, key)
    a.add(QUESTION, ANSWER)
    a.add("How do I reset my password?", "On the account page.")
    a.switch(threshold=0.9, embedding_provider_name="tatara", embedding_model_name="multilingual-e5-small")
    for query, answer in ((QUESTION, ANSWER), ("what's norway's capital city", ANSWER),
                          ("I forgot my password, what now?", "On the account page.")):
        assert ask(server, key, "blocking", query).json()["answer"] == answer
    for query in ("capital of Sweden?", "Tell me a joke about cats"):
        assert ask(server, key, "blocking", query).json()["answer"] == "You said: " + query


# --- the console ---

class Console:
    def __init__(self, server, app):
        self.s = sign_in(server)
        self.base = "%s/console/api/apps/%s" % (server.url, app)

    def call(self, method, tail, status=200, **more):
        r = self.s.request(method, self.base + tail, timeout=240, **more)
        assert r.status_code == status, (tail, r.status_code, r.text)
        return r

    def get(self, tail, status=200):
        return self.call("GET", tail, status).json()

    def post(self, tail, body, status=200):
        return self.call("POST", tail, status, json=body).json()

    def job(self, tail):
        for _ in range(4800):
            state = self.get(tail)
            if state["job_status"] in ("completed", "error"):
                return state
            time.sleep(0.05)
        raise AssertionError(state)

    def upload(self, text, name="a.csv", status=200):
        return self.call("POST", "/annotations/batch-import", status, files={"file": (name, text)}).json()


@pytest.fixture()
def console(server):
    apps = Apps(server)
    c = Console(server, apps.id("chat_plain"))
    c.key = apps.key("chat_plain")
    return c


def test_console_life_of_an_annotation(server, console):
    c = console
    assert c.get("/annotation-setting") == {"enabled": False}
    made = c.post("/annotations", {"question": QUESTION, "answer": "Oslo"})
    assert list(made) == ["id", "question", "answer", "hit_count", "created_at"]
    assert c.post("/annotations", {"question": "q"}, 400)["message"] == "Either 'answer' or 'content' must be provided"
    assert c.post("/annotations", {"answer": "a"}, 400)["code"] == "invalid_param"
    one = c.post("/annotations/" + made["id"], {"answer": "Oslo!"})
    assert (one["question"], one["answer"]) == (QUESTION, "Oslo!")
    assert c.get("/annotations/count") == {"count": 1}

    body = dict(EMBEDDING, score_threshold=0.8)
    assert c.post("/annotation-reply/foo", body, 400)["message"] == "Unsupported annotation reply action"
    assert c.post("/annotation-reply/enable", dict(body, score_threshold=1.1), 400)["code"] == "invalid_param"
    job = c.post("/annotation-reply/enable", body)["job_id"]
    assert c.job("/annotation-reply/enable/status/" + job)["job_status"] == "completed"
    setting = c.get("/annotation-setting")
    assert setting["enabled"] and setting["score_threshold"] == 0.8 and setting["embedding_model"] == EMBEDDING

    assert ask(server, c.key, "blocking").json()["answer"] == "Oslo!"
    hits = c.get("/annotations/%s/hit-histories?page=1&limit=20" % made["id"])
    assert hits["total"] == 1
    hit = hits["data"][0]
    assert list(hit) == ["id", "source", "score", "question", "created_at", "match", "response"]
    assert (hit["source"], hit["question"], hit["match"], hit["response"]) == ("api", QUESTION, QUESTION, "Oslo!")
    assert 0.999 < hit["score"] <= 1

    near = QUESTION.replace("Norway", "Norway today")
    assert ask(server, c.key, "blocking", near).json()["answer"] == "Oslo!"
    assert c.post("/annotation-settings/" + setting["id"], {"score_threshold": 1.0})["score_threshold"] == 1.0
    assert ask(server, c.key, "blocking", near).json()["answer"] == "You said: " + near
    assert c.post("/annotation-settings/" + setting["id"], {"score_threshold": 2}, 400)["code"] == "invalid_param"

    job = c.post("/annotation-reply/disable", body)["job_id"]
    assert c.job("/annotation-reply/disable/status/" + job)["job_status"] == "completed"
    assert c.get("/annotation-setting") == {"enabled": False}
    assert ask(server, c.key, "blocking").json()["answer"].startswith("You said")
    c.call("DELETE", "/annotations/" + made["id"], 204)
    c.call("DELETE", "/annotations/" + made["id"], 404)
    c.call("GET", "/annotations/%s/hit-histories" % made["id"], 404)


def test_console_a_model_that_is_not_there(console):
    job = console.post("/annotation-reply/enable", {"score_threshold": 0.5, "embedding_model_name": "nowhere",
                                                    "embedding_provider_name": EMBEDDING["embedding_provider_name"]})
    console.post("/annotations", {"question": "q", "answer": "a"})
    job = console.post("/annotation-reply/enable", {"score_threshold": 0.5, "embedding_model_name": "nowhere",
                                                    "embedding_provider_name": EMBEDDING["embedding_provider_name"]})
    state = console.job("/annotation-reply/enable/status/" + job["job_id"])
    assert state["job_status"] == "error" and "nowhere" in state["error_msg"]


def test_console_removes_some_and_all(console):
    ids = [console.post("/annotations", {"question": "q%d" % i, "answer": "a"})["id"] for i in range(4)]
    console.call("DELETE", "/annotations", 204, params={"annotation_id": ids[:2]})
    assert [a["id"] for a in console.get("/annotations")["data"]] == [ids[3], ids[2]]
    console.call("DELETE", "/annotations", 400, params={"annotation_id": [ids[2], "x"]})
    assert console.get("/annotations?keyword=Q3")["total"] == 1
    console.call("DELETE", "/annotations", 204)
    assert console.get("/annotations")["total"] == 0


CELLS = [("plain", "text"), ("=1+1", "-2"), ('say "hi", twice', "two\nlines"), ("'quoted", "\u00e5\u65e5\u672c")]


def test_console_export_is_what_import_takes(console):
    for q, a in CELLS:
        console.post("/annotations", {"question": q, "answer": a})
    rows = console.get("/annotations/export")["data"]
    assert [(r["question"], r["answer"]) for r in reversed(rows)] == CELLS
    r = console.call("GET", "/annotations/export?format=csv")
    assert r.headers["content-type"] == "text/csv; charset=utf-8"
    assert "annotations.csv" in r.headers["content-disposition"]
    table = list(csv.reader(io.StringIO(r.content.decode(), newline="")))
    assert table[0] == ["question", "answer"]
    assert ["'=1+1", "'-2"] in table  # no formula for whoever opens it
    console.call("DELETE", "/annotations", 204)
    got = console.upload(r.content)
    assert got["record_count"] == len(CELLS) and got["job_status"] == "waiting"
    assert console.job("/annotations/batch-import-status/" + got["job_id"])["job_status"] == "completed"
    rows = console.get("/annotations?limit=100")["data"]
    assert sorted((r["question"], r["answer"]) for r in rows) == sorted(CELLS)


def test_console_import_of_what_is_no_file(console):
    assert console.upload("a,b\n", "a.txt", 400)["message"] == "Invalid file type. Only CSV files are allowed"
    assert console.post("/annotations/batch-import", {}, 400)["code"] == "no_file_uploaded"
    r = console.call("POST", "/annotations/batch-import", 400,
                     files=[("file", ("a.csv", "q,a\n1,2\n")), ("file2", ("b.csv", "q,a\n1,2\n"))])
    assert r.json()["code"] == "too_many_files"
    unknown = "11111111-2222-4333-8444-555555555555"
    assert console.get("/annotations/batch-import-status/" + unknown, 400)["message"] == "The job does not exist."


def test_the_limits_of_imports_are_settings(mock_model):
    s = Server({"ANNOTATION_IMPORT_FILE_SIZE_LIMIT": "1", "ANNOTATION_IMPORT_RATE_LIMIT_PER_MINUTE": "3"}).start().setup()
    try:
        s.add_mock_model()
        c = Console(s, Apps(s).id("chat_plain"))
        line = "q" * 900 + "," + "a" * 90 + "\n"
        big = "question,answer\n" + line * (2 * (1 << 20) // len(line))
        assert c.upload(big, status=413)
        assert c.upload("question,answer\n" + line * 1000)["record_count"] == 1000
        c.upload("question,answer\n1,2\n")
        while True:  # what was too large may have been refused before it was counted
            r = c.s.post(c.base + "/annotations/batch-import", files={"file": ("a.csv", "question,answer\n1,2\n")})
            if r.status_code == 429:
                break
            assert r.status_code == 200, r.text
        assert r.json()["code"] == "too_many_requests" and "3 requests per minute" in r.json()["message"]
    finally:
        s.remove()


# --- the log ---

def test_a_message_of_the_log_becomes_an_annotation(server, console):
    c = console
    first = ask(server, c.key, "blocking", "how tall is it?").json()
    at = "/chat-messages?conversation_id=" + first["conversation_id"]
    assert c.get("/chat-conversations?annotation_status=annotated")["total"] == 0
    made = c.post("/annotations", {"message_id": first["id"], "question": "how tall is it?", "answer": "8848 m"})
    again = c.post("/annotations", {"message_id": first["id"], "answer": "8849 m"})  # the message has one
    assert again["id"] == made["id"] and again["question"] == "how tall is it?"
    row = c.get(at)["data"][0]["annotation"]
    assert (row["id"], row["question"], row["content"]) == (made["id"], "how tall is it?", "8849 m")
    assert row["account"]["name"] == "admin"
    assert c.get("/messages/" + first["id"])["annotation"]["id"] == made["id"]
    assert c.get("/chat-conversations/" + first["conversation_id"])["annotated"] is True
    listed = c.get("/chat-conversations?annotation_status=annotated")
    assert listed["total"] == 1 and listed["data"][0]["annotated"] is True
    assert c.get("/chat-conversations?annotation_status=not_annotated")["total"] == 0

    Annotations(server, c.key).switch()
    second = ask(server, c.key, "blocking", "how tall is it?").json()
    assert second["answer"] == "8849 m"
    message = c.get("/messages/" + second["id"])
    assert message["annotation"] is None
    assert message["annotation_hit_history"]["annotation_id"] == made["id"]
    assert message["annotation_hit_history"]["annotation_create_account"]["name"] == "admin"
    assert message["metadata"]["annotation_reply"]["id"] == made["id"]
    assert message["answer_tokens"] == 0
    unknown = "11111111-2222-4333-8444-555555555555"
    assert c.post("/annotations", {"message_id": unknown, "answer": "x"}, 404)["code"] == "not_found"


def test_the_debugger_is_answered_too(console, server):
    Annotations(server, console.key).add(QUESTION, ANSWER)
    Annotations(server, console.key).switch()
    app = console.get("")
    r = console.call("POST", "/chat-messages", json={
        "inputs": {}, "query": QUESTION, "model_config": app["model_config"], "response_mode": "streaming"})
    got = events(r)
    assert "".join(e["answer"] for e in got if e["event"] == "message") == ANSWER
    made = console.get("/annotations")["data"][0]["id"]
    assert console.get("/annotations/%s/hit-histories" % made)["data"][0]["source"] == "console"


# --- a worker that is killed ---

class Embedder(http.server.ThreadingHTTPServer):
    """Vectors of 16 numbers by a hash of the text. From the third request on it waits to be let go."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.requests, self.stuck, self.go = [], 0, threading.Event(), threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def base(self):
        return "http://127.0.0.1:%d/v1" % self.server_port


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        self.server.requests += 1
        if self.server.requests == 3:
            self.server.stuck.set()
            self.server.go.wait(120)
        self.server.seen += texts
        data = [{"index": i, "embedding": [b / 128 - 1 for b in hashlib.md5(t.encode()).digest()]}
                for i, t in enumerate(texts)]
        body = json.dumps({"data": data}).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # whoever asked was killed

    def log_message(self, *args):
        pass


def test_a_killed_worker_loses_no_vector_and_makes_none_twice(mock_model):
    """Killed in the middle of the job: the next one goes on behind what was stored."""
    embedder = Embedder()
    s = Server().start().setup()
    try:
        s.add_mock_model()
        s.run("model", "add", "--type", "text-embedding", "--provider", "openai_api_compatible", "--name", "slow-embed",
              "--base-url", embedder.base, "--key-stdin", stdin="sk-mock\n")
        apps = Apps(s)
        a, c = Annotations(s, apps.key("chat_plain")), Console(s, apps.id("chat_plain"))
        questions = ["question %d" % i for i in range(200)]
        got = c.upload("question,answer\n" + "".join("%s,answer to it: %s\n" % (q, q) for q in questions))
        assert c.job("/annotations/batch-import-status/" + got["job_id"])["job_status"] == "completed"
        job = a.start(embedding_model_name="slow-embed")
        assert embedder.stuck.wait(60)
        state = a.call("GET", "/annotation-reply/enable/status/" + job)
        assert state["job_status"] == "processing"
        done = len(embedder.seen)  # of the two requests that were answered
        s.kill_role("worker")
        embedder.go.set()
        assert a.wait("enable", job, 120)["job_status"] == "completed"
        assert set(embedder.seen) == set(questions)
        assert done == 64
        twice = len(embedder.seen) - len(questions)
        assert twice <= 32, "%d vectors were made twice" % twice
        for q in ("question 0", "question 70", "question 199"):
            assert ask(s, apps.key("chat_plain"), "blocking", q).json()["answer"] == "answer to it: " + q
    finally:
        embedder.go.set()
        embedder.shutdown()
        s.remove()


def test_a_killed_worker_imports_each_row_once(mock_model):
    s = Server().start().setup()
    try:
        s.add_mock_model()
        c = Console(s, Apps(s).id("chat_plain"))
        rows = 10000
        text = "question,answer\n" + "".join("q%d,a\n" % i for i in range(rows))
        for _ in range(20):  # until it is killed in the middle, and not behind the end
            c.call("DELETE", "/annotations", 204)
            tail = "/annotations/batch-import-status/" + c.upload(text)["job_id"]
            while not c.get("/annotations/count")["count"]:
                time.sleep(0.01)
            s.kill_role("worker")
            if c.get(tail)["job_status"] == "processing":
                break
        assert c.get(tail)["job_status"] == "processing"
        assert c.job(tail)["job_status"] == "completed"
        exported = c.get("/annotations/export")["data"]
        assert sorted(r["question"] for r in exported) == sorted("q%d" % i for i in range(rows))
    finally:
        s.remove()
