"""The story of the plant in pure array functions: what is alive, how much flows, where the heat goes, what the
one-line carries, and the limits that follow. No iteration here: `twin.equilibrium` closes the loop."""
