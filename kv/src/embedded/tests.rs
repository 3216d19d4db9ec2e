//! What the engine does when things go wrong below it.
