"""A race has the server for itself: the other workers pause, for a limited time."""

import contextlib
import os
import threading
import time

from fixtures.given import exclusive


def test_worker_pauses_until_the_race_is_over(tmp_path):
    """Another worker marks that it pauses, and removes the mark after the race."""
    race, mine = tmp_path / "race", tmp_path / "gw1"
    race.touch()
    seen = []

    def end():
        while not mine.exists():
            time.sleep(0.001)
        seen.append("pauses")
        race.unlink()

    thread = threading.Thread(target=end)
    thread.start()
    exclusive.wait_for_race(mine)
    thread.join()

    assert seen == ["pauses"]
    assert not mine.exists()


def test_race_of_a_dead_worker_is_not_waited_for(tmp_path):
    """A race that lasts too long is treated as that of a dead worker."""
    race = tmp_path / "race"
    race.touch()
    long_ago = time.time() - exclusive.LONGEST_RACE - 1
    os.utime(race, (long_ago, long_ago))

    exclusive.wait_for_race(tmp_path / "gw1")

    assert not race.exists()


def test_two_races_do_not_run_at_once(tmp_path):
    """Only one of two workers begins a race."""
    assert exclusive._begun(tmp_path / "race")
    assert not exclusive._begun(tmp_path / "race")


def test_nobody_pauses_without_a_race(tmp_path):
    """Without a race a check begins at once, and leaves no mark."""
    exclusive.wait_for_race(tmp_path / "gw1")

    assert not [*tmp_path.iterdir()]


def test_others_pause_during_the_block_only(tmp_path, monkeypatch):
    """A race is marked while the block runs, and not after an exception."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "1")
    race = tmp_path / "race"

    with contextlib.suppress(RuntimeError), exclusive._others_paused(tmp_path / "gw0"):
        assert race.exists()
        raise RuntimeError

    assert not race.exists()
