//! What the front refuses, and whom it cuts off, so that there is room for others: counted for the
//! metrics. It is asked for on every shard and takes no lock. Connections that are closed because memory
//! is short are counted in `front/shedding.rs`.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::pace::Pace;
use crate::refusal::Refusal;

/// Why a client is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutOff {
    /// It takes too little of what it has asked for.
    Answer,
    /// The body of its request comes too slowly.
    Body,
    /// The head of its request does.
    Head,
    /// So does its part of the TLS handshake.
    Handshake,
    /// It sends more small pieces of bodies than it may have waiting.
    Pieces,
    /// There is no room for a head that is not complete, or waits behind another.
    Room,
}

impl CutOff {
    /// All of them, in the order of their numbers.
    const ALL: [CutOff; 6] = [
        CutOff::Answer,
        CutOff::Body,
        CutOff::Head,
        CutOff::Handshake,
        CutOff::Pieces,
        CutOff::Room,
    ];

    /// The name in metrics.
    fn as_str(self) -> &'static str {
        match self {
            CutOff::Answer => "answer",
            CutOff::Body => "body",
            CutOff::Head => "head",
            CutOff::Handshake => "handshake",
            CutOff::Pieces => "pieces",
            CutOff::Room => "room",
        }
    }
}

/// The counts of a front.
pub(super) struct Tally {
    /// Requests for whose heads there was no room.
    heads: Pace,
    cut_off: [AtomicU64; CutOff::ALL.len()],
}

/// What a front has refused since its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnedAway {
    /// Connections that were closed at once: their client's address had as many as it may.
    pub connections: u64,
    /// Requests for whose heads there was no room.
    pub heads: u64,
    /// Clients that were cut off, for each reason.
    pub cut_off: Vec<(&'static str, u64)>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { heads: Pace::new(), cut_off: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// A client is cut off.
    pub(super) fn cut_off(&self, why: CutOff, client: SocketAddr) {
        if let Some(count) = self.cut_off.get(why as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        tracing::debug!(%client, reason = why.as_str(), "the client is cut off");
    }

    /// A request is refused. What it is refused for may be that its client is too slow.
    pub(super) fn refused(&self, refusal: &Refusal, client: SocketAddr) {
        if matches!(refusal, Refusal::BodyTimeout) {
            self.cut_off(CutOff::Body, client);
        }
    }

    /// There is no room for the head of a request.
    pub(super) fn no_room(&self, client: SocketAddr) {
        if let Some(requests) = self.heads.again() {
            let address = client.ip().to_canonical();
            tracing::warn!(%address, requests,
                "requests are refused: their connection, their address or the node keeps as many \
                 bytes of heads as it may");
        }
    }

    /// What there was so far; the connections that were refused, or told to close for their small
    /// pieces, are counted elsewhere.
    pub(super) fn turned_away(&self, connections: u64, crumbled: u64) -> TurnedAway {
        let counts = CutOff::ALL.iter().zip(&self.cut_off).map(|(why, count)| {
            let elsewhere = if *why == CutOff::Pieces { crumbled } else { 0 };
            (why.as_str(), count.load(Ordering::Relaxed) + elsewhere)
        });
        TurnedAway { connections, heads: self.heads.times(), cut_off: counts.collect() }
    }
}

impl TurnedAway {
    /// How many clients were cut off for that reason.
    pub fn cut_off_for(&self, reason: &str) -> u64 {
        self.cut_off.iter().find(|(known, _)| *known == reason).map_or(0, |(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_counted_by_itself() {
        let tally = Tally::new();
        let client = SocketAddr::from(([127, 0, 0, 1], 1));
        tally.cut_off(CutOff::Room, client);
        tally.refused(&Refusal::BodyTimeout, client);
        tally.refused(&Refusal::BodyBroken, client);
        tally.no_room(client);
        tally.no_room(client);
        let turned_away = tally.turned_away(3, 4);
        assert_eq!((turned_away.connections, turned_away.heads), (3, 2));
        let expected =
            [("answer", 0), ("body", 1), ("head", 0), ("handshake", 0), ("pieces", 4), ("room", 1)];
        assert_eq!(turned_away.cut_off, expected);
        assert_eq!(turned_away.cut_off_for("pieces"), 4);
    }
}
