"""The time axis: dates in many forms, at many steps."""

import pytest

from rnntext.text.dates import DateError, understand

CASES = [
    # cells, step, places, the next three labels
    (["2024-01-30", "2024-01-31"], "1 day", [0, 1], ["2024-02-01", "2024-02-02", "2024-02-03"]),
    (["2024-01", "2024-02", "2024-03"], "1 month", [0, 1, 2], ["2024-04", "2024-05", "2024-06"]),
    (["2024-01-31", "2024-02-29"], "1 month", [0, 1], ["2024-03-31", "2024-04-30", "2024-05-31"]),
    (["2023-11-15", "2023-12-15"], "1 month", [0, 1], ["2024-01-15", "2024-02-15", "2024-03-15"]),
    (["2023Q3", "2023Q4", "2024Q1"], "3 months", [0, 1, 2], ["2024Q2", "2024Q3", "2024Q4"]),
    (["2020-02-29", "2021-02-28"], "12 months", [0, 1], ["2022-02-28", "2023-02-28", "2024-02-29"]),
    (["1700", "1701", "1702"], "1", [0, 1, 2], ["1703", "1704", "1705"]),
    (["0.5", "0.75", "1.25"], "0.25", [0, 1, 3], ["1.5", "1.75", "2"]),
    (["2024-03-01 23:00", "2024-03-02 00:00"], "1:00:00", [0, 1], ["2024-03-02 01:00", "2024-03-02 02:00"]),
    (["2024-03-01T00:00:30Z", "2024-03-01T00:01:00Z"], "0:00:30", [0, 1], ["2024-03-01T00:01:30Z"]),
    (["20240228", "20240229"], "1 day", [0, 1], ["20240301"]),
    (["13/01/2024", "14/01/2024"], "1 day", [0, 1], ["15/01/2024"]),
    (["01/13/2024", "01/14/2024"], "1 day", [0, 1], ["01/15/2024"]),
    (["31.12.2023", "01.01.2024"], "1 day", [0, 1], ["02.01.2024"]),
    (["Jan 1949", "Feb 1949"], "1 month", [0, 1], ["Mar 1949"]),
    (["2024-01-01", "2024-01-08", "2024-01-22"], "7 days", [0, 1, 3], ["2024-01-29"]),
    (["2024-01-03", "2024-01-01", "2024-01-02"], "1 day", [2, 0, 1], ["2024-01-04"]),
    (["2024-05-05"], "1 day", [0], ["2024-05-06"]),
]


@pytest.mark.parametrize(("cells", "step", "places", "labels"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_steps_and_places_are_understood_and_written_in_the_same_form(cells, step, places, labels):
    axis, found = understand(cells)
    assert (axis.step, found) == (step, places)
    assert [axis.label(place) for place in found] == cells
    assert [axis.label(max(places) + 1 + n) for n in range(len(labels))] == labels


def test_weekends_of_an_office_are_no_gaps():
    days = ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09", "2024-01-12", "2024-01-15", "2024-01-16"]
    axis, places = understand(days)
    assert (axis.step, places) == ("1 weekday", [0, 1, 2, 3, 6, 7, 8])  # Wednesday and Thursday are missing
    assert [axis.label(place) for place in (*places, 11, 12)] == [*days, "2024-01-19", "2024-01-22"]


@pytest.mark.parametrize(
    ("cells", "row", "message"),
    [
        (["2024-01-01", "soon"], 1, "'soon' is not a date"),
        (["2024-01-01", ""], 1, "no date"),
        (["2024-01-01", "02.01.2024"], None, "not all written in the same way"),
        (["01/02/2024", "01/03/2024"], None, "day or month first"),
        (["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 02:00", "2024-01-01 02:31"], 3, "between two steps"),
        (["1", "nan"], 1, "not a number"),
        (["2024-02-30", "2024-02-31"], 0, "'2024-02-30' is not a date"),
    ],
)
def test_what_cannot_be_understood_is_said(cells, row, message):
    with pytest.raises(DateError, match=message) as caught:
        understand(cells)
    assert caught.value.row == row
