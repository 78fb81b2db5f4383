# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What limits the tokens when the utility is capped?
#
# A hall is built for its full load, then the utility asks it to stay below a cap: on a hot evening, or for the years
# until the line is reinforced. Racks are told how much they may draw and slow down. How many tokens does a megawatt
# less cost, what is the next kilowatt worth, and what else stands in the way?

# %%
import numpy as np
import plotly.graph_objects as go

import twin
from twin.units import magnitude, quantity, si, text


def watts(megawatts):
    """Numbers in MW as the solver takes them."""
    return magnitude(quantity(np.asarray(megawatts, dtype=float), "MW"), "W")


hall = twin.load("gb300-su")
full = twin.solve(hall)
print(hall.layout.description)
print(
    text(full.utility_power.item(), "W", 4),
    "at the utility,",
    f"{full.tokens_per_second.item():,.0f} token/s",
)

# %% [markdown]
# ## The cap, from full to the floors, in one call
#
# A rack has a floor: below it the GPUs cannot hold the lowest clock and nobody gets a token at the promised speed.
# Where even the floors do not fit, a scenario has no solution, says why, and its numbers are NaN.

# %%
cap = np.arange(2.50, 1.30, -0.025)
states = twin.solve(hall, twin.Operation(utility_cap=watts(cap)))
solved = states.converged.values == 1
reasons = states.reason.attrs["flag_meanings"].split()
print("solved down to", f"{cap[solved].min():.3f} MW; below:", reasons[int(states.reason.values[~solved][0])])

tokens = states.tokens_per_second.values
bound = states.bound_racks.transpose("scenario", "binding_kind")[solved]
for kind in bound.binding_kind.values:
    racks = bound.sel(binding_kind=kind).values
    if racks.any():
        held = cap[solved][racks > 0]
        print(f"{kind:10} holds {racks.max():.0f} racks from {held.max():.3f} to {held.min():.3f} MW")
onset = float(cap[solved][bound.sel(binding_kind="utility").values > 0].max())

# %%
energy = states.tokens_per_joule.values * si("1 MWh", "J") / 1e9
best = float(cap[np.nanargmax(energy)])
figure = go.Figure()
figure.add_scatter(x=cap, y=tokens / 1e6, name="million tokens per second", mode="lines+markers")
figure.add_scatter(x=cap, y=energy, name="billion tokens per MWh", mode="lines+markers", yaxis="y2")
figure.add_vline(x=onset, line_dash="dot", annotation_text="utility binds to the left")
figure.update_layout(
    title="Sixteen GB300 racks under a utility cap", xaxis_title="cap, MW", width=850, height=420,
    yaxis_title="million token/s", yaxis2={"title": "billion token/MWh", "overlaying": "y", "side": "right"},
    legend={"x": 0.4, "y": 0.1},
)  # fmt: skip
figure

# %%
at_best = np.nanargmax(energy)
print(f"most tokens per MWh at {best:.3f} MW:", f"{energy[at_best] / energy[0] - 1:+.1%} per MWh", end=" ")
print(f"for {tokens[at_best] / tokens[0] - 1:+.1%} of the tokens")

# %% [markdown]
# ## What a kilowatt is worth
#
# `twin.prices` moves the limit one step up and one step down and solves again. It should be the slope of the curve
# above, steeper the lower the cap: each kilowatt saved costs more than the one before.

# %%
caps_priced = [2.20, 2.05, 1.90, 1.75, 1.55]
worth = []
for megawatts in caps_priced:
    prices = twin.prices(hall, twin.Operation(utility_cap=watts(megawatts)))
    utility = next(price for price in prices if price.name == "utility")
    outdoors = next(price for price in prices if price.name == "site.dry_bulb")
    worth.append(utility.up * si("1 kW", "W"))
    print(
        f"{megawatts:.2f} MW: {worth[-1]:6.0f} token/s a kW; one kelvin more outdoors {outdoors.up:+7.0f} token/s"
    )

slope = np.diff(tokens[solved]) / np.diff(watts(cap[solved])) * si("1 kW", "W")
between = (cap[solved][:-1] + cap[solved][1:]) / 2
figure = go.Figure()
figure.add_scatter(
    x=between[between < onset], y=slope[between < onset], name="slope of the sweep", mode="lines"
)
figure.add_scatter(x=caps_priced, y=worth, name="twin.prices", mode="markers", marker_size=10)
figure.update_layout(
    title="Worth of one more kilowatt", xaxis_title="cap, MW", yaxis_title="token/s per kW",
    yaxis_type="log", width=850, height=380,
)  # fmt: skip
figure

# %% [markdown]
# ## One outage, and readiness for the next
#
# Four UPS carry what three can: with `ups.A` out the survivors hold every rack at full speed. But may the hall then
# lose one more? With `power.security` set to `n-1` every cap is such that the chain carries it after any further single
# outage. One call for each: caps with all in service, then the same caps with `ups.A` out. At 50 token/s per user the
# answer is yes without more ado; at 30 the racks draw more, and it is not.

# %%
line = np.arange(2.45, 1.50, -0.025)
both = twin.Operation(utility_cap=watts(np.tile(line, 2)), out=[[]] * len(line) + [["ups.A"]] * len(line))
curves = {}
for security in ("none", "n-1"):
    slower = {"power.security": security, "workload.interactivity": "30 token/s"}
    found = twin.solve(twin.load("gb300-su", slower), both)
    names = found.binding.attrs["flag_meanings"].split()
    for case, part in (("all in service", slice(len(line))), ("ups.A out", slice(len(line), None))):
        holds = [names[code] for code in found.binding.values[part, 0].astype(int)]
        curves[security, case] = found.tokens_per_second.values[part]
        print(f"security {security:5} {case:15}", " | ".join(dict.fromkeys(holds)))
        if (security, case) == ("n-1", "ups.A out"):
            handover = float(line[holds.index("utility")])
            spared = 1 - curves[security, case][0] / curves["none", "ups.A out"][0]

# %%
figure = go.Figure()
for (security, case), values in curves.items():
    if (security, case) != ("n-1", "all in service"):  # the same as without
        figure.add_scatter(x=line, y=values / 1e6, name=f"{case}, security {security}")
figure.update_layout(
    title="With a UPS out and one more to fear, the UPS bind first and the utility takes over below",
    xaxis_title="cap, MW", yaxis_title="million token/s", width=850, height=400, xaxis_range=[1.9, 2.45],
    yaxis_range=[1.70, 1.80],
)  # fmt: skip
figure

# %% [markdown]
# ## Who gets the power
#
# Sixteen equal racks are treated equally by every policy. So put Vera Rubin at Max-Q into the second row (its figures
# are scaled from GB300 or quoted by the trade press: read this for the policies, not for the product). `none` stands
# for a hall without caps: it draws what it wants and breaks the limit. `priority` sheds racks where the floors do not
# fit, so it alone goes further down. Each rack that it sheds frees the power of a floor for the others: the curve has
# steps, and can rise as the cap falls.

# %%
mixed = {"rows[row2].rack_type": "vr-nvl72-maxq"}
steps = np.arange(2.8, 1.35, -0.05)
shared = {}
for policy in ("max-throughput", "proportional", "equal", "priority", "none"):
    hall_of = twin.load("gb300-su", mixed | {"power.policy": policy, "rows[row1].priority": "2"})
    shared[policy] = twin.solve(hall_of, twin.Operation(utility_cap=watts(steps)))
    least = steps[shared[policy].converged.values == 1].min()
    excess = float((shared[policy].utility_power - watts(steps)).max()) / si("1 MW", "W")
    print(f"{policy:15} solved down to {least:.2f} MW, at most {max(excess, 0.0):.2f} MW over the cap")

# %%
figure = go.Figure()
for policy, found in shared.items():
    dash = "dot" if policy == "none" else "solid"
    figure.add_scatter(x=steps, y=found.tokens_per_second.values / 1e6, name=policy, line_dash=dash)
figure.update_layout(
    title="A row of GB300 (priority 2) and a row of Vera Rubin Max-Q (priority 1) under one cap",
    xaxis_title="cap, MW", yaxis_title="million token/s", width=850, height=420, yaxis_rangemode="tozero",
)  # fmt: skip
figure

# %%
at = int(np.abs(steps - 2.2).argmin())
delivered = {policy: float(found.tokens_per_second[at]) for policy, found in shared.items()}
for policy, value in delivered.items():
    row1, row2 = (text(float(shared[policy].power[at, rack]), "W") for rack in (0, 8))
    print(f"{policy:15} {value / 1e6:.2f} million token/s, {row1} a GB300, {row2} a Vera Rubin")

# %% [markdown]
# ## What it rests on
#
# Tokens under a cap follow one law of the GPU's watts, and the demand follows one of its use. Their figures are fitted,
# not read off a data sheet; racks, shelves and plant add theirs.

# %%
for made in hall.products:
    if made.kind in ("cap_law", "power_law"):
        for name, one in made.figures.items():
            print(f"{made.name:11} {name:20} {one.status:10} {one.source[:85]}")
rack = hall.racks.types[0].product
for name in ("minimumClockRatio", "leakageShare", "shelfEfficiency"):
    print(f"{rack.name:11} {name:20} {rack.figures[name].status:10} {rack.figures[name].source[:85]}")

# %% [markdown]
# ## Answer
#
# - **The utility binds below 2.242 MW**, what the hall draws at full speed, and holds all sixteen racks down to 1.375
#   MW, where the floors no longer fit and racks must be shed. Nothing else binds on the way.
# - **Tokens are concave in the cap.** The first kilowatts are cheap, about 160 token/s each; below 1.67 MW the GPUs are
#   under the knee of their voltage curve and a kilowatt is worth eight times as much. At the knee a megawatt-hour gives
#   22 % more tokens, for 9 % of the tokens per second: a cap there is a bargain, a cap below it is not.
# - **One UPS out costs nothing** at full power. To be ready for the next outage as well costs nothing either at 50
#   token/s per user, and 0.4 % of the tokens at 30, where racks draw 2.29 MW, until the cap is below 2.25 MW: then the
#   utility, not the UPS, is what binds.
# - **In a mixed hall the policy matters.** At 2.2 MW `max-throughput` gives 9 % more tokens than equal shares.
# - The shape rests on a fitted cap law, the lower end on an assumed lowest clock and leakage. Judge the knee on
#   your own racks.

# %%
assert abs(onset - 2.225) < 1e-6
assert abs(full.utility_power.item() - si("2.242 MW", "W")) < si("1 kW", "W")
assert abs(cap[solved].min() - 1.375) < 1e-6
assert np.all(np.diff(tokens[solved]) < 1.0)  # less cap, never more tokens
assert np.all(np.diff(slope[between < onset]) > 0)  # and each kilowatt costs more than the one before
assert min(worth) > 0
assert np.allclose(worth, np.interp(caps_priced, between[::-1], slope[::-1]), rtol=0.05)
assert abs(best - 1.675) < 1e-6
assert 0.21 < energy[at_best] / energy[0] - 1 < 0.23
assert 0.08 < 1 - tokens[at_best] / tokens[0] < 0.10
assert 8 < worth[4] / worth[0] < 9
assert curves["none", "ups.A out"][0] >= curves["none", "all in service"][0]
assert 0.003 < spared < 0.005
assert abs(handover - 2.25) < 1e-6
assert 1.08 < delivered["max-throughput"] / delivered["equal"] < 1.10
assert max(delivered, key=delivered.get) == "none"
