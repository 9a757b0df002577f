//! Many short texts in one piece of memory.

/// Texts one after the other: as a `String` each, the 100,000 of a vocabulary and its merges would take a quarter of the time of
/// loading a small model, and four times the memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    joined: String,
    /// Where each ends in `joined`.
    ends: Vec<usize>,
}

impl Texts {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text at `index`.
    pub fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.joined[start..end])
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        (0..self.len()).map(|index| self.get(index).expect("below the length"))
    }

    /// Adds what `write` puts behind the others as one text.
    pub(super) fn push<E>(&mut self, write: impl FnOnce(&mut String) -> Result<(), E>) -> Result<(), E> {
        write(&mut self.joined)?;
        self.ends.push(self.joined.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_in_order_empty_ones_too() {
        let mut texts = Texts::default();
        for text in ["", "ab", "", "ü", ""] {
            let write = |joined: &mut String| {
                joined.push_str(text);
                Ok::<_, ()>(())
            };
            texts.push(write).unwrap();
        }
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["", "ab", "", "ü", ""]);
        assert_eq!((texts.len(), texts.get(3), texts.get(5)), (5, Some("ü"), None));
    }
}
