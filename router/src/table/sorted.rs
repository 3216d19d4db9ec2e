//! Sorted texts behind one another in one allocation, so that a search among many touches
//! little memory. What the texts are and mean is known to `paths.rs` alone.

/// A list of texts in ascending order.
#[derive(Clone, Debug, Default)]
pub(super) struct SortedTexts {
    text: String,
    /// Where in `text` each one ends; it begins where the one before it ends.
    ends: Vec<usize>,
}

impl SortedTexts {
    /// Adds a text that does not sort before the present last one.
    pub(super) fn push(&mut self, text: &str) {
        debug_assert!(self.last().is_none_or(|last| last <= text), "{text} is out of order");
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// Gives back memory that was held for growth.
    pub(super) fn shrink_to_fit(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    pub(super) fn get(&self, index: usize) -> Option<&str> {
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start..*self.ends.get(index)?)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map_while(|index| self.get(index))
    }

    /// The index and text of the last one that does not sort after `text`.
    pub(super) fn last_up_to(&self, text: &str) -> Option<(usize, &str)> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle)? <= text {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let index = low.checked_sub(1)?;
        Some((index, self.get(index)?))
    }

    fn last(&self) -> Option<&str> {
        self.get(self.len().checked_sub(1)?)
    }
}
