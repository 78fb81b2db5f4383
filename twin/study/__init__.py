"""Studies make scenarios, call `solve` and reduce what comes back: no physics and no second loop."""
