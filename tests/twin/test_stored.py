"""A state that carries its layout: what comes back is what was solved, or a line that says why not."""

import numpy as np
import pytest
import xarray as xr

import twin
from twin.errors import InputError
from twin.schema import Layout
from twin.stored import restored, stored


@pytest.fixture(scope="module")
def pod():
    return twin.load(sets={"rows[row2].power_cap": "90 kW", "loop.main.length": "17.3 m"})


@pytest.fixture(scope="module")
def state(pod):
    return twin.solve(pod)


def test_a_layout_comes_back_equal_to_the_last_bit(pod):
    assert Layout.restored(pod.layout.stored()) == pod.layout


def test_only_a_stored_layout_may_say_numbers_without_units(pod):
    with pytest.raises(ValueError, match="has no unit"):
        Layout.model_validate_json(pod.layout.stored())


def test_a_state_file_gives_back_its_facility(pod, state, tmp_path):
    state.to_netcdf(tmp_path / "state.nc", engine="netcdf4")
    facility, found = stored(tmp_path / "state.nc")
    assert facility.fingerprint == pod.fingerprint
    np.testing.assert_array_equal(facility.racks.box, pod.racks.box)
    np.testing.assert_array_equal(facility.devices.box, pod.devices.box)
    np.testing.assert_array_equal(found.power, state.power)


REFUSED = {
    "of an older version": (lambda state: _without(state, "layout"), "does not carry its layout"),
    "of another catalogue": (lambda state: state.assign_attrs(fingerprint="0" * 64), "has changed since"),
    "of another form": (lambda state: state.assign_attrs(layout="{}"), "has changed since"),
    "of totals": (lambda state: state.drop_dims("rack"), "holds totals only"),
    "of some racks": (lambda state: state.isel(rack=slice(3)), "every rack"),
}


def _without(state, name):
    return xr.Dataset(
        state.data_vars, state.coords, {key: value for key, value in state.attrs.items() if key != name}
    )


@pytest.mark.parametrize("case", REFUSED)
def test_a_state_is_refused(case, state):
    change, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        restored(change(state))


@pytest.mark.parametrize(("content", "message"), [(b"not netCDF", "cannot be read"), (None, "no such file")])
def test_a_file_that_is_no_state_is_one_line(content, message, tmp_path):
    file = tmp_path / "state.nc"
    if content:
        file.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        stored(file)
    assert len(str(caught.value).splitlines()) == 1
