import numpy as np
import pytest

from geometry.box import overlaps
from geometry.row import rack_boxes

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
