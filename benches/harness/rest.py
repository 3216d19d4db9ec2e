"""How long after an attack a node has given back what it promises to give back, by the times that are
written into it. Not here: whether it has."""

# An isolate without events for so long is evicted (`idle_timeout`, runtime/src/config.rs).
ISOLATE_IDLE_S = 600
# Without a lost shard for so long, or with much less memory than there was, another process takes over where
# what that has left is of note, and comes back with it: the takeover at rest (`CALM_AFTER`,
# runtime/src/runtime/restart.rs).
_CALM_S = 180
# From one takeover at rest to the next, at least (`rests`, cli/src/serve/supervisor/takeovers.rs). An attack
# of more than three minutes may have had one just before its end.
_BETWEEN_RESTS_S = 600
# Isolates and losses are looked at so often (`SWEEP`, runtime/src/shard/thread.rs; `LOOKED_EACH`,
# cli/src/serve/node.rs).
_LOOK_S = 1
# What goes on when the clients are gone, with a core to itself: code with the largest `cpu_ms` of the
# attackers', and what it gets beyond that before it costs its shard (`stuck_after`, runtime/src/config.rs).
_LAST_SLICE_S = 30 + 1
# A process starts with all workers and is handed over to, and the old one ends. An allowance: the supervisor
# lets each step take longer (`READY_TIMEOUT`, cli/src/serve/supervisor.rs).
_TAKEOVER_S = 60

# When a takeover at rest is due and done that did not have to wait for an earlier one.
TAKEOVER_AT_REST_S = _LAST_SLICE_S + _CALM_S + _LOOK_S + _TAKEOVER_S
# When all is back, with a takeover and without; there may be much less memory only when idle isolates are gone.
GIVEN_BACK_S = max(
    TAKEOVER_AT_REST_S,
    _BETWEEN_RESTS_S + _LOOK_S + _TAKEOVER_S,
    _LAST_SLICE_S + ISOLATE_IDLE_S + _CALM_S + _LOOK_S + _TAKEOVER_S,
)
