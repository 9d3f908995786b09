#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/sql.py: what it makes of good files, and that it refuses bad ones."""
import hashlib
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "tools" / "sql.py"


class Sql(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.root = Path(self.dir.name)
        self.out = self.root / "out"

    def put(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_it(self):
        return subprocess.run([sys.executable, SCRIPT, "--root", self.root, "--out", self.out],
                              capture_output=True, text=True, check=False)

    def test_good(self):
        self.put("src/account/sql/find.sql",
                 "-- Finds.\n-- $1 email\nSELECT '$2 -- ''x' /* $9 */ , \"a;b\" FROM t -- $3\n"
                 "WHERE a = $1\n\tAND b = $2 OR c = $1;\n")
        self.put("src/account/sql/find.pg.sql", "SELECT $2, $1")
        self.put("src/store/broker/sql/take.sql", "-- Takes.\nDELETE FROM jobs")
        self.put("migrations/0002_b.sql", "B \"q\";\n")
        self.put("migrations/0001_a.sql", "A;\n")
        done = self.run_it()
        self.assertEqual(done.returncode, 0, done.stderr)
        code = (self.out / "sql.c").read_text()
        self.assertIn(r'''.sqlite = "SELECT '$2 -- ''x' , \"a;b\" FROM t WHERE a = \?1 AND b = \?2 '''
                      r'''OR c = \?1"''', code)
        self.assertIn('.postgres = "SELECT $2, $1"', code)
        self.assertIn('.name = "account/find"', code)
        self.assertIn(".params = 2", code)
        self.assertIn("sql_all_len = 2", code)
        self.assertLess(code.index('.name = "a"'), code.index('.name = "b"'))
        self.assertIn(hashlib.sha256(b"A;\n").hexdigest(), code)
        self.assertIn("migrations_len = 2", code)
        self.assertIn("extern const struct sql sql_broker_take;",
                      (self.out / "sql_broker.h").read_text())
        # A second run changes nothing, so that nothing is compiled again.
        before = (self.out / "sql.c").stat().st_mtime_ns
        self.assertEqual(self.run_it().returncode, 0)
        self.assertEqual((self.out / "sql.c").stat().st_mtime_ns, before)
        # A folder that is gone takes its header along.
        (self.root / "src/store/broker/sql/take.sql").unlink()
        self.assertEqual(self.run_it().returncode, 0)
        self.assertFalse((self.out / "sql_broker.h").exists())

    def test_bad(self):
        cases = [
            ({"src/a/sql/x.sql": "-- x\nSELECT $1, $3"}, "not 1..2"),
            ({"src/a/sql/x.sql": "-- x\nSELECT 1; SELECT 2"}, "more than one"),
            ({"src/a/sql/x.sql": "-- x\n"}, "empty"),
            ({"src/a/sql/x.sql": "SELECT 1"}, "head comment"),
            ({"src/a/sql/x.pg.sql": "-- x\nSELECT 1"}, "no x.sql"),
            ({"src/a/sql/x.sql": "-- x\nSELECT 1", "src/a/sql/x.pg.sql": "SELECT $1"}, "parameters"),
            ({"src/a/sql/X.sql": "-- x\nSELECT 1"}, "lower case"),
            ({"src/a/sql/x.sql": "-- x\nSELECT 1", "src/b/a/sql/x.sql": "-- x\nSELECT 1"},
             "same name"),
            ({"migrations/1_a.sql": "A"}, "NNNN_name"),
            ({"migrations/0001_a.sql": "A", "migrations/0001_b.sql": "B"}, "same number"),
        ]
        for files, want in cases:
            with self.subTest(want=want):
                self.dir.cleanup()
                self.root.mkdir()
                for path, text in files.items():
                    self.put(path, text)
                done = self.run_it()
                self.assertEqual(done.returncode, 1)
                self.assertIn(want, done.stderr)


if __name__ == "__main__":
    unittest.main()
