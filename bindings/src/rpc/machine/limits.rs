//! How much of everything a machine holds at a time.

/// The bounds of one event's machine.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls that are open at a time in one session, in each direction.
    pub questions: usize,
    /// References that are given at a time in one session, in each direction.
    pub exports: usize,
    /// Streams that pass through one session at a time.
    pub streams: usize,
    /// The data of one call or result, in bytes.
    pub payload_bytes: usize,
    /// Names in the path of one call.
    pub path: usize,
    /// What waits to be sent in one session, in bytes.
    pub outbox_bytes: usize,
    /// Pipelined calls that wait for a result in this event, in bytes.
    pub waiting_bytes: usize,
    /// What came and JavaScript has not taken, in bytes. Beyond it nothing is received: it waits with who
    /// sent it.
    pub inbox_bytes: usize,
    /// Calls that are open at a time in the event: its own, those that it answers, those that it forwards.
    pub calls: usize,
    /// What of one stream is on its way, in bytes.
    pub window_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            questions: 10_000,
            exports: 10_000,
            streams: 256,
            // Of Workers: 32 MiB, and a path of 64 names.
            payload_bytes: 32 << 20,
            path: 64,
            outbox_bytes: 64 << 20,
            waiting_bytes: 64 << 20,
            inbox_bytes: 1 << 20,
            calls: 40_000,
            window_bytes: 256 << 10,
        }
    }
}
