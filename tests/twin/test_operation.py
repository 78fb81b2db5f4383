"""Operating fields: shapes, names, batches."""

import numpy as np
import pytest

import twin
from twin.operation import OPERATING, Operation, outages, resolve


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def resolved(pod, operation):
    return resolve(operation, pod.operation, pod.devices.name, pod.elements)


def test_every_row_of_the_table_is_a_field_and_every_field_a_row():
    from dataclasses import fields

    names = {item.name for item in fields(Operation)} - {"out"}
    assert {row.field for row in OPERATING.values()} == names


def test_fields_not_given_are_those_of_the_layout(pod):
    found = resolved(pod, None)
    assert found.dry_bulb.tolist() == [308.15]
    assert found.support_load.tolist() == [[148e3, 148e3]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rack_power", np.zeros((2, 5))),
        ("dry_bulb", np.zeros((2, 2))),
        ("dry_bulb", np.nan),
        ("support_load", np.inf),
    ],
)
def test_wrong_shapes_and_values_are_refused_by_the_fields_name(pod, field, value):
    with pytest.raises(ValueError, match=field):
        resolved(pod, Operation(**{field: value}))


def test_batches_of_two_lengths_are_refused(pod):
    with pytest.raises(ValueError, match="rack_power"):
        resolved(pod, Operation(dry_bulb=np.zeros(3), rack_power=np.zeros((2, 16))))


def test_outages_by_name_index_and_array(pod):
    names = pod.devices.name
    assert outages("ups.A", names).tolist() == [[names.index("ups.A")]]
    assert outages(["ups.A", "ups.B"], names).shape == (1, 2)
    assert outages([["ups.A"], []], names).tolist() == [[names.index("ups.A")], [-1]]
    assert outages(np.array([[3, -1]]), names).tolist() == [[3, -1]]
    with pytest.raises(ValueError, match=r"no device 'ups\.Q'; did you mean 'ups\."):
        outages(["ups.Q"], names)
    with pytest.raises(ValueError, match="run from 0"):
        outages(np.array([[10_000]]), names)


def test_chunks_join_to_the_whole(pod, monkeypatch):
    rng = np.random.default_rng(2)
    operation = Operation(dry_bulb=rng.uniform(280.0, 320.0, 23), rack_power=rng.uniform(9e4, 14e4, (23, 16)))
    whole = twin.solve(pod, operation)
    monkeypatch.setattr("twin.equilibrium.CHUNK", 16 * 5)
    pieces = twin.solve(pod, operation)
    for name in whole.data_vars:
        np.testing.assert_array_equal(whole[name].values, pieces[name].values)


def test_swept_fields_are_coordinates_named_by_their_path(pod):
    state = twin.solve(pod, Operation(dry_bulb=np.array([280.0, 300.0])), keep="summary")
    assert state["site.dry_bulb"].values.tolist() == [280.0, 300.0]
