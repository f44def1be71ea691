"""The mirror of lines: against counts by hand on a small house."""

from tests.lines import measured, spread, table


def test_files_and_functions_are_counted_in_the_room_they_lie_in(tmp_path):
    (tmp_path / "src/gkmvlp/app").mkdir(parents=True)
    (tmp_path / "src/gkmvlp/app/a.py").write_text(
        '"""A."""\n\n\n@cache\ndef f():\n    def g():\n        pass\n    return g\n'
    )
    (tmp_path / "src/gkmvlp/b.py").write_text("x = 1\n")
    found = measured(tmp_path)
    assert found["src/gkmvlp/app"] == ([8], [4, 2])
    assert found["src/gkmvlp"] == ([1], [])
    assert found["tests"] == ([], [])
    assert table(found).splitlines()[-1].split() == ["all", "2", "4", "7", "8", "2", "3", "4", "4"]


def test_spread_is_median_p90_and_maximum():
    assert spread(list(range(1, 101))) == [50, 90, 100]
    assert spread([]) == [0, 0, 0]
