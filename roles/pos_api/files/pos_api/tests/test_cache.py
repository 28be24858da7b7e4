import random
import tracemalloc

from odoo.tests import BaseCase, tagged

from ..lean.cache import OVERHEAD, Answer, Answers
from .test_concurrency import at_once

LOG = "log"
SQL = "SELECT " + "x" * 5000


def answer(version, size=1000):
    return Answer(version, b"x" * size, {})


@tagged("post_install", "-at_install")
class TestCache(BaseCase):
    def test_only_what_was_made_from_this_version(self):
        kept, first = Answers(1 << 20), answer("1")
        self.assertIsNone(kept.get("a", "1", LOG))
        kept.put("a", first, LOG)
        self.assertIs(kept.get("a", "1", LOG), first)
        self.assertIsNone(kept.get("a", "2", LOG))
        self.assertIsNone(kept.get("b", "1", LOG))
        self.assertIs(kept.get("a", "1", LOG), first)  # a slow call of an older snapshot has done no harm
        kept.put("a", answer("2"), LOG)
        self.assertIsNone(kept.get("a", "1", LOG))

    def test_what_is_outdated_promises_nothing(self):
        kept = Answers(1 << 20)
        self.assertFalse(kept.promises("a", LOG))
        kept.put("a", answer("1"), LOG)
        self.assertTrue(kept.promises("a", LOG))
        kept.put("b", answer("2"), LOG)
        self.assertFalse(kept.promises("a", LOG))
        self.assertTrue(kept.promises("b", LOG))
        kept.get("b", "3", LOG)
        self.assertFalse(kept.promises("b", LOG))

    def test_what_was_used_longest_ago_makes_room(self):
        kept = Answers(16 * (OVERHEAD + 1100))
        for name in "abcdefghijklmnop":
            kept.put(name, answer("1"), LOG)
        self.assertIsNotNone(kept.get("a", "1", LOG))
        kept.put("q", answer("1"), LOG)
        self.assertIsNone(kept.get("b", "1", LOG))
        self.assertIsNotNone(kept.get("a", "1", LOG))

    def test_the_limit_is_one_of_bytes(self):
        limit = 4 << 20
        kept = Answers(limit)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before, _ = tracemalloc.get_traced_memory()
        for number in range(5000):
            key = (SQL, (number, "a" * (number % 300)), ("query", number))
            kept.put(key, Answer("1", b"x" * (number % 20000), {"Link": f"next {number}"}), LOG)
            self.assertLessEqual(kept.size, limit)
        after, _ = tracemalloc.get_traced_memory()
        self.assertLess(after - before, limit)
        self.assertGreater(after - before, limit // 2)

    def test_the_size_is_that_of_what_is_there(self):
        kept = Answers(1 << 20)
        for _ in range(3):
            kept.put("a", answer("1"), LOG)
        once = kept.size
        kept.put("b", answer("1"), LOG)
        self.assertEqual(kept.size, 2 * once)

    def test_what_would_push_out_much_else_is_not_kept(self):
        kept = Answers(64 * 1024)
        kept.put("a", answer("1", 9000), LOG)
        self.assertEqual((kept.get("a", "1", LOG), kept.size), (None, 0))

    def test_none_are_kept_without_room(self):
        kept = Answers(0)
        kept.put("a", answer("1", 0), LOG)
        self.assertIsNone(kept.get("a", "1", LOG))

    def test_threads(self):
        kept = Answers(40 * OVERHEAD)

        def use(index):
            chance = random.Random(index)
            for _ in range(3000):
                name, version = str(chance.randrange(60)), str(chance.randrange(3))
                found = kept.get(name, version, LOG)
                if found is not None and (found.version, found.body) != (version, (name + version).encode()):
                    raise AssertionError((name, version, found))
                kept.put(name, Answer(version, (name + version).encode(), {}), LOG)

        at_once(6, use)
        self.assertLessEqual(kept.size, kept.limit)
        self.assertEqual(kept.size, sum(size for _answer, size in kept._entries.values()))
