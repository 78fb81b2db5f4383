import numpy as np
import pytest

from geometry.box import overlaps
from geometry.row import REAR, hot_aisles, rack_boxes

SIZE = (0.6, 1.2, 2.3)


def test_eight_mgx_racks_make_a_row_of_4_8_metres():
    # 600 mm pitch: the last rack ends 8 x 0.6 m after the first begins.
    boxes = rack_boxes([4.0, 2.0], 0.6, 8, SIZE, "south")
    assert boxes.shape == (8, 2, 3)
    np.testing.assert_allclose(boxes[:, 0, 0], 4.0 + 0.6 * np.arange(8))
    np.testing.assert_allclose(boxes[-1, 1], [8.8, 3.2, 2.3])


@pytest.mark.parametrize(("facing", "along"), [("north", 0), ("south", 0), ("east", 1), ("west", 1)])
def test_the_width_lies_along_the_row(facing, along):
    boxes = rack_boxes([1.0, 1.0, 0.3], 0.7, 3, SIZE, facing)
    extent = boxes[0, 1] - boxes[0, 0]
    assert extent[along] == pytest.approx(0.6)
    assert extent[1 - along] == pytest.approx(1.2)
    assert boxes[2, 0, along] == pytest.approx(1.0 + 2 * 0.7)
    assert boxes[2, 0, 1 - along] == pytest.approx(1.0)
    assert boxes[0, 0, 2] == pytest.approx(0.3)


def test_racks_overlap_exactly_when_the_pitch_is_less_than_the_width():
    assert len(overlaps(rack_boxes([0, 0], 0.6, 8, SIZE, "north"))) == 0
    assert len(overlaps(rack_boxes([0, 0], 0.59, 8, SIZE, "north"))) == 7


def test_no_racks_are_an_empty_row():
    assert rack_boxes([0, 0], 0.6, 0, SIZE, "north").shape == (0, 2, 3)
    assert overlaps(rack_boxes([0, 0], 0.6, 0, SIZE, "north")).shape == (0, 2)


def aisles(*rows):
    """Of rows of eight racks from (x, y) that face a side, rounded."""
    boxes = [rack_boxes(origin, 0.6, 8, SIZE, facing) for origin, facing in rows]
    whole = np.array([[one[:, 0].min(axis=0), one[:, 1].max(axis=0)] for one in boxes])
    across, rear = np.array([REAR[facing] for _, facing in rows]).T
    found, along = hot_aisles(whole, across, rear)
    return found.round(9).tolist(), along.tolist()


def test_a_hot_aisle_lies_between_rears_and_spans_both_rows():
    """Rows 1.2 m deep at y 2.0 and 5.03, the second 0.6 m further along; the order of the rows does not matter."""
    rows = [((4.0, 2.0), "south"), ((4.6, 5.03), "north")]
    expected = [[[4.0, 3.2, 0.0], [9.4, 5.03, 2.3]]], [0]
    assert aisles(*rows) == expected
    assert aisles(*rows[::-1]) == expected
    assert aisles(((2.0, 1.0), "west"), ((5.0, 1.0), "east")) == ([[[3.2, 1.0, 0.0], [5.0, 5.8, 2.3]]], [1])


@pytest.mark.parametrize(
    "rows",
    [
        [((4.0, 2.0), "south")],
        [((4.0, 2.0), "north"), ((4.0, 5.03), "south")],
        [((4.0, 2.0), "south"), ((4.0, 5.03), "south")],
        [((0.0, 2.0), "south"), ((6.0, 5.03), "north")],
        [((4.0, 2.0), "south"), ((4.0, 4.0), "south"), ((4.0, 8.0), "east")],
    ],
)
def test_rows_that_do_not_turn_their_rears_to_each_other_have_no_hot_aisle(rows):
    assert aisles(*rows) == ([], [])
