//! Which versions leave the memory where there is too little for all.

use std::collections::{HashMap, VecDeque};

use super::super::owners::Owner;

/// A version that may leave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) owner: &'a Owner,
    pub(super) bytes: u64,
    pub(super) has_isolate: bool,
    pub(super) used_at_ms: u64,
    /// It is wanted now, and stays.
    pub(super) has_just_come: bool,
}

/// The places of those that leave, so that no more than `room_bytes` stay, or only what has just
/// come. Of an owner those without an isolate go first, then the one used longest ago. Owners with
/// more than their part, in bytes, go before all others, the one with the most first and down to
/// its part: what they bring costs nobody else.
pub(super) fn leavers(
    candidates: &[Candidate<'_>],
    room_bytes: u64,
    part_bytes: u64,
) -> Vec<usize> {
    let mut held: HashMap<&Owner, u64> = HashMap::new();
    for candidate in candidates {
        *held.entry(candidate.owner).or_default() += candidate.bytes;
    }
    let mut excess_bytes = held.values().sum::<u64>().saturating_sub(room_bytes);
    let mut order: VecDeque<(usize, &Candidate<'_>)> =
        candidates.iter().enumerate().filter(|(_, candidate)| !candidate.has_just_come).collect();
    let rank = |place: &(usize, &Candidate<'_>)| (place.1.has_isolate, place.1.used_at_ms);
    order.make_contiguous().sort_by_key(rank);
    held.retain(|_, bytes| *bytes > part_bytes);
    let mut leavers = Vec::new();
    while excess_bytes > 0 {
        let greediest = held.iter().max_by_key(|(_, bytes)| **bytes).map(|(owner, _)| *owner);
        let next = match greediest {
            Some(owner) => order.iter().position(|(_, candidate)| candidate.owner == owner),
            None if order.is_empty() => break,
            None => Some(0),
        };
        let Some((place, candidate)) = next.and_then(|next| order.remove(next)) else {
            // All that is left of that owner has just come.
            held.retain(|owner, _| Some(*owner) != greediest);
            continue;
        };
        excess_bytes = excess_bytes.saturating_sub(candidate.bytes);
        leavers.push(place);
        if let Some(bytes) = held.get_mut(candidate.owner) {
            *bytes = bytes.saturating_sub(candidate.bytes);
        }
        held.retain(|_, bytes| *bytes > part_bytes);
    }
    leavers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owner(name: &str) -> Owner {
        Owner::Worker(name.into())
    }

    fn candidate(owner: &Owner, bytes: u64, used_at_ms: u64) -> Candidate<'_> {
        Candidate { owner, bytes, has_isolate: true, used_at_ms, has_just_come: false }
    }

    #[test]
    fn who_has_more_than_a_part_makes_the_room() {
        let (greedy, quiet) = (owner("greedy"), owner("quiet"));
        let candidates = [
            candidate(&quiet, 1, 1),
            candidate(&greedy, 40, 3),
            candidate(&greedy, 40, 2),
            Candidate { has_just_come: true, ..candidate(&greedy, 40, 4) },
        ];
        assert_eq!(leavers(&candidates, 100, 12), [2]);
        assert_eq!(leavers(&candidates, 50, 12), [2, 1]);
        assert_eq!(leavers(&candidates, 40, 12), [2, 1, 0], "the quiet one is the last");
    }

    #[test]
    fn where_all_are_within_their_part_the_one_used_longest_ago_goes_first() {
        let owners: Vec<Owner> = ["a", "b", "c", "d"].map(owner).into();
        let mut candidates: Vec<_> = owners
            .iter()
            .zip([3, 1, 2, 4])
            .map(|(owner, used)| candidate(owner, 10, used))
            .collect();
        assert_eq!(leavers(&candidates, 20, 12), [1, 2]);
        candidates[3].has_isolate = false;
        assert_eq!(leavers(&candidates, 20, 12), [3, 1]);
        assert!(leavers(&candidates, 40, 12).is_empty());
    }

    fn held(left: &[Candidate<'_>], owner: &Owner) -> u64 {
        left.iter().filter(|one| one.owner == owner).map(|one| one.bytes).sum()
    }

    fn can_give(left: &[Candidate<'_>], owner: &Owner) -> bool {
        left.iter().any(|one| one.owner == owner && one.bytes > 0 && !one.has_just_come)
    }

    proptest! {
        /// A version of somebody within their part leaves only where nobody has more than theirs.
        #[test]
        fn nobody_leaves_for_one_who_is_over_their_part(
            versions in prop::collection::vec(
                (0..6_usize, 1..200_u64, any::<bool>(), 0..9_u64),
                1..40,
            ),
            room_bytes in 0..2000_u64,
            part_bytes in 1..400_u64,
        ) {
            let owners: Vec<Owner> = (0..6).map(|number| owner(&number.to_string())).collect();
            let last = versions.len() - 1;
            let candidates: Vec<_> = versions.iter().enumerate().map(|(place, version)| Candidate {
                owner: &owners[version.0],
                bytes: version.1,
                has_isolate: version.2,
                used_at_ms: version.3,
                has_just_come: place == last,
            }).collect();
            let leavers = leavers(&candidates, room_bytes, part_bytes);
            let mut left = candidates.clone();
            for place in &leavers {
                let over: Vec<&Owner> = owners
                    .iter()
                    .filter(|owner| held(&left, owner) > part_bytes && can_give(&left, owner))
                    .collect();
                let goes = left[*place];
                prop_assert!(over.is_empty() || over.contains(&goes.owner));
                prop_assert!(!goes.has_just_come);
                left[*place].bytes = 0;
            }
            let left_bytes: u64 = left.iter().map(|one| one.bytes).sum();
            let is_alone = left.iter().all(|one| one.bytes == 0 || one.has_just_come);
            prop_assert!(left_bytes <= room_bytes || is_alone);
        }
    }
}
