//! Sets of small numbers, 0 to 63: the values that a field names.

use std::ops::{BitAnd, BitOr};

/// A set of numbers from 0 to 63. Bit n stands for n itself, also where a field begins with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Set(u64);

impl Set {
    pub(crate) const EMPTY: Self = Self(0);
    /// 0 and each seventh number after it that a month of days reaches.
    const EACH_SEVENTH: Self = Self(1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28);

    /// That number alone; the empty set from 64 on.
    pub(crate) fn one(value: u32) -> Self {
        Self(1_u64.checked_shl(value).unwrap_or(0))
    }

    /// All numbers from 1 to that one, which is below 63.
    pub(crate) fn up_to(last: u32) -> Self {
        Self((1 << (last + 1)) - 2)
    }

    /// That number, which is below 32, and each seventh after it, up to 59 at most.
    pub(crate) fn each_seventh_from(value: u32) -> Self {
        Self(Self::EACH_SEVENTH.0 << value)
    }

    pub(crate) fn contains(self, value: u32) -> bool {
        self & Self::one(value) != Self::EMPTY
    }

    /// The least number of it that is not below that one.
    pub(crate) fn first_from(self, value: u32) -> Option<u32> {
        let left = self.0 & u64::MAX.checked_shl(value).unwrap_or(0);
        (left != 0).then(|| left.trailing_zeros())
    }

    /// The greatest number of it.
    pub(crate) fn last(self) -> Option<u32> {
        self.0.checked_ilog2()
    }

    /// Its numbers, in order.
    pub(crate) fn iter(self) -> impl Iterator<Item = u32> {
        std::iter::successors(self.first_from(0), move |value| self.first_from(value + 1))
    }

    /// The least difference of two of its numbers.
    pub(crate) fn shortest_gap(self) -> Option<u32> {
        self.iter().zip(self.iter().skip(1)).map(|(value, next)| next - value).min()
    }
}

impl BitAnd for Set {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Set {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<u32> for Set {
    fn from_iter<I: IntoIterator<Item = u32>>(values: I) -> Self {
        values.into_iter().fold(Self::EMPTY, |set, value| set | Self::one(value))
    }
}
