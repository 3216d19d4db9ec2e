//! The small pieces of bodies that have come in HTTP/2 and that nobody has taken, and what they keep
//! beside what is in them. Which body a piece is of is found out in `ahead/streams.rs`, and what a
//! connection may have of them is said in `ahead/account.rs`.
//!
//! What a piece costs before the front gets it is in h2 0.4, tokio-util 0.7 and bytes 1:
//!
//! - h2 has a slot of some 250 bytes for each, with its `Bytes`, in a slab that has up to twice as many
//!   slots as are needed, and gives them back with the connection: see [`PIECE_BYTES`]. The header of its
//!   frame is no part of it; it is in the buffer with it.
//! - It is a part of the buffer that it was read into, and keeps all of that, however little it has of it.
//!   The first one has 8 KiB, and so has each that is begun because pieces keep the one before, which has no
//!   room left. One that nothing keeps is used again, and doubled where a frame does not fit into what is
//!   left of it: to 16 KiB, to 32 and to 64. One of 64 KiB is not doubled: a frame has 16 KiB and nine bytes
//!   at most, so that what has come of one that does not fit is shorter than what was passed before it, and
//!   moves to the beginning. To double it so much has to be passed: 8 KiB for the first time, 24 in all for
//!   the second and 56 for the third. So it has no more than 8 KiB and what has come since another was kept.
//!
//! A body is sent in a row, and its pieces share a buffer; but what comes between them for others, who take
//! it at once, leaves each piece alone in its buffer. So a [`Stretch`] of what comes stands for the buffer
//! that its pieces keep, and is counted as long as one of them is held.

use std::collections::VecDeque;

use smallvec::SmallVec;

/// What h2 keeps for each piece beside the piece, in bytes.
pub(super) const PIECE_BYTES: usize = 512;
/// The buffer that pieces are read into at first.
pub(super) const BUFFER_BYTES: usize = 8 << 10;
/// The largest that it grows to.
pub(super) const MOST_BUFFER_BYTES: usize = 64 << 10;

/// What small pieces that are held keep of what has come on a connection.
#[derive(Default)]
pub(super) struct Stretches {
    /// In the order in which they came.
    held: VecDeque<Stretch>,
    /// What their pieces keep together, in bytes.
    bytes: usize,
}

/// Some of what came in a row. What is read of it begins within the length of a buffer, so that its pieces
/// lie in one, or in two: what is kept is no more than twice what is counted.
struct Stretch {
    /// So much had come before on the connection, in bytes.
    begin: usize,
    /// When it was begun something was kept that had come after so many bytes; 0 where nothing was.
    kept_since: usize,
    /// What its pieces keep.
    bytes: usize,
    /// So many runs of pieces are in it.
    runs: usize,
}

impl Stretches {
    /// What is kept, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether what is read after so many bytes is a part of the last one.
    pub(super) fn reach(&self, begin: usize) -> bool {
        self.held.back().is_some_and(|last| begin - last.begin < BUFFER_BYTES)
    }

    /// Pieces were read with the bytes of the connection from `begin` to `end`. Answers where the stretch
    /// begins that they are in.
    fn come(&mut self, begin: usize, end: usize) -> usize {
        if !self.reach(begin) {
            let kept_since = self.held.back().map_or(0, |last| last.begin);
            self.held.push_back(Stretch { begin, kept_since, bytes: 0, runs: 0 });
        }
        let Some(last) = self.held.back_mut() else { return begin };
        let bytes = (BUFFER_BYTES + end - last.kept_since).min(MOST_BUFFER_BYTES);
        self.bytes += bytes - last.bytes;
        last.bytes = bytes;
        last.begin
    }

    /// Another run of pieces is in the last one.
    fn begin_run(&mut self) {
        if let Some(last) = self.held.back_mut() {
            last.runs += 1;
        }
    }

    /// A run of pieces is held no more, of the stretch that begins there.
    fn end_run(&mut self, begin: usize) {
        let Ok(at) = self.held.binary_search_by_key(&begin, |stretch| stretch.begin) else {
            return;
        };
        let Some(stretch) = self.held.get_mut(at) else { return };
        stretch.runs -= 1;
        if stretch.runs == 0 {
            self.bytes -= stretch.bytes;
            self.held.remove(at);
        }
    }
}

/// Small pieces that are held, of one body or of several.
#[derive(Default)]
pub(super) struct Pieces {
    all: usize,
    /// In the order in which they came, and in which those of one body are taken.
    runs: SmallVec<[Run; 1]>,
}

/// Pieces of one stretch.
struct Run {
    /// Where it begins.
    stretch: usize,
    pieces: usize,
}

impl Pieces {
    /// So many more were read with the bytes of the connection from `begin` to `end`.
    pub(super) fn come(
        &mut self,
        more: usize,
        (begin, end): (usize, usize),
        stretches: &mut Stretches,
    ) {
        self.all += more;
        let stretch = stretches.come(begin, end);
        match self.runs.last_mut() {
            Some(run) if run.stretch == stretch => run.pieces += more,
            _ => {
                stretches.begin_run();
                self.runs.push(Run { stretch, pieces: more });
            }
        }
    }

    /// So many were taken, and they are of one body.
    pub(super) fn taken(&mut self, mut taken: usize, stretches: &mut Stretches) {
        if taken == 0 {
            return;
        }
        self.all = self.all.saturating_sub(taken);
        let mut over = 0;
        for run in &mut self.runs {
            if taken < run.pieces {
                run.pieces -= taken;
                break;
            }
            taken -= run.pieces;
            stretches.end_run(run.stretch);
            over += 1;
        }
        drop(self.runs.drain(..over));
    }

    /// So many were taken, and nobody knows which.
    pub(super) fn some_taken(&mut self, taken: usize, stretches: &mut Stretches) {
        self.all = self.all.saturating_sub(taken);
        if self.all == 0 {
            self.forget(stretches);
        }
    }

    /// Those of another body may be among them.
    pub(super) fn take_over(&mut self, other: Self) {
        self.all += other.all;
        self.runs.extend(other.runs);
    }

    /// None of them are held any more. Answers how many they were.
    pub(super) fn forget(&mut self, stretches: &mut Stretches) -> usize {
        for run in std::mem::take(&mut self.runs) {
            stretches.end_run(run.stretch);
        }
        std::mem::take(&mut self.all)
    }
}
